# SPDX-License-Identifier: Apache-2.0
"""Export of all hosts as a file, and its way back: the same hosts with the same parameters of their installation."""
from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from sysinv.resources.bulk.intake import entries
from sysinv.resources.bulk.reading import FileFormat, format_of, read
from sysinv.resources.bulk.writing import elements, sorted_hosts, written
from sysinv.resources.host.rules import INSTALL_PARAMETERS
from sysinv.resources.network.table import NETWORKS
from tests.unit.sysinv.resources.conftest import CONTROLLER_MAC
from tests.unit.sysinv.resources.files import BOARD, bulk_add, controller, document, host, mac_of, names

FORMATS = [form.value for form in FileFormat]
INSTALLATION = ("<boot_device>/dev/disk/by-path/pci-0000:00:17.0-ata-1</boot_device><rootfs_device>nvme0n1"
                "</rootfs_device><hw_settle>30</hw_settle><install_output>graphical</install_output><console/>"
                "<tboot>true</tboot><location>row 4 &amp; &lt;rack&gt; 7, \"left\"</location>"
                "<clock_synchronization>ptp</clock_synchronization><apparmor>enabled</apparmor>"
                "<serialid>007</serialid><ttys_dcd>true</ttys_dcd><vsc_controllers>10.0.0.1,10.0.0.2</vsc_controllers>")
KEPT = (*sorted(INSTALL_PARAMETERS), "hostname", "personality", "subfunctions", "mgmt_mac", "location", "serialid",
        "ttys_dcd", "clock_synchronization", "apparmor", "vsc_controllers")

device = st.from_regex(r"\A(/dev/)?[A-Za-z0-9_:+-]{1,20}(\.[A-Za-z0-9]{1,4})?\Z")
# What a location may be: no control characters; the ends of a text are no part of it.
location = st.text(st.one_of(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"),
    st.sampled_from("\n\r\t'\"<&,=;{\x85")), max_size=40).map(str.strip)


@st.composite
def hosts(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Rows of workers, controllers and storage hosts."""
    found = []
    for number in range(draw(st.integers(1, 6))):
        personality = draw(st.sampled_from(["controller", "storage", "worker", "edgeworker"]))
        text = draw(location)
        found.append({
            "personality": personality, "hostname": f"{personality}-{number}",
            "subfunctions": draw(st.sampled_from(["worker", "worker,lowlatency"])), "mgmt_mac": mac_of(number),
            "mgmt_ip": draw(st.none() | st.just("10.0.0.9")), "location": {"locn": text} if text else {},
            "bm_type": draw(st.sampled_from([None, "none", "redfish"])), "bm_ip": draw(st.none() | st.just("fd00::1")),
            "bm_username": draw(st.none() | st.just("root")), "boot_device": draw(device),
            "rootfs_device": draw(device), "hw_settle": str(draw(st.integers(0, 9999))),
            "install_output": draw(st.sampled_from(["text", "graphical"])),
            "console": draw(st.sampled_from(["", "ttyS0,115200", "ttyS1,9600n8"])),
            "tboot": draw(st.sampled_from(["", "true", "false"])),
            "vsc_controllers": draw(st.none() | st.just("a,b")), "serialid": draw(st.none() | st.just("0x7")),
            "ttys_dcd": draw(st.none() | st.booleans()),
            "clock_synchronization": draw(st.sampled_from(["ntp", "ptp"])),
            "apparmor": draw(st.sampled_from(["enabled", "disabled"]))})
    return found


@given(rows=hosts(), form=st.sampled_from(FileFormat), static=st.booleans())
def test_what_is_written_is_read(rows: list[dict[str, Any]], form: FileFormat, static: bool) -> None:
    content = written([elements(row, static) for row in rows], '26.03 <"&', form)
    data = content.encode()
    assert format_of(data, "hosts", None) is form
    found = entries(read(data, form))
    assert len(found) == len(rows)
    for entry, row in zip(found, rows, strict=True):
        assert entry.refusal == ""
        assert not entry.power_on and "bm_password" not in entry.values
        assert {name: entry.values[name] for name in INSTALL_PARAMETERS} == {
            name: row[name] for name in INSTALL_PARAMETERS}
        named = row["personality"] in ("worker", "edgeworker")
        assert entry.values.get("hostname") == (row["hostname"] if named else None)
        for name in ("personality", "mgmt_mac", "vsc_controllers", "serialid", "ttys_dcd", "bm_type", "bm_ip",
                     "bm_username"):
            assert entry.values.get(name) == row[name], name
        assert entry.values.get("location", {}) == row["location"]
        assert entry.values.get("apparmor", "disabled") == row["apparmor"]
        assert entry.values.get("clock_synchronization", "ntp") == row["clock_synchronization"]


@given(text=st.text(max_size=30), form=st.sampled_from(FileFormat))
def test_any_stored_text_makes_a_file_that_can_be_read(text: str, form: FileFormat) -> None:
    content = written([{"hostname": "worker-0", "location": text.replace("\x00", "")}], "1.0", form)
    ((*_, (name, _)),) = read(content.encode("utf-8", "replace"), form)
    assert name == "location"


def test_the_xml(cloud: Any) -> None:
    bulk_add(cloud, document(host(10, BOARD), host(9, INSTALLATION), controller(mac_of(1)),
                             "<host><hostname>edge-0</hostname><personality>edgeworker</personality>"
                             f"<mgmt_mac>{mac_of(7)}</mgmt_mac></host>"))
    cloud.discover(mac_of(77))
    reply = cloud.get("/v1/ihosts/bulk_export")
    assert reply.status == 200 and set(reply.body) == {"content"}
    content = reply.body["content"]
    root = ElementTree.fromstring(content)
    assert root.tag == "hosts" and root.get("version") == cloud.host("controller-0")["sw_version"]
    assert [one.findtext("mgmt_mac") for one in root] == [CONTROLLER_MAC, *map(mac_of, (1, 10, 9, 7))]
    assert [child.tag for child in root[1]] == [
        "personality", "mgmt_mac", "bm_type", "bm_password", "boot_device", "rootfs_device", "hw_settle",
        "install_output", "console", "tboot"]
    assert content.partition("  <host>\n    <personality>worker</personality>\n")[2].partition("  </host>")[0] == (
        "    <hostname>worker-10</hostname>\n    <subfunctions>worker</subfunctions>\n"
        f"    <mgmt_mac>{mac_of(10)}</mgmt_mac>\n    <!-- <power_on /> -->\n    <bm_type>redfish</bm_type>\n"
        "    <bm_ip>10.10.20.101</bm_ip>\n    <bm_username>root</bm_username>\n    <bm_password/>\n"
        "    <boot_device>/dev/sda</boot_device>\n    <rootfs_device>/dev/sda</rootfs_device>\n"
        "    <hw_settle>0</hw_settle>\n    <install_output>text</install_output>\n"
        "    <console>ttyS0,115200</console>\n    <tboot/>\n")
    assert "s3cret" not in content


def test_addresses_of_a_static_network_are_shown(cloud: Any) -> None:
    bulk_add(cloud, document(host(1)))
    assert "mgmt_ip" not in cloud.get("/v1/ihosts/bulk_export").body["content"]
    with cloud.db.writer() as conn:
        conn.execute(sa.update(NETWORKS).where(NETWORKS.c.type == "mgmt").values(dynamic=False))
    content = cloud.get("/v1/ihosts/bulk_export").body["content"]
    assert f"<mgmt_ip>{cloud.host('worker-1')['mgmt_ip']}</mgmt_ip>" in content


@pytest.mark.parametrize("form", FORMATS)
def test_exported_hosts_come_back_as_they_were(cloud: Any, form: str) -> None:
    bulk_add(cloud, document(host(1, INSTALLATION), host(2, "<subfunctions>worker,lowlatency</subfunctions>"),
                             host(3, BOARD)))
    cloud.settle()
    workers = ("worker-1", "worker-2", "worker-3")
    before = {name: cloud.host(name) for name in workers}
    content = cloud.get(f"/v1/ihosts/bulk_export?format={form}").body["content"]
    for name in workers:
        assert cloud.delete(f"/v1/ihosts/{name}").status == 204
    cloud.settle()
    assert names(cloud) == ["controller-0"]
    reply = bulk_add(cloud, content.encode(), "exported")
    # The controller that runs the service stays as it is.
    assert [(one["hostname"], one["status"]) for one in reply["hosts"]] == [
        ("controller-0", "added"), *((name, "added") for name in workers)]
    for name in workers:
        after = cloud.host(name)
        assert {key: after[key] for key in KEPT} == {key: before[name][key] for key in KEPT}
    assert cloud.mtce.actions == []


def test_controllers_come_first_and_each_role_by_name() -> None:
    rows = [{"personality": personality, "hostname": name} for personality, name in (
        ("worker", "b"), ("edgeworker", "a"), ("worker", "a"), ("storage", "storage-0"), ("controller", "controller-1"),
        ("controller", "controller-0"))]
    assert [row["hostname"] for row in sorted_hosts(rows)] == [
        "controller-0", "controller-1", "storage-0", "a", "b", "a"]


def test_a_spreadsheet_runs_no_location() -> None:
    for text in ("=1+1", "'=x", "@a", "''+b", "'plain", "plain"):
        content = written([{"hostname": "a", "location": text}], "1", FileFormat.CSV)
        assert content.split(",")[-1][0] in "'p"
        assert read(content.encode(), FileFormat.CSV) == [(("hostname", "a"), ("location", text))]


def test_an_unknown_format(cloud: Any) -> None:
    reply = cloud.get("/v1/ihosts/bulk_export?format=json")
    assert reply.status == 400 and "one of: xml, yaml, csv" in reply.fault

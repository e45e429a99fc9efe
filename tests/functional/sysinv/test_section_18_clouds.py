# SPDX-License-Identifier: Apache-2.0
"""Acceptance scenarios of hosts 26, 27 and 32: files of hosts, and who may see and change what.

Scenario 25, a file of fifty hosts, is ``test_sysinv_bulk.py``; 31 is the benchmark ``tests/bench/bench_inventory.py``.
"""
from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.functional.sysinv.simulated import MACS, Site

PASSWORD = "s3cret-of-a-board"
BOARD = {"bm_type": "redfish", "bm_username": "root", "bm_password": PASSWORD}
KEPT = ("hostname", "personality", "subfunctions", "mgmt_mac", "boot_device", "rootfs_device", "hw_settle",
        "install_output", "console", "tboot", "location", "bm_type", "bm_ip", "bm_username")


def bulk_add(sysinv: Any, content: str) -> dict[str, Any]:
    answer = requests.post(f"{sysinv.base}/v1/ihosts/bulk_add", files={"file": ("hosts.xml", content.encode())},
                           timeout=60, headers={"X-Auth-Token": sysinv.keystone.token("configurator", "admin")})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def element(hostname: str, mac: str, more: str = "") -> str:
    return (f"<host><hostname>{hostname}</hostname><personality>worker</personality><mgmt_mac>{mac}</mgmt_mac>{more}"
            "<power_on/></host>")


def test_scenario_26_hosts_that_are_powered_on(site: Site) -> None:
    sysinv = site.sysinv
    board = (f"<bm_type>redfish</bm_type><bm_ip>10.10.26.1</bm_ip><bm_username>root</bm_username>"
             f"<bm_password>{PASSWORD}</bm_password>")
    with_board, without = next(MACS), next(MACS)
    reply = bulk_add(sysinv, f"<hosts>{element('s26-board', with_board, board)}{element('s26-none', without)}</hosts>")
    hosts = {one["hostname"]: site.known(one["uuid"], one["hostname"]) for one in reply["hosts"]}
    assert reply["error"] == ""
    assert reply["success"] == ("\n s26-board\n s26-none Warning: Ignoring <power_on> due to insufficient board "
                                "management (bm) data.")
    sysinv.wait(lambda: ("power-on", hosts["s26-board"].uuid) in sysinv.mtce.told, "the host to be powered on")
    sysinv.wait(lambda: hosts["s26-none"].uuid in sysinv.mtce.hosts, "the other host to be known")
    assert ("power-on", hosts["s26-none"].uuid) not in sysinv.mtce.told


def test_scenario_27_what_was_exported_is_added_again(site: Site) -> None:
    sysinv = site.sysinv
    made = [site.add("s27-one", console="ttyS1,9600", rootfs_device="/dev/nvme0n1", boot_device="/dev/nvme0n1",
                     install_output="graphical", hw_settle="20", location={"locn": "row 4"}),
            site.add("s27-two", subfunctions="worker,lowlatency", console="")]
    before = [{name: one.shown[name] for name in KEPT} for one in made]
    content = sysinv.get("/v1/ihosts/bulk_export").body["content"]
    for one in made:
        assert sysinv.call("DELETE", one.path).status == 204
    sysinv.wait(lambda: all(sysinv.get(one.path).status == 404 for one in made), "the hosts to be gone")
    reply = bulk_add(sysinv, content)
    # The file has all hosts; of the controller that runs this, only the board would be changed.
    added = {one["hostname"]: one for one in reply["hosts"] if one["hostname"].startswith("s27-")}
    assert [(name, one["status"]) for name, one in added.items()] == [("s27-one", "added"), ("s27-two", "added")]
    again = [site.known(one["uuid"], name) for name, one in added.items()]
    assert [{name: one.shown[name] for name in KEPT} for one in again] == before


@pytest.mark.parametrize("path", ["/v1/ihosts", "/v1/isystems", "/v1/networks", "/v1/iprofile", "/v1/operations"])
def test_scenario_32_a_reader_reads_and_a_stranger_nothing(site: Site, path: str) -> None:
    assert site.sysinv.get(path, role="reader").status == 200
    assert site.sysinv.get(path, role=None).status == 401


def test_scenario_32_what_a_reader_may_not_change(site: Site) -> None:
    sysinv, host = site.sysinv, site.add("s32-reader")
    assert sysinv.patch(host.path, role="reader", console="").status == 403
    assert sysinv.patch(host.path, role="reader", action="lock").status == 403
    assert sysinv.call("DELETE", host.path, role="reader").status == 403
    assert sysinv.call("PUT", f"{host.path}/state/host_cpus_modify", [], role="reader").status == 403
    assert host.shown["console"] == "ttyS0,115200"


def test_scenario_32_a_password_of_a_board_is_never_seen(site: Site) -> None:
    """Neither in answers nor in logs, nor in what is sent over the bus."""
    sysinv = site.sysinv
    body = {"personality": "worker", "hostname": "s32-board", "mgmt_mac": next(MACS), "bm_ip": "10.10.32.1", **BOARD}
    reply = sysinv.call("POST", "/v1/ihosts", body)
    host = site.known(reply.body["uuid"], body["mgmt_mac"])
    seen = [reply.text]
    seen += [sysinv.get(path).text for path in (host.path, "/v1/ihosts", "/v1/ihosts/bulk_export", "/v1/operations",
                                                f"{host.path}/operations")]
    sysinv.wait(lambda: host.uuid in sysinv.mtce.hosts, "host maintenance to know the host")
    record = sysinv.mtce.hosts[host.uuid]
    assert record.bm_secret and record.bm_username == "root"
    seen.append(repr(record))
    # A password that is refused is not repeated either.
    refused = host.patch(bm_username="other one", bm_password=PASSWORD)
    assert refused.status == 400
    seen += [refused.text, sysinv.log()]
    assert not [text for text in seen if PASSWORD in text]

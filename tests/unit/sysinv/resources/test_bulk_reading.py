# SPDX-License-Identifier: Apache-2.0
"""Files of hosts: three formats that say the same, what is hostile in them, and what their form is decided by."""
from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysinv.resources.bulk import reading
from sysinv.resources.bulk.intake import entries
from sysinv.resources.bulk.reading import DocumentRefused, FileFormat, format_of, read
from tests.unit.sysinv.resources.files import bulk_add, names

XML = b"""<?xml version="1.0" encoding="UTF-8"?>
<hosts version="1.0">
  <host><personality>controller</personality><mgmt_mac>08:00:27:90:be:dc</mgmt_mac>
    <bm_type>dynamic</bm_type><bm_ip>10.10.10.11</bm_ip><bm_username>root</bm_username><bm_password>pw</bm_password>
    <power_on/>
    <location>site A</location><rootfs_device>/dev/sda</rootfs_device><boot_device>/dev/sda</boot_device>
    <install_output>text</install_output><console>ttyS0,115200</console></host>
  <!-- a worker -->
  <host><hostname>worker-0</hostname><personality>worker</personality><subfunctions>worker,lowlatency</subfunctions>
    <mgmt_mac>08:00:27:bf:29:39</mgmt_mac></host>
</hosts>
"""
YAML = b"""# two hosts
version: 1.0
hosts:
- personality: controller
  mgmt_mac: 08:00:27:90:be:dc
  bm_type: dynamic
  bm_ip: 10.10.10.11
  bm_username: root
  bm_password: pw
  power_on:
  location: site A
  rootfs_device: /dev/sda
  boot_device: /dev/sda
  install_output: text
  console: ttyS0,115200
- hostname: worker-0
  personality: worker
  subfunctions: worker,lowlatency
  mgmt_mac: 08:00:27:bf:29:39
"""
CSV = (b"\xef\xbb\xbfhostname,personality,subfunctions,mgmt_mac,bm_type,bm_ip,bm_username,bm_password,power_on,"
       b"location,rootfs_device,boot_device,install_output\r\n"
       b",controller,,08:00:27:90:be:dc,dynamic,10.10.10.11,root,pw,yes,site A,/dev/sda,/dev/sda,text\r\n\r\n"
       b'worker-0,worker,"worker,lowlatency",08:00:27:bf:29:39\r\n')
FILES = {FileFormat.XML: XML, FileFormat.YAML: YAML, FileFormat.CSV: CSV}
LAUGHS = (b'<!DOCTYPE hosts [<!ENTITY a "ha">' + b"".join(
    f'<!ENTITY {"a" * (n + 1)} "{f"&{chr(97) * n};" * 10}">'.encode() for n in range(1, 10))
    + b"]><hosts><host><location>&aaaaaaaaaa;</location></host></hosts>")
DTD = "a document type (DTD) and entities are not permitted"


@pytest.mark.parametrize("form", list(FileFormat))
def test_the_three_formats_say_the_same(form: FileFormat) -> None:
    first, second = entries(read(FILES[form], form))
    assert (first.refusal, second.refusal) == ("", "")
    expected = {"personality": "controller", "mgmt_mac": "08:00:27:90:be:dc", "bm_type": "dynamic",
                "bm_ip": "10.10.10.11", "bm_username": "root", "bm_password": "pw", "location": {"locn": "site A"},
                "rootfs_device": "/dev/sda", "boot_device": "/dev/sda", "install_output": "text"}
    assert {name: value for name, value in first.values.items() if name != "console"} == expected
    assert first.power_on and not second.power_on
    assert dict(second.values) == {"hostname": "worker-0", "personality": "worker",
                                   "subfunctions": "worker,lowlatency", "mgmt_mac": "08:00:27:bf:29:39"}
    assert (first.title, second.title) == ("with index 0", "worker-0")


@pytest.mark.parametrize(("data", "name", "media_type", "expected"), [
    (XML, "a.csv", "text/xml", FileFormat.XML), (XML, "a.csv", "application/octet-stream", FileFormat.CSV),
    (YAML, "a.YML", None, FileFormat.YAML), (CSV, "a.yaml", "text/csv", FileFormat.CSV),
    (XML, "a", None, FileFormat.XML), (YAML, "a.txt", "text/plain", FileFormat.YAML), (CSV, "a", None, FileFormat.CSV),
    (b"- hostname: a", "a", None, FileFormat.YAML), (b"---\n# x\n\n- hostname: a", "", None, FileFormat.YAML),
    (b"[{hostname: a}]", "a", None, FileFormat.YAML), (b"nonsense", "a", None, FileFormat.XML),
    (b"\xff\xfe\x00", "a", None, FileFormat.XML), (b"", "", None, FileFormat.XML)])
def test_what_the_format_is_decided_by(data: bytes, name: str, media_type: str | None, expected: FileFormat) -> None:
    assert format_of(data, name, media_type) is expected


@pytest.mark.parametrize(("data", "reason"), [
    (LAUGHS, DTD), (b"<!DOCTYPE hosts><hosts><host/></hosts>", DTD),
    (b'<!DOCTYPE h SYSTEM "file:///etc/passwd"><h><host/></h>', DTD),
    (b'<!DOCTYPE h [<!ENTITY x SYSTEM "file:///etc/passwd">]><h><host><location>&x;</location></host></h>', DTD),
    (b'<!DOCTYPE h [<!ENTITY % x SYSTEM "http://127.0.0.1/x"> %x;]><h><host/></h>', DTD),
    (b"<h><host><location>&nothing;</location></host></h>", "undefined entity"),
    (b"<h>" + b"<host>" * 100_000, "<host> is inside <host>, which may only have text"),
    (b"<h><host><location><b/></location></host></h>", "<b> is inside <location>, which may only have text"),
    (b"<h><node/></h>", "the root may only have elements <host>, not <node>"),
    (b"<h>text<host/></h>", "there is text outside of the elements of a host: text"),
    (b"<h><host>worker-0</host></h>", "there is text outside of the elements of a host: worker-0"),
    (b'<h version="' + b"1" * 300 + b'"><host/></h>', "an attribute of <h> has more than 255 characters"),
    (b"<h><host><location>" + b"x" * 5000 + b"</location></host></h>", "<location> has more than 4096 characters"),
    (b"<h><host>" + b"<location/>" * 65 + b"</host></h>", "a host has more than 64 elements"),
    (b"<h>" + b"<host/>" * 1001 + b"</h>", "it has more than 1000 hosts"), (b"<h/>", "it has no host"),
    (b"<h><host></h>", "mismatched tag"), (b"", "no element found"), (b"<h>\x00</h>", "not well-formed"),
    (b'<?xml version="1.0" encoding="no-such"?><h/>', "unknown encoding"),
    (b'<?xml version="1.0" encoding="shift_jis"?><h/>', "encoding")])
def test_hostile_xml(data: bytes, reason: str) -> None:
    with pytest.raises(DocumentRefused) as refused:
        read(data, FileFormat.XML)
    assert reason in str(refused.value)


@pytest.mark.parametrize(("data", "reason"), [
    (b"- &a {hostname: x}\n- *a", "anchors, aliases and tags are not permitted"),
    (b"- hostname: !!python/object/apply:os.system [id]", "anchors, aliases and tags are not permitted"),
    (b"- hostname: *a", "anchors, aliases and tags are not permitted"),
    (b"[" * 100_000, "host with index 0 is no mapping of elements"),
    (b"- " + b"{a: " * 100_000, "host with index 0: names and values must be texts, at a"),
    (b"- {[a]: b}", "host with index 0: names and values must be texts"), (b"- a\n", "is no mapping of elements"),
    (b"hosts: {a: b}", "the keys may be version and hosts"), (b"nodes: []", "the keys may be version and hosts"),
    (b"hosts: []\nhosts: []", "once; not hosts"), (b"hosts: []", "it has no host"), (b"", "it must be a list of hosts"),
    (b"text", "it must be a list of hosts"), (b"- {a: b}\n---\n- {a: b}", "it has more than one document"),
    (b"- {a: b}\n]", "expected"), (b"- {a: b\n", "expected"), (b"- {a: " + b"x" * 5000 + b"}", "more than 4096"),
    (b"- {a: b}\n" * 1001, "it has more than 1000 hosts"),
    (b"- {" + b"a: b, " * 65 + b"}", "a host has more than 64 elements"), (b"\xff", "it is not UTF-8")])
def test_hostile_yaml(data: bytes, reason: str) -> None:
    with pytest.raises(DocumentRefused) as refused:
        read(data, FileFormat.YAML)
    assert reason in str(refused.value)


def test_every_scalar_of_yaml_is_text() -> None:
    (host,) = read(b"- {mgmt_mac: 10:20:30:40:50:60, hw_settle: 0, tboot: true, hostname: no, location: 1e3}",
                   FileFormat.YAML)
    assert host == (("mgmt_mac", "10:20:30:40:50:60"), ("hw_settle", "0"), ("tboot", "true"), ("hostname", "no"),
                    ("location", "1e3"))


@pytest.mark.parametrize(("data", "reason"), [
    (b"hostname,color\n", "'color' is none of hostname"), (b"hostname,hostname\n", "names a column twice"),
    (b"hostname\na,b\n", "line 2 has more cells than there are columns"), (b"hostname,mgmt_mac\n", "it has no host"),
    (b'hostname\n"a', "unexpected end of data"), (b'hostname\n"a"b\n', "line 2"), (b"", "it has no host"),
    (b"hostname\n" + b"x" * 5000, "line 2 has a cell of more than 4096 characters"),
    (b"hostname\n" + b"x" * 200_000, "line 2: field larger"), (b"hostname\n" + b"x\n" * 1001, "more than 1000 hosts"),
    (b"\xff", "it is not UTF-8")])
def test_hostile_csv(data: bytes, reason: str) -> None:
    with pytest.raises(DocumentRefused) as refused:
        read(data, FileFormat.CSV)
    assert reason in str(refused.value)


@pytest.mark.parametrize("form", list(FileFormat))
def test_a_file_of_too_many_bytes(form: FileFormat) -> None:
    with pytest.raises(DocumentRefused, match="more than 2097152 bytes"):
        read(b" " * (reading.FILE_BYTES_MAX + 1), form)


@pytest.mark.parametrize(("name", "data"), [
    ("laughs.xml", LAUGHS), ("deep.xml", b"<a>" * 600_000), ("wide.xml", b"<a " + b"b='c' " * 1000),
    ("deep.yaml", b"[" * 2_000_000), ("keys.yaml", b"? " * 1_000_000), ("cells.csv", b"," * 2_000_000)])
def test_a_hostile_file_is_told_soon_and_adds_nothing(cloud: Any, name: str, data: bytes) -> None:
    begun = time.process_time()
    reply = bulk_add(cloud, data, name)
    assert time.process_time() - begun < 10
    assert reply["error"].startswith(f"No hosts have been added, invalid {name.rpartition('.')[2].upper()} document: ")
    assert reply["hosts"] == [] and names(cloud) == ["controller-0"]


@given(data=st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode), st.builds(
    lambda base, at, more: base[:at] + more + base[at:], st.sampled_from(list(FILES.values())), st.integers(0, 900),
    st.binary(max_size=12))), form=st.sampled_from(list(FileFormat)))
def test_any_bytes_are_read_or_refused(data: bytes, form: FileFormat) -> None:
    try:
        hosts = read(data, form)
    except DocumentRefused as refused:
        assert str(refused).isprintable()
        return
    for entry in entries(hosts):
        assert entry.refusal or entry.values is not None

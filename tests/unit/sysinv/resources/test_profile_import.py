# SPDX-License-Identifier: Apache-2.0
"""Profiles from a file: what each becomes, and what is wrong with others."""
from __future__ import annotations

from typing import Any

import pytest

from sysinv.client.hosts import form
from sysinv.resources.profile import importing
from sysinv.resources.profile.body import BODY, Body, ProfileDisk, ProfileMemory

CPU = """<cpuProfile name="cores"><processor><numberOfProcessor>2</numberOfProcessor>
<coresPerProcessor>3</coresPerProcessor><hyperThreading/></processor>
<platformCores><processor index="0" numberOfCores="1"/></platformCores>
<vswitchCores><processor index="0" numberOfCores="1"/><processor index="1" numberOfCores="1"/></vswitchCores>
</cpuProfile>"""
MEMORY = """<memoryProfile name="pages"><numberOfProcessor>1</numberOfProcessor>
<platformReservedMiB><processor index="0" size="6000"/></platformReservedMiB>
<vmHugePages2M><processor index="0" size="512"/></vmHugePages2M></memoryProfile>"""
STOR = """<storageProfile name="osds">
<disk path="/dev/b" size="5" journalLocation="/dev/a" journalSize="300" tier="gold"/>
<disk path="/dev/a" size="1" volumeFunc="journal"/></storageProfile>"""
LOCAL = """<localstorageProfile name="local"><disk path="/dev/c" size="2"/><lvg lvm_vg_name="nova-local"/>
</localstorageProfile>"""


def read(*texts: str) -> list[importing.Read]:
    return importing.profiles(f"<profiles>{''.join(texts)}</profiles>".encode())


def body(text: str) -> Body:
    (one,) = read(text)
    assert one.error == "" and one.body is not None
    found: Body = BODY.from_document(BODY.to_document(one.body))
    return found


def test_cores_are_dealt_out_by_processor() -> None:
    found = [(one.cpu, one.numa_node, one.thread, one.allocated_function.value) for one in body(CPU).cpus]
    assert found[:6] == [
        (0, 0, 0, "Platform"), (1, 0, 0, "Vswitch"), (2, 0, 0, "Application"),
        (3, 1, 0, "Vswitch"), (4, 1, 0, "Application"), (5, 1, 0, "Application")]
    assert [(cpu - 6, node, thread - 1, function) for cpu, node, thread, function in found[6:]] == found[:6]


def test_memory_and_storage() -> None:
    assert body(MEMORY).memory == (ProfileMemory(0, 6000, 512, 0, False, 0, 2),)
    assert [(one.device_path, one.size_mib, one.function.value, one.tier, one.journal_path, one.journal_size_mib)
            for one in body(STOR).stors] == [
        ("/dev/a", 1024, "journal", "", "", 0), ("/dev/b", 5120, "osd", "gold", "/dev/a", 300)]
    assert body(LOCAL).disks == (ProfileDisk("/dev/c", "", 2048),)


@pytest.mark.parametrize(("text", "words"), [
    (CPU.replace('numberOfCores="1"', 'numberOfCores="2"'), "at least one of its 3 cores must remain"),
    (CPU.replace("<numberOfProcessor>2", "<numberOfProcessor>x"), "numberOfProcessor: x is not a number from 1 to 64."),
    (CPU.replace("<coresPerProcessor>3", "<coresPerProcessor>900"), "at most 1024 cores are supported"),
    (CPU.replace('index="1"', 'index="0"'), "vswitchCores: processor 0 is named twice."),
    ('<cpuProfile name="x"/>', "processor: it is missing."),
    (MEMORY.replace("<numberOfProcessor>1", "<numberOfProcessor>2"), "platformReservedMiB: processor 1 has no value."),
    (MEMORY.replace('size="512"', 'size="-1"'), "size: -1 is not a number"),
    (STOR.replace('"/dev/b"', '"/dev/a"'), "a profile has 1 to 1000 disks, each once."),
    (STOR.replace('"journal"', '"x"'), "volumeFunc: x is not one of osd, journal."),
    (STOR.replace('"/dev/b"', '"b"'), "path: b is not the path of a device."),
    (LOCAL.replace("nova-local", "mine"), "only volume group nova-local is supported, not mine."),
    (LOCAL.replace('name="local"', 'name="a b"'), "Value may have letters"),
    ('<interfaceProfile name="x"/>', "Profiles of this kind can not be imported")])
def test_profiles_that_are_wrong_say_why(text: str, words: str) -> None:
    wrong, right = read(text, MEMORY)
    assert wrong.body is None and words in wrong.error and right.error == ""


@pytest.mark.parametrize("data", [b"", b"<profiles>", b"<hosts/>", b"\xff\xfe",
                                  b"<!DOCTYPE p [<!ENTITY a 'b'>]><profiles/>"])
def test_files_that_are_none(data: bytes) -> None:
    with pytest.raises(importing.Unreadable):
        importing.profiles(data)


def send(cloud: Any, *texts: str, role: str = "admin") -> Any:
    raw, content_type = form("p.xml", f"<profiles>{''.join(texts)}</profiles>".encode())
    return cloud.call("POST", "/v1/iprofile/import_profile", raw=raw, content_type=content_type, role=role)


def test_an_import_over_http(cloud: Any) -> None:
    assert [one["result"] for one in send(cloud, CPU, MEMORY, STOR, LOCAL).body] == ["Success"] * 4
    again, new, wrong = send(cloud, CPU, CPU.replace('"cores"', '"others"'), '<cpuProfile name="x"/>').body
    assert (again["result"], again["msg"]) == ("Warning", "warning: CPU profile cores already exists.")
    assert new == {"result": "Success", "type": "CPU Profile", "name": "others", "detail": "",
                   "msg": "CPU profile others is successfully imported."}
    assert (wrong["result"], wrong["detail"]) == ("Error", "processor: it is missing.")
    assert send(cloud, CPU.replace('"cores"', '"controller-0"')).body[0]["result"] == "Warning"
    assert {one["profilename"] for one in cloud.get("/v1/iprofile").body["iprofiles"]} == {
        "cores", "pages", "osds", "local", "others"}
    assert send(cloud, CPU, role="reader").status == 403
    (invalid,) = send(cloud, "<").body
    assert (invalid["result"], invalid["msg"]) == ("Invalid", "error: the file of profiles is invalid.")
    assert cloud.post("/v1/iprofile/import_profile", {}).fault == "No file of profiles was uploaded."


def test_a_simplex_system_has_no_profiles(simplex: Any) -> None:
    (found,) = send(simplex, CPU).body
    assert (found["result"], found["detail"]) == ("Error", "Profiles are not allowed on a simplex system.")

# SPDX-License-Identifier: Apache-2.0
"""``system cpuprofile-*``, ``memprofile-*``, ``ifprofile-*``, ``roleprofile-*`` and ``host-apply-*profile``."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flock.testing.cli import FakeApi, Ran, run_cli
from sysinv.cmd.shell import PROGRAM

FUNCTIONS = ("Platform", "Platform", "Vswitch", "Application", "Platform", "Application")
CPU = {"uuid": "p-1", "profilename": "cores", "profiletype": "cpu", "nodes": [{"numa_node": 0}, {"numa_node": 1}],
       "cpus": [{"cpu": number, "allocated_function": function} for number, function in enumerate(FUNCTIONS)]}
MEMORY = {"uuid": "p-2", "profilename": "pages", "profiletype": "memory",
          "nodes": [{"numa_node": 0}, {"numa_node": 1}], "memory": [
    {"numa_node": 1, "platform_reserved_mib": 0, "vm_hugepages_nr_2M_pending": 50, "vm_hugepages_nr_1G_pending": 20,
     "vm_pending_as_percentage": True, "vswitch_hugepages_reqd": 1, "vswitch_hugepages_size_mib": 1024},
    {"numa_node": 0, "platform_reserved_mib": 6000, "vm_hugepages_nr_2M_pending": 7, "vm_hugepages_nr_1G_pending": 0,
     "vm_pending_as_percentage": False, "vswitch_hugepages_reqd": 0, "vswitch_hugepages_size_mib": 2}]}
NETS = {"uuid": "p-4", "profilename": "bonded", "profiletype": "if", "ports": [{"name": "eth0"}, {"name": "eth1"}],
        "interfaces": [{"ifname": "bond0", "uses": ["eth0", "eth1"]}, {"ifname": "eth0"}, {"ifname": "eth1"}]}
DISKS = {"uuid": "p-5", "profilename": "two-disks", "profiletype": "localstg", "partitions": [],
         "stors": [{"function": "osd", "device_node": "/dev/sdd"}],
         "disks": [{"device_path": "/dev/disk/by-path/a"}, {"device_path": "/dev/disk/by-path/b"}], "lvgs": [],
         "pvs": [{"disk_or_part_device_node": "/dev/sdb"}, {"disk_or_part_device_node": "/dev/sdc1"}]}
ALL = {"iprofiles": [{"uuid": one["uuid"], "profilename": one["profilename"], "profiletype": one["profiletype"]}
                     for one in (CPU, MEMORY, NETS, DISKS,
                                 {"uuid": "p-3", "profilename": "large", "profiletype": "role"})]}
PLAN = {"cpus": [{"cpu": 1, "allocated_function": "Platform"}], "memory": []}
TABLE: dict[str, Any] = {
    "/v1/iprofile/cpuprofiles_list": {"GET": [CPU]}, "/v1/iprofile/memprofiles_list": {"GET": [MEMORY]},
    "/v1/iprofile/ifprofiles_list": {"GET": [NETS]},
    "/v1/iprofile/storprofiles_list": {"GET": [DISKS]},
    "/v1/iprofile": {"GET": ALL, "POST": {"uuid": "p-9", "profilename": "new"}},
    "/v1/ihosts/w": {"GET": {"uuid": "h-1", "hostname": "worker-0"}},
    "/v1/ihosts/h-1": {"PATCH": {"uuid": "h-1", "hostname": "worker-0", "profile_plan": PLAN}},
    "/v1/ihosts/h-1?dry_run=true": {"PATCH": {"uuid": "h-1", "hostname": "worker-0", "profile_plan": PLAN}}}
RESULTS = [{"result": "Success", "type": "CPU Profile", "name": "a", "msg": "m", "detail": ""},
           {"result": "Warning", "type": "CPU Profile", "name": "b", "msg": "m", "detail": "used"}]
DELETES = {f"/v1/iprofile/p-{number}": {"DELETE": None} for number in (1, 2, 3, 4, 5)}


def system(argv: str) -> tuple[Ran, list[Any]]:
    api = FakeApi({**TABLE, **DELETES})
    ran = run_cli(PROGRAM, argv.split(), api)
    return ran, [tuple(call[:3]) for call in api.calls if call[0] != "GET"]


@pytest.mark.parametrize(("argv", "lines"), [
    ("cpuprofile-list", ["p-1 cores 2 Platform 0-1,4; Vswitch 2; Application 3,5"]),
    ("memprofile-list", ["p-2 pages 2 0: platform 6000 MiB, 2M 7, 1G 0, vswitch 0 of 2 MiB; "
                       "1: platform 0 MiB, 2M 50%, 1G 20%, vswitch 1 of 1024 MiB"]),
    ("roleprofile-list", ["p-3 large"]), ("ifprofile-list", ["p-4 bonded eth0,eth1 bond0,eth0,eth1"]),
    ("storprofile-list", ["p-5 two-disks /dev/disk/by-path/a,/dev/disk/by-path/b /dev/sdb,/dev/sdc1 osd /dev/sdd"])])
def test_lists_show_what_profiles_have(argv: str, lines: list[str]) -> None:
    ran, _ = system(f"{argv} -f value")
    assert [line.replace('"', "") for line in ran.out.splitlines()] == lines


def test_a_profile_is_shown_by_name_or_uuid() -> None:
    for ref in ("cores", "p-1"):
        ran, _ = system(f"cpuprofile-show {ref} -f value -c cores")
        assert ran.out == "Platform 0-1,4; Vswitch 2; Application 3,5\n"
    ran, _ = system("cpuprofile-show pages")
    assert ran.code == 1 and "profile not found: pages" in ran.err
    assert system("memprofile-show pages -f json")[0].json()["memory"] == MEMORY["memory"]


@pytest.mark.parametrize(("command", "kind"), [
    ("cpu", "cpu"), ("mem", "memory"), ("if", "if"), ("stor", "stor"), ("role", "role")])
def test_a_profile_is_taken_from_a_host(command: str, kind: str) -> None:
    ran, sent = system(f"{command}profile-add new w")
    assert ran.code == 0 and sent == [
        ("POST", "/v1/iprofile", {"profilename": "new", "profiletype": kind, "ihost_uuid": "h-1"})]


@pytest.mark.parametrize(("command", "name", "uuid", "kind"), [
    ("cpu", "cores", "p-1", "cpu"), ("mem", "pages", "p-2", "memory"),
    ("role", "large", "p-3", "role"),
    ("if", "bonded", "p-4", "if"), ("stor", "two-disks", "p-5", "stor")])
def test_a_profile_is_deleted(command: str, name: str, uuid: str, kind: str) -> None:
    ran, sent = system(f"{command}profile-delete {name} --yes")
    assert ran.out == f"Deleted {kind} profile: {name}\n" and [call[:2] for call in sent] == [
        ("DELETE", f"/v1/iprofile/{uuid}")]


@pytest.mark.parametrize(("argv", "uuid", "query"), [
    ("host-apply-profile w large", "p-3", ""), ("host-apply-profile w pages --dry-run", "p-2", "?dry_run=true"),
    ("host-apply-cpuprofile w cores", "p-1", ""), ("host-apply-memprofile w p-2", "p-2", ""),
    ("host-apply-ifprofile w bonded", "p-4", ""), ("host-apply-storprofile w p-5", "p-5", ""),
    ("host-apply-roleprofile w large --dry-run", "p-3", "?dry_run=true")])
def test_a_profile_is_applied(argv: str, uuid: str, query: str) -> None:
    ran, sent = system(argv)
    assert (ran.code, sent) == (0, [("PATCH", f"/v1/ihosts/h-1{query}", [
        {"op": "replace", "path": "/action", "value": "apply-profile"},
        {"op": "replace", "path": "/iprofile_uuid", "value": uuid}])])
    assert "Platform" in ran.out


def test_a_typed_command_applies_only_profiles_of_its_type() -> None:
    ran, sent = system("host-apply-cpuprofile w pages")
    assert (ran.code, sent) == (1, []) and "profile not found: pages" in ran.err


def test_an_import_tells_what_came_of_each_profile(tmp_path: Path) -> None:
    file = tmp_path / "profiles.xml"
    file.write_text("<profiles/>")
    for results, code in ((RESULTS[:1], 0), (RESULTS, 1)):
        ran = run_cli(PROGRAM, ["profile-import", str(file), "-f", "value", "-c", "result"], FakeApi(
            {"/v1/iprofile/import_profile": {"POST": results}}))
        assert (ran.code, ran.out.split()) == (code, [one["result"] for one in results])
    assert "No such file" in system("profile-import /surely/not")[0].err
    assert "--watch" in system(f"profile-import {file} --watch 5")[0].err

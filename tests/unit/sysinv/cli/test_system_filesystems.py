# SPDX-License-Identifier: Apache-2.0
"""``system host-fs-*``: requests in StarlingX's form, and tables of what the API answers."""
from __future__ import annotations

import json
from typing import Any

import pytest

from flock.testing.cli import FakeApi, Ran, run_cli
from sysinv.cmd.shell import PROGRAM

SCRATCH = {"uuid": "f1", "name": "scratch", "size": 16, "logical_volume": "scratch-lv", "state": "In-Use",
           "capabilities": {"functions": []}, "ihost_uuid": "h", "present_mib": 16384, "free_mib": 9000,
           "mounted": True, "error": None}
DOCKER = {**SCRATCH, "uuid": "f0", "name": "docker", "size": 40, "logical_volume": "docker-lv"}
UPDATE = "/v1/ihosts/h/host_fs/update_many"


def api() -> FakeApi:
    table: dict[str, Any] = {
        "/v1/ihosts/w": {"GET": {"uuid": "h", "hostname": "worker-0"}},
        "/v1/ihosts/w/host_fs": {"GET": {"host_fs": [SCRATCH, DOCKER]}}, "/v1/host_fs": {"POST": SCRATCH},
        "/v1/host_fs/f1": {"DELETE": None}, UPDATE: {"PUT": {"host_fs": [SCRATCH]}}}
    return FakeApi(table)


def system(argv: str, fake: FakeApi | None = None) -> Ran:
    return run_cli(PROGRAM, argv, fake or api())


def requests(fake: FakeApi, method: str) -> list[tuple[str, Any]]:
    return [(call[1], call[2]) for call in fake.calls if call[0] == method]


def test_the_list_has_starlingxs_columns_by_name() -> None:
    lines = system("host-fs-list w").out.splitlines()
    assert [cell.strip() for cell in lines[1].strip("|").split("|")] == [
        "UUID", "FS Name", "Size in GiB", "Logical Volume", "State", "Capabilities"]
    chosen = ["host-fs-list", "w", "-f", "value", "-c", "FS Name", "-c", "Size in GiB"]
    assert run_cli(PROGRAM, chosen, api()).out == "docker 40\nscratch 16\n"
    assert "present_mib" in system("host-fs-show w scratch").out
    assert system("host-fs-show w nothing").err == "file system not found: nothing\n"


def test_sizes_are_sent_as_patches_in_one_request() -> None:
    fake = api()
    assert system("host-fs-modify w scratch=20 docker=60", fake).code == 0
    assert requests(fake, "PUT") == [(UPDATE, [
        [{"op": "replace", "path": "/name", "value": "scratch"}, {"op": "replace", "path": "/size", "value": "20"}],
        [{"op": "replace", "path": "/name", "value": "docker"}, {"op": "replace", "path": "/size", "value": "60"}]])]


def test_functions_are_sent_as_json_text() -> None:
    fake = api()
    assert system("host-fs-modify w ceph --functions=monitor", fake).code == 0
    (_, [[name, told]]), = requests(fake, "PUT")
    assert name["value"] == "ceph"
    assert json.loads(told["value"]) == {"functions": ["monitor"]}
    fake = api()
    system("host-fs-modify w ceph --functions=", fake)
    assert json.loads(requests(fake, "PUT")[0][1][0][1]["value"]) == {"functions": []}


def test_add_and_delete() -> None:
    fake = api()
    assert system("host-fs-add w instances=10", fake).code == 0
    assert requests(fake, "POST") == [("/v1/host_fs", {"ihost_uuid": "h", "name": "instances", "size": 10})]
    assert system("host-fs-delete w scratch", fake).out == "File system scratch was deleted or is being deleted.\n"
    assert requests(fake, "DELETE")[0][0] == "/v1/host_fs/f1"


@pytest.mark.parametrize(("argv", "reason"), [
    ("host-fs-modify w scratch", "'scratch' is not of the form name=size with a size in whole GiB"),
    ("host-fs-modify w scratch=1.5", "'scratch=1.5' is not of the form name=size with a size in whole GiB"),
    ("host-fs-modify w a=1 a=2", "file system a is given twice"),
    ("host-fs-add w =5", "'=5' is not of the form name=size with a size in whole GiB"),
    ("host-fs-modify w ceph=5 --functions=monitor",
     "--functions is for one file system, given by its name without a size")])
def test_arguments_that_make_no_request(argv: str, reason: str) -> None:
    fake = api()
    assert reason in system(argv, fake).err
    assert not requests(fake, "PUT") + requests(fake, "POST")

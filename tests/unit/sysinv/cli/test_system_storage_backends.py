# SPDX-License-Identifier: Apache-2.0
"""``system storage-backend-*``, ``storage-tier-*``, ``cluster-*``, ``host-stor-*`` and ``ceph-mon-*``."""
from __future__ import annotations

from typing import Any

import pytest

from flock.testing.cli import FakeApi, Ran, run_cli
from sysinv.cmd.shell import PROGRAM

BACKEND = {"uuid": "b-1", "name": "ceph-store", "backend": "ceph", "state": "configuring",
           "task": "{'controller-0': 'applying-manifests'}", "services": "cinder", "capabilities": {"replication": "2"},
           "tier_name": "storage", "error": None}
FILE = {"uuid": "b-2", "name": "file-store", "backend": "file", "state": "configured", "task": None,
        "services": "glance", "capabilities": {}}
CLUSTER = {"uuid": "c-1", "cluster_uuid": None, "type": "ceph", "name": "ceph_cluster",
           "deployment_model": "storage-nodes", "tiers": [{"name": "storage", "status": "in-use", "uuid": "t-1"}],
           "peers": [{"name": "group-0", "status": "provisioned", "hosts": ["storage-0", "storage-1"]}]}
TIER = {"uuid": "t-1", "name": "storage", "type": "ceph", "status": "in-use", "backend_using": "ceph-store",
        "stors": [0], "cluster_uuid": "c-1"}
STOR = {"uuid": "s-1", "function": "osd", "osdid": 0, "state": "configured", "idisk_uuid": "d-1",
        "journal_path": "/dev/disk/by-path/b-part2", "journal_node": "/dev/sdb2", "journal_size_mib": 400,
        "tier_name": "storage", "ihost_uuid": "h-1"}
MONITOR = {"uuid": "m-1", "ceph_mon_gib": 20, "hostname": "controller-0", "state": "configured", "task": None}
TABLE: dict[str, Any] = {
    "/v1/storage_backend": {"GET": {"storage_backends": [FILE, BACKEND]}}, "/v1/storage_backend/b-2": {"DELETE": None},
    "/v1/storage_ceph": {"POST": BACKEND}, "/v1/storage_ceph/b-1": {"GET": BACKEND, "PATCH": BACKEND},
    "/v1/storage_ceph_rook": {"POST": {**BACKEND, "backend": "ceph-rook"}},
    "/v1/storage_file/b-2": {"GET": FILE},
    "/v1/clusters": {"GET": {"clusters": [CLUSTER]}},
    "/v1/clusters/c-1/storage_tiers": {"GET": {"storage_tiers": [TIER]}},
    "/v1/storage_tiers": {"POST": TIER}, "/v1/storage_tiers/t-1": {"PATCH": TIER, "DELETE": None},
    "/v1/ihosts/h": {"GET": {"uuid": "h-1", "hostname": "storage-0"}},
    "/v1/ihosts/h/istors": {"GET": {"istors": [STOR]}},
    "/v1/ihosts/h/idisks": {"GET": {"idisks": [{"uuid": "d-1", "device_node": "/dev/sdb", "ihost_uuid": "h-1"}]}},
    "/v1/istors": {"POST": STOR}, "/v1/istors/s-1": {"GET": STOR, "PATCH": STOR},
    "/v1/istors/s-1?force=False": {"DELETE": None},
    "/v1/ihosts/h/ceph_mon": {"GET": {"ceph_mon": [MONITOR]}}, "/v1/ihosts/none/ceph_mon": {"GET": {"ceph_mon": []}},
    "/v1/ceph_mon": {"GET": {"ceph_mon": [MONITOR]}, "POST": {"ceph_mon": [MONITOR]}},
    "/v1/ceph_mon/m-1": {"PATCH": MONITOR}, "/v1/ceph_mon/h-1": {"DELETE": None}}


def system(argv: str) -> tuple[Ran, list[tuple[str, str, Any]]]:
    api = FakeApi(TABLE)
    ran = run_cli(PROGRAM, argv.split(), api)
    return ran, [tuple(call[:3]) for call in api.calls if call[0] != "GET"]


def replaced(**values: Any) -> list[dict[str, Any]]:
    return [{"op": "replace", "path": f"/{name}", "value": value} for name, value in values.items()]


@pytest.mark.parametrize(("argv", "titles"), [
    ("storage-backend-list", "uuid,name,backend,state,task,services,capabilities"),
    ("storage-tier-list ceph_cluster", "uuid,name,status,backend_using"),
    ("cluster-list", "uuid,cluster_uuid,type,name,deployment_model"),
    ("ceph-mon-list", "uuid,ceph_mon_gib,hostname,state,task"),
    ("ceph-mon-add h", "uuid,ceph_mon_gib,hostname,state,task"),
    ("host-stor-list h", "uuid,function,osdid,state,idisk_uuid,journal_path,journal_node,journal_size_gib,tier_name")])
def test_titles_are_starlingxs(argv: str, titles: str) -> None:
    ran, _ = system(argv + " --nowrap")
    assert [cell.strip() for cell in ran.out.splitlines()[1].strip("|").split("|")] == titles.split(",")


def test_cells() -> None:
    assert system("storage-backend-list -f value -c name")[0].out == "ceph-store\nfile-store\n"
    assert system("host-stor-list h -f value -c journal_size_gib")[0].out == "0.390\n"
    shown = system("cluster-show ceph_cluster --nowrap")[0].out
    assert "group-0:['storage-0', 'storage-1']" in shown and "storage (in-use)" in shown
    assert "tier_name" in system("storage-backend-show ceph-store")[0].out
    assert "tier_name" not in system("storage-backend-show file-store")[0].out
    assert "OSDs" in system("storage-tier-show ceph_cluster storage")[0].out
    assert "journal_size_gib" in system("host-stor-show s-1")[0].out
    assert "controller-0" in system("ceph-mon-show h")[0].out
    assert system("ceph-mon-show none")[0].err == "Host none has no monitor.\n"


@pytest.mark.parametrize(("argv", "sent"), [
    ("storage-backend-add ceph --confirmed", ("POST", "/v1/storage_ceph", {"confirmed": True})),
    ("storage-backend-add -s cinder,glance -n fast -t t-2 ceph replication=3 network=mgmt", (
        "POST", "/v1/storage_ceph", {
            "network": "mgmt", "services": "cinder,glance", "capabilities": {"replication": "3"}, "confirmed": False,
            "name": "fast", "tier_uuid": "t-2"})),
    ("storage-backend-add --confirmed ceph-rook deployment_model=open", (
        "POST", "/v1/storage_ceph_rook", {"capabilities": {"deployment_model": "open"}, "confirmed": True})),
    ("storage-backend-modify ceph-store -s cinder", ("PATCH", "/v1/storage_ceph/b-1", replaced(services="cinder"))),
    ("storage-backend-modify b-1 min_replication=1", ("PATCH", "/v1/storage_ceph/b-1", replaced(
        capabilities={"min_replication": "1"}))),
    ("storage-backend-delete file-store --yes", ("DELETE", "/v1/storage_backend/b-2", None)),
    ("storage-tier-add ceph_cluster gold", ("POST", "/v1/storage_tiers", {"cluster_uuid": "c-1", "name": "gold"})),
    ("storage-tier-modify ceph_cluster storage -n x", ("PATCH", "/v1/storage_tiers/t-1", replaced(name="x"))),
    ("storage-tier-delete c-1 t-1 --yes", ("DELETE", "/v1/storage_tiers/t-1", None)),
    ("host-stor-add h /dev/sdb", ("POST", "/v1/istors", {
        "ihost_uuid": "h-1", "idisk_uuid": "d-1", "function": "osd"})),
    ("host-stor-add h osd d-1 --journal-location j-1 --journal-size 300 --tier-uuid t-1", ("POST", "/v1/istors", {
        "ihost_uuid": "h-1", "idisk_uuid": "d-1", "function": "osd", "journal_location": "j-1", "journal_size_mib": 300,
        "tier_uuid": "t-1"})),
    ("host-stor-update s-1 --journal-size 300", ("PATCH", "/v1/istors/s-1", replaced(journal_size_mib=300))),
    ("host-stor-delete s-1 --yes", ("DELETE", "/v1/istors/s-1?force=False", None)),
    ("ceph-mon-add h --ceph-mon-gib 30", ("POST", "/v1/ceph_mon", {"ihost_uuid": "h-1", "ceph_mon_gib": 30})),
    ("ceph-mon-modify h ceph_mon_gib=30", ("PATCH", "/v1/ceph_mon/m-1", replaced(ceph_mon_gib="30"))),
    ("ceph-mon-delete h --yes", ("DELETE", "/v1/ceph_mon/h-1", None))])
def test_what_is_sent(argv: str, sent: tuple[str, str, Any]) -> None:
    ran, calls = system(argv)
    assert (ran.code, calls) == (0, [sent]), ran.err


@pytest.mark.parametrize("argv", ["storage-backend-modify ceph-store", "host-stor-update s-1", "storage-backend-show x",
                                  "storage-tier-show ceph_cluster x", "storage-tier-list x", "ceph-mon-modify h x",
                                  "storage-backend-add ceph x"])
def test_what_cannot_be_meant_is_not_sent(argv: str) -> None:
    ran, calls = system(argv)
    assert ran.code != 0 and calls == [] and ran.err

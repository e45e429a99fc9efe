# SPDX-License-Identifier: Apache-2.0
"""OSDs, journals and monitors, from the request to the row, and what other resources refuse because of them."""
from __future__ import annotations

from typing import Any

import pytest

from sysinv.db.lookup import host_row
from sysinv.resources.cephmon import service as monitors
from sysinv.resources.partition.rules import LVM_GUID
from tests.unit.sysinv.resources import storage
from tests.unit.sysinv.resources.storage import columns, disk, disks


def stor(cloud: Any, host: str, letter: str, **values: Any) -> Any:
    return cloud.post("/v1/istors", {
        "ihost_uuid": cloud.host(host)["uuid"], "idisk_uuid": disk(cloud, host, letter), "function": "osd", **values})


def locked(cloud: Any, host: str) -> None:
    cloud.state(host, administrative="locked", operational="disabled", availability="online", task="")


def storage_host(cloud: Any, number: int) -> str:
    name = f"storage-{number}"
    made = cloud.post("/v1/ihosts", {"personality": "storage", "mgmt_mac": f"08:00:27:00:01:{number:02x}"})
    assert made.body["hostname"] == name
    cloud.settle()
    locked(cloud, name)
    return name


@pytest.fixture
def ceph(cloud: Any) -> Any:
    """A Standard system with two controllers and a Ceph back end."""
    storage.controller_1(cloud)
    storage.failed(cloud)
    return cloud


@pytest.fixture
def single(simplex: Any) -> Any:
    """AIO-SX with a Ceph back end and disks."""
    storage.failed(simplex)
    disks(simplex, "controller-0", "abcdef", ssd="ef")
    return simplex


def test_osds_of_a_simplex_system(single: Any) -> None:
    first = stor(single, "controller-0", "b").body
    assert {name: first[name] for name in ("osdid", "function", "state", "tier_name", "journal_size_mib",
                                           "journal_node", "journal_path")} == {
        "osdid": 0, "function": "osd", "state": "configuring", "tier_name": "storage", "journal_size_mib": 400,
        "journal_node": "/dev/sdb2", "journal_path": "/dev/disk/by-path/b-part2"}
    assert first["journal_location"] == first["uuid"]
    second = stor(single, "controller-0", "c").body
    assert second["osdid"] == 1
    assert [one["osdid"] for one in single.get("/v1/ihosts/controller-0/istors").body["istors"]] == [0, 1]
    assert single.get(f"/v1/idisks/{first['idisk_uuid']}").body["istor_uuid"] == first["uuid"]
    (tier,) = single.get("/v1/storage_tiers").body["storage_tiers"]
    assert (tier["stors"], tier["status"]) == ([0, 1], "in-use")
    assert single.delete("/v1/storage_ceph/ceph-store").fault == (
        "Storage backend ceph-store can not be deleted while its tier storage is in-use: 2 OSDs and journals use it.")
    assert single.delete(f"/v1/istors/{first['uuid']}").fault == "Host must be locked."
    locked(single, "controller-0")
    assert single.delete(f"/v1/istors/{first['uuid']}?force=False").status == 204
    third = stor(single, "controller-0", "d").body
    assert (third["osdid"], third["state"]) == (0, "configuring-on-unlock")


def test_disks_that_are_in_use(single: Any) -> None:
    assert stor(single, "controller-0", "a").fault == (
        "Cannot use disk /dev/disk/by-path/a for storage: it holds the root file system.")
    made = stor(single, "controller-0", "b").body
    assert stor(single, "controller-0", "b").fault == (
        "Cannot use disk /dev/disk/by-path/b for storage: it is used by an OSD or journal already.")
    host = single.host("controller-0")["uuid"]
    part = {"ihost_uuid": host, "idisk_uuid": made["idisk_uuid"], "size_mib": 10, "type_guid": LVM_GUID}
    assert single.post("/v1/partitions", part).fault == (
        "Partitions of disk /dev/disk/by-path/b can not be changed: it is used by an OSD.")
    assert single.patch(f"/v1/idisks/{made['idisk_uuid']}", partition_table="gpt").fault == (
        "Cannot wipe disk /dev/disk/by-path/b: it is used by an OSD.")
    (group,) = single.get("/v1/ihosts/controller-0/ilvgs").body["ilvgs"]
    locked(single, "controller-0")
    assert single.post("/v1/ipvs", {"ihost_uuid": host, "ilvg_uuid": group["uuid"],
                                    "disk_or_part_uuid": made["idisk_uuid"]}).fault == (
        "Cannot use /dev/disk/by-path/b as a physical volume: its disk is used by an OSD.")
    assert single.post("/v1/partitions", {**part, "idisk_uuid": disk(single, "controller-0", "c")}).status == 200
    assert stor(single, "controller-0", "c").fault == (
        "Cannot use disk /dev/disk/by-path/c for storage: it has partitions.")
    assert single.post("/v1/ipvs", {"ihost_uuid": host, "ilvg_uuid": group["uuid"],
                                    "disk_or_part_uuid": disk(single, "controller-0", "d")}).status == 200
    assert stor(single, "controller-0", "d").fault == (
        "Cannot use disk /dev/disk/by-path/d for storage: it is a physical volume.")
    # A disk with an OSD stays, also when a report omits it.
    disks(single, "controller-0", "a")
    assert single.get(f"/v1/istors/{made['uuid']}").status == 200


def test_journals(single: Any) -> None:
    assert stor(single, "controller-0", "b", function="journal").fault == (
        "function: a journal can only be on an SSD or NVME disk; /dev/disk/by-path/b is HDD.")
    journal = stor(single, "controller-0", "e", function="journal").body
    assert [journal[name] for name in ("osdid", "tier_uuid", "journal_location", "journal_size_mib")] == [None] * 4
    first = stor(single, "controller-0", "b").body
    assert (first["journal_location"], first["journal_path"]) == (journal["uuid"], "/dev/disk/by-path/e-part1")
    second = stor(single, "controller-0", "c", journal_size_mib="1024").body
    assert (second["journal_node"], second["journal_size_mib"]) == ("/dev/sde2", 1024)
    for size in (199, 10241):
        assert stor(single, "controller-0", "d", journal_size_mib=size).fault == (
            f"journal_size_mib: a journal has 200 to 10240 MiB, not {size}.")
    other = stor(single, "controller-0", "f", function="journal").body
    assert stor(single, "controller-0", "d").fault == (
        "journal_location: the host has several journals; give the uuid of one.")
    assert stor(single, "controller-0", "d", journal_location=first["uuid"]).fault == (
        "journal_location: the host has no journal of that uuid.")
    path = f"/v1/istors/{first['uuid']}"
    moved = single.patch(path, journal_location=other["uuid"], journal_size_mib="300").body
    assert (moved["journal_path"], moved["journal_size_mib"]) == ("/dev/disk/by-path/f-part1", 300)
    assert single.patch(path, journal_location=first["uuid"]).body["journal_path"] == "/dev/disk/by-path/b-part2"
    assert single.patch(f"/v1/istors/{other['uuid']}", journal_size_mib=300).fault == (
        "Only OSDs with a journal can be changed.")
    locked(single, "controller-0")
    assert single.delete(f"/v1/istors/{journal['uuid']}").fault == (
        "The journal is used by 1 OSDs. Delete or move them first.")
    assert single.delete(f"/v1/istors/{other['uuid']}").status == 204
    assert single.delete(f"/v1/istors/{other['uuid']}").status == 404


def test_osds_need_a_backend_and_a_host_that_fits(ceph: Any) -> None:
    disks(ceph, "controller-0")
    name = storage_host(ceph, 0)
    disks(ceph, name)
    assert stor(ceph, name, "b").fault == (
        "The replication groups up to that of host storage-0 are not complete. Add host storage-1 first.")
    storage_host(ceph, 1)
    assert stor(ceph, "controller-0", "b").fault == (
        "Host controller-0 can not have OSDs and journals: the storage deployment model is storage-nodes.")
    made = stor(ceph, name, "b").body
    assert (made["state"], made["osdid"]) == ("configuring-on-unlock", 0)
    ceph.state(name, administrative="unlocked", operational="enabled", availability="available", task="")
    assert stor(ceph, name, "c").fault == "Host must be locked."
    assert ceph.delete(f"/v1/istors/{made['uuid']}").status == 409
    foreign = ceph.post("/v1/istors", {"ihost_uuid": "storage-1", "idisk_uuid": disk(ceph, name, "c")})
    assert foreign.fault == "idisk_uuid: disk /dev/disk/by-path/c belongs to another host."
    assert ceph.post("/v1/istors", {"ihost_uuid": "storage-1", "idisk_uuid": made["uuid"]}).status == 404
    assert ceph.post("/v1/istors", {"ihost_uuid": "storage-1", "idisk_uuid": disk(ceph, name, "c"),
                                    "tier_uuid": made["uuid"]}).status == 400


def test_osds_of_controllers_exclude_storage_hosts(ceph: Any) -> None:
    disks(ceph, "controller-1")
    assert stor(ceph, "controller-1", "b").body["state"] == "configuring"
    (cluster,) = ceph.get("/v1/clusters").body["clusters"]
    assert cluster["deployment_model"] == "controller-nodes"
    assert ceph.post("/v1/ihosts", {"personality": "storage", "mgmt_mac": "08:00:27:00:00:61"}).fault == (
        "Storage hosts can not be added: the storage deployment model is controller-nodes.")
    ceph.state("controller-1", administrative="unlocked", operational="disabled", availability="failed", task="")
    assert stor(ceph, "controller-1", "c").fault == "Host controller-1 must be locked, or unlocked and enabled."


def test_without_a_backend_there_are_no_osds(cloud: Any) -> None:
    disks(cloud, "controller-0")
    assert stor(cloud, "controller-0", "b").fault == (
        "A ceph or ceph-rook storage backend must be added before OSDs and journals.")


def test_a_storage_host_needs_an_osd_and_gets_its_monitor(ceph: Any) -> None:
    name = storage_host(ceph, 0)
    storage_host(ceph, 1)
    disks(ceph, name)
    columns(ceph, name, inv_state="inventoried", action_state=None, install_state="completed")
    assert ceph.patch(f"/v1/ihosts/{name}", action="unlock").fault == (
        "Cannot unlock host storage-0: a storage host needs at least one OSD.")
    stor(ceph, name, "b")
    with ceph.db.writer() as conn:
        monitors.at_unlock(conn, host_row(conn, name, lock=True), ceph.work)
        monitors.at_unlock(conn, host_row(conn, "storage-1", lock=True), ceph.work)
    assert [one["hostname"] for one in ceph.get("/v1/ceph_mon").body["ceph_mon"]] == [
        "controller-0", "controller-1", "storage-0"]


def test_rook_makes_its_osds_itself(simplex: Any) -> None:
    assert storage.add(simplex, "storage_ceph_rook").status == 200
    disks(simplex, "controller-0", ssd="c")
    made = stor(simplex, "controller-0", "b").body
    assert (made["state"], made["osdid"], made["journal_size_mib"], made["journal_location"]) == (
        "configuring-with-app", None, None, None)
    assert stor(simplex, "controller-0", "c", function="journal").fault == (
        "function: OSDs of rook-ceph have no journals.")
    assert simplex.delete("/v1/storage_ceph_rook/ceph-rook-store").fault.startswith(
        "Storage backend ceph-rook-store can not be deleted while its tier storage is in-use")
    # What the application never made is simply taken back.
    assert simplex.delete(f"/v1/istors/{made['uuid']}").status == 204


def test_monitors_of_controllers_follow_the_backend(single: Any) -> None:
    (monitor,) = single.get("/v1/ceph_mon").body["ceph_mon"]
    assert {name: monitor[name] for name in ("hostname", "ceph_mon_gib", "state", "task", "device_path")} == {
        "hostname": "controller-0", "ceph_mon_gib": 20, "state": "configuration-failed", "task": None,
        "device_path": None}
    path = f"/v1/ceph_mon/{monitor['uuid']}"
    assert single.patch(path, ceph_mon_gib="30").body["ceph_mon_gib"] == 30
    assert single.patch(path, ceph_mon_gib=20).fault == (
        "ceph_mon_gib: a monitor can only grow; that of host controller-0 has 30 GiB.")
    assert single.patch(path, ceph_mon_gib=41).fault == "ceph_mon_gib: a monitor has 20 to 40 GiB, not 41."
    storage.space(single, "controller-0", 33)
    assert single.patch(path, ceph_mon_gib=34).fault == (
        "ceph_mon_gib: host controller-0 has 33 GiB free in cgts-vg, not 34.")
    host = single.host("controller-0")["uuid"]
    assert single.post("/v1/ceph_mon", {"ihost_uuid": host}).fault == "Host controller-0 has a monitor already."
    assert single.delete(f"/v1/ceph_mon/{host}").fault == (
        "The monitors of controllers are deleted with their storage backend.")
    assert list(single.get("/v1/ceph_mon/ip_addresses").body) == ["controller-0"]
    assert single.get("/v1/ihosts/controller-0/ceph_mon").body["ceph_mon"][0]["uuid"] == monitor["uuid"]


def test_the_third_monitor_is_on_one_locked_worker(ceph: Any) -> None:
    for number in (0, 1):
        uuid = ceph.discover(f"08:00:27:be:6e:3{number}")
        ceph.patch(f"/v1/ihosts/{uuid}", personality="worker", hostname=f"worker-{number}")
    ceph.settle()
    reply = ceph.post("/v1/ceph_mon", {"ihost_uuid": "worker-0"})
    assert [(one["hostname"], one["state"]) for one in reply.body["ceph_mon"]][-1] == (
        "worker-0", "configuring-on-unlock")
    assert ceph.post("/v1/ceph_mon", {"ihost_uuid": "worker-1"}).fault == (
        "Only one worker can have a monitor; that is worker-0.")
    (cluster,) = ceph.get("/v1/clusters").body["clusters"]
    assert cluster["deployment_model"] == "controller-nodes"
    assert ceph.delete(f"/v1/ceph_mon/{ceph.host('worker-0')['uuid']}").status == 204
    assert ceph.delete("/v1/ceph_mon/worker-0").status == 404
    ceph.state("worker-1", administrative="unlocked", operational="enabled", availability="available", task="")
    assert ceph.post("/v1/ceph_mon", {"ihost_uuid": "worker-1"}).fault == "Host must be locked."
    storage_host(ceph, 0)
    assert ceph.post("/v1/ceph_mon", {"ihost_uuid": "worker-0"}).fault == (
        "Workers can not have a monitor: the storage deployment model is storage-nodes.")


def test_no_backend_no_monitor(cloud: Any) -> None:
    assert cloud.post("/v1/ceph_mon", {"ihost_uuid": "controller-0"}).fault == (
        "A ceph storage backend must be added before monitors.")

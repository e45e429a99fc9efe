# SPDX-License-Identifier: Apache-2.0
"""Profiles of OSDs: the journals and OSDs of one storage host on another, or nothing of it."""
from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sysinv.resources import storage
from tests.unit.sysinv.resources.storage import columns, disk, disks
from tests.unit.sysinv.resources.test_profiles import NOTHING, apply, provision, take
from tests.unit.sysinv.resources.test_stors import stor, storage_host


@pytest.fixture
def source(cloud: Any) -> Any:
    """storage-0 with a journal disk, an OSD that uses it, one with its own journal, and storage-1 with disks."""
    storage.controller_1(cloud)
    storage.failed(cloud)
    for number in (0, 1):
        disks(cloud, storage_host(cloud, number), "abcde", ssd="e")
    first = stor(cloud, "storage-0", "c").body
    assert stor(cloud, "storage-0", "e", function="journal").status == 200
    assert stor(cloud, "storage-0", "b", journal_size_mib=1000).status == 200
    assert first["journal_location"] == first["uuid"]
    provision(cloud, cloud.host("storage-0")["uuid"])
    return cloud


def placed(cloud: Any, host: str) -> list[tuple[Any, ...]]:
    """Function, journal, size and tier of what a host has."""
    found = cloud.get(f"/v1/ihosts/{host}/istors").body["istors"]
    return sorted((one["function"], str(one["journal_node"]), str(one["journal_size_mib"]), str(one["tier_name"]))
                  for one in found)


def test_a_profile_gives_another_host_the_same(source: Any) -> None:
    made = take(source, "osds", "stor", "storage-0").body
    assert made["profiletype"] == "stor"
    found = source.get(f"/v1/iprofile/{made['uuid']}/istors").body["istors"]
    assert [(one["function"], one["device_node"], one["journal_location"], one["journal_size_mib"], one["tier_name"])
            for one in found] == [
        ("journal", "/dev/sde", None, None, None), ("osd", "/dev/sdb", "/dev/disk/by-path/e", 1000, "storage"),
        ("osd", "/dev/sdc", None, 400, "storage")]
    (listed,) = source.get("/v1/iprofile/storprofiles_list").body
    assert listed["stors"] == found and len(listed["disks"]) == 3 and listed["lvgs"] == []
    dry = apply(source, "storage-1", made["uuid"], "?dry_run=true").body["profile_plan"]["stors"]
    assert [(one["function"], one["device_node"]) for one in dry] == [
        ("journal", "/dev/sde"), ("osd", "/dev/sdb"), ("osd", "/dev/sdc")]
    assert placed(source, "storage-1") == []
    assert apply(source, "storage-1", made["uuid"]).status == 200
    assert placed(source, "storage-1") == placed(source, "storage-0")
    ids = [one["osdid"] for one in source.get("/v1/istors").body["istors"] if one["osdid"] is not None]
    assert sorted(ids) == [0, 1, 2, 3]
    assert apply(source, "storage-1", made["uuid"]).body["profile_plan"] == NOTHING


def test_what_does_not_fit_changes_nothing(source: Any) -> None:
    uuid = take(source, "osds", "stor", "storage-0").body["uuid"]

    def refused(letters: str, ssd: str) -> str:
        disks(source, "storage-1", letters, ssd=ssd)
        reply = apply(source, "storage-1", uuid)
        assert reply.status in (400, 409) and placed(source, "storage-1") == []
        return str(reply.fault)

    assert refused("ab", "") == "Profile osds needs 3 disks; host storage-1 has 2."
    assert refused("abcd", "d") == "Profile osds needs disk /dev/disk/by-path/e; host storage-1 has none there."
    assert refused("abcde", "") == (
        "function: a journal can only be on an SSD or NVME disk; /dev/disk/by-path/e is HDD.")
    disks(source, "storage-1", "abcde", ssd="e")
    assert stor(source, "storage-1", "b").status == 200
    assert apply(source, "storage-1", uuid).fault == (
        "Cannot use disk /dev/disk/by-path/b for storage: it is used by an OSD or journal already.")
    assert apply(source, "controller-1", uuid).status == 409
    columns(source, "controller-1", administrative="locked")
    disks(source, "controller-1", "abcde", ssd="e")
    assert apply(source, "controller-1", uuid).fault == (
        "Host controller-1 can not have OSDs and journals: the storage deployment model is storage-nodes.")


def test_a_host_without_osds_has_no_profile_of_them(source: Any) -> None:
    provision(source, source.host("storage-1")["uuid"])
    assert disk(source, "storage-1", "b")
    assert take(source, "none", "stor", "storage-1").fault == "Host storage-1 has no OSDs and no journals."

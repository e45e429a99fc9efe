# SPDX-License-Identifier: Apache-2.0
"""``/v1/host_fs`` from a request over the host's configuration to what it reports."""
from __future__ import annotations

from typing import Any

import pytest

from sysinv.contract.records import ClassFailure
from sysinv.resources.hostfilesystem.report import FilesystemReport
from sysinv.resources.hostfilesystem.service import adopt
from sysinv.resources.hostfilesystem.table import HOST_FS
from sysinv.resources.memory.report import MemoryReport
from sysinv.resources.volumegroup.report import VolumeGroupReport
from tests.unit.sysinv.resources.test_configuration import Engine

GIB = 2**30
NAMES = ["backup", "docker", "kubelet", "log", "root", "scratch", "var"]
SHARED = {"docker": 40, "kubelet": 10, "scratch": 16, "log": 8, "var": 20, "root": 20, "backup": 25}


class Filesystems(Engine):
    """controller-0 with a volume group and the file systems that the installer made in it."""

    def __init__(self, cloud: Any, free_gib: int = 100) -> None:
        super().__init__(cloud)
        self.sizes = dict(SHARED)
        self.report_group(free_gib)
        cloud.inventory.store(host_uuid=self.host, kind="memory", records=[
            MemoryReport(0, 64000, 60000, 60000, 0, 0, 0, 0, 0, 1, supports_1g=False)])
        cloud.inventory.inventory_completed(host_uuid=self.host)
        self.report()

    def report_group(self, free_gib: int, name: str = "cgts-vg") -> None:
        self.cloud.inventory.store(host_uuid=self.host, kind="lvg", records=[
            VolumeGroupReport(name, "vg-1", "writeable", 0, 1, 0, 1, str(500 * GIB), str(free_gib * GIB), 25, 5)])

    def report(self, **sizes: int) -> None:
        self.sizes |= sizes
        self.cloud.inventory.store(host_uuid=self.host, kind="host_filesystems", records=[
            FilesystemReport(f"{name}-lv", size * 1024, True, 100) for name, size in self.sizes.items()])

    def all(self) -> dict[str, dict[str, Any]]:
        body = self.cloud.get("/v1/ihosts/controller-0/host_fs").body["host_fs"]
        return {one["name"]: one for one in body}

    def state(self, name: str) -> str:
        return str(self.all()[name]["state"])

    def update(self, *patches: Any) -> Any:
        return self.cloud.call("PUT", "/v1/ihosts/controller-0/host_fs/update_many", list(patches))

    def grow(self, **sizes: Any) -> Any:
        return self.update(*([{"op": "replace", "path": "/name", "value": name},
                              {"op": "replace", "path": "/size", "value": str(size)}] for name, size in sizes.items()))

    def add(self, name: str, size: Any = 10, **more: Any) -> Any:
        return self.cloud.post("/v1/host_fs", {"ihost_uuid": self.host, "name": name, "size": size, **more})

    def lock(self) -> None:
        self.cloud.state("controller-0", administrative="locked", operational="disabled", availability="online")

    def boot(self, **values: Any) -> None:
        """Unlock, boot with what was fetched, and come up."""
        reply = self.cloud.patch("/v1/ihosts/controller-0", action="unlock")
        assert reply.status == 200, reply.fault
        wanted = self.fetch()
        self.cloud.settle()
        self.cloud.enable_controller()
        self.answer(*wanted.boot_uuids, whole=True, uptime_s=1, **values)


@pytest.fixture
def there(cloud: Any) -> Filesystems:
    return Filesystems(cloud)


def test_a_host_has_its_file_systems_with_the_sizes_that_it_reports(there: Filesystems) -> None:
    assert sorted(there.all()) == NAMES
    docker = there.all()["docker"]
    assert (docker["size"], docker["logical_volume"], docker["state"]) == (40, "docker-lv", "In-Use")
    assert (docker["present_mib"], docker["free_mib"], docker["mounted"]) == (40 * 1024, 100, True)
    assert docker["capabilities"] == {"functions": []}
    there.report(docker=60)
    assert there.all()["docker"]["size"] == 60
    assert there.cloud.get(f"/v1/host_fs/{docker['uuid']}").body["ihost_uuid"] == there.host


def test_growth_in_service_is_ordered_and_settled_by_the_result(there: Filesystems) -> None:
    reply = there.grow(scratch=20, docker=60)
    assert reply.status == 200, reply.fault
    assert (there.state("scratch"), there.state("docker"), there.state("log")) == ("Modifying", "Modifying", "In-Use")
    wanted = there.carry_out()
    assert wanted.classes == ["platform::filesystem::scratch::runtime", "platform::filesystem::docker::runtime"]
    assert (there.state("scratch"), there.all()["scratch"]["size"]) == ("In-Use", 20)
    assert there.history()[-1]["reason"] == "file systems scratch, docker"


def test_a_failure_names_its_file_system_and_the_others_are_done(there: Filesystems) -> None:
    there.grow(scratch=20, docker=60)
    there.carry_out(failures=[ClassFailure("platform::filesystem::docker::runtime", "no space left")])
    docker = there.all()["docker"]
    assert (docker["state"], docker["error"], docker["size"]) == ("Error", "no space left", 60)
    assert there.state("scratch") == "In-Use"
    assert there.grow(docker=60).status == 200
    there.carry_out()
    assert (there.state("docker"), there.all()["docker"]["error"]) == ("In-Use", None)


def test_a_result_of_an_older_order_does_not_settle_a_newer_one(there: Filesystems) -> None:
    there.grow(scratch=20)
    first = there.fetch()
    there.answer(*first.config_uuids)
    there.grow(scratch=24)
    there.answer(*first.config_uuids)
    assert there.state("scratch") == "Modifying"


def test_all_of_a_request_or_nothing(there: Filesystems) -> None:
    reply = there.grow(scratch=20, docker=1)
    assert (reply.status, reply.fault) == (
        400, "size: file system docker has 40 GiB and can only grow, not change to 1 GiB.")
    assert (there.state("scratch"), there.all()["scratch"]["size"], there.history()) == ("In-Use", 16, [])
    assert there.grow(nothing=5).status == 400
    assert there.grow(scratch=10**6).fault.startswith("size: 999984 GiB more are asked for")
    assert there.grow(scratch="much").status == 400
    assert there.update().status == 400


def test_space_that_was_promised_is_not_promised_again(there: Filesystems) -> None:
    assert there.grow(scratch=96).status == 200
    refused = there.grow(docker=61)
    assert (refused.status, refused.fault) == (
        400, "size: 21 GiB more are asked for, but volume group cgts-vg of host controller-0 has 100 GiB free, of "
             "which 80 GiB are for changes that have not ended.")
    assert there.grow(docker=60).status == 200


def test_what_is_added_in_service_is_made_at_once(there: Filesystems) -> None:
    made = there.add("image-conversion", "10")
    assert (made.status, made.body["state"], made.body["logical_volume"]) == (200, "Creating", "conversion-lv")
    assert there.add("image-conversion").status == 409
    assert there.carry_out().classes == ["platform::filesystem::image_conversion::runtime"]
    assert there.state("image-conversion") == "Ready"
    assert there.cloud.delete(f"/v1/host_fs/{made.body['uuid']}").status == 204
    assert there.state("image-conversion") == "Deleting"
    refused = there.cloud.delete(f"/v1/host_fs/{made.body['uuid']}")
    assert (refused.status, refused.fault) == (
        400, "File system image-conversion of host controller-0 is in state Deleting; it can be deleted in states "
             "Creating (on unlock), Error, Ready, in others with --force.")
    there.carry_out()
    assert sorted(there.all()) == NAMES
    assert there.cloud.delete(f"/v1/host_fs/{made.body['uuid']}").status == 404


def test_a_locked_host_stages_until_it_boots(there: Filesystems) -> None:
    there.lock()
    made = there.add("image-conversion", 10)
    assert made.body["state"] == "Creating (on unlock)"
    assert there.grow(scratch=20).status == 200
    assert there.history() == []
    there.boot()
    assert (there.state("image-conversion"), there.state("scratch")) == ("Ready", "In-Use")
    there.report(**{"scratch": 20})
    there.lock()
    assert there.cloud.delete(f"/v1/host_fs/{made.body['uuid']}?force=true").status == 204
    assert "image-conversion" in there.all()
    there.boot(failures=[ClassFailure("platform::config::timezone", "x")])
    assert "image-conversion" not in there.all()


def test_what_is_staged_and_was_never_made_is_deleted_at_once(there: Filesystems) -> None:
    there.lock()
    uuid = there.add("image-conversion", 10).body["uuid"]
    assert there.cloud.delete(f"/v1/host_fs/{uuid}").status == 204
    assert sorted(there.all()) == NAMES


def test_nothing_is_staged_while_a_host_is_being_unlocked(there: Filesystems) -> None:
    there.lock()
    assert there.cloud.patch("/v1/ihosts/controller-0", action="unlock").status == 200
    refused = there.add("image-conversion", 10)
    assert (refused.status, refused.fault) == (409, "Host controller-0 is being unlocked. Retry when that has ended.")


def test_an_unlock_without_space_for_what_is_staged_is_refused_unless_forced(there: Filesystems) -> None:
    there.lock()
    there.add("image-conversion", 50)
    there.report_group(30)
    refused = there.cloud.patch("/v1/ihosts/controller-0", action="unlock")
    assert (refused.status, refused.fault) == (
        400, "Cannot unlock host controller-0: its file systems need 50 GiB more in volume group cgts-vg, which has 30 "
             "GiB free.")
    assert there.cloud.patch("/v1/ihosts/controller-0", action="force-unlock").status == 200


def test_a_host_whose_agent_reports_none_still_has_its_file_systems(cloud: Any) -> None:
    engine = Engine(cloud)
    cloud.inventory.inventory_completed(host_uuid=engine.host)
    body = cloud.get("/v1/host_fs").body["host_fs"]
    assert sorted(one["name"] for one in body) == NAMES
    assert {one["present_mib"] for one in body} == {None}
    reply = cloud.call("PUT", "/v1/ihosts/controller-0/host_fs/update_many", [[
        {"op": "replace", "path": "/name", "value": "scratch"}, {"op": "replace", "path": "/size", "value": "20"}]])
    assert "has not reported its file systems" in reply.fault


def test_hosts_of_an_earlier_release_get_their_file_systems(there: Filesystems) -> None:
    with there.cloud.db.writer() as conn:
        conn.execute(HOST_FS.delete().where(HOST_FS.c.name != "docker"))
    adopt(there.cloud.db)
    adopt(there.cloud.db)
    assert sorted(there.all()) == NAMES


def test_a_host_that_was_installed_anew_makes_at_its_unlock_what_is_missing(cloud: Any) -> None:
    there = Filesystems.__new__(Filesystems)
    Engine.__init__(there, cloud)
    there.sizes = {"var": 20, "log": 8, "root": 20}
    there.report_group(200)
    there.report()
    states = {name: one["state"] for name, one in there.all().items()}
    assert states == {"docker": "Creating (on unlock)", "kubelet": "Creating (on unlock)", "log": "In-Use",
                      "scratch": "Creating (on unlock)", "backup": "Creating (on unlock)", "var": "In-Use",
                      "root": "In-Use"}


def test_instances_and_nova_local_exclude_each_other(simplex: Any) -> None:
    there = Filesystems(simplex)
    there.lock()
    assert there.add("instances", 10).body["state"] == "Creating (on unlock)"
    refused = simplex.post("/v1/ilvgs", {"ihost_uuid": there.host, "lvm_vg_name": "nova-local"})
    assert (refused.status, refused.fault) == (
        400, "Volume group nova-local can not be added: host controller-0 has file system instances, which serves the "
             "same purpose.")
    simplex.delete(f"/v1/host_fs/{there.all()['instances']['uuid']}")
    assert simplex.post("/v1/ilvgs", {"ihost_uuid": there.host, "lvm_vg_name": "nova-local"}).status == 200
    assert "has volume group nova-local" in there.add("instances", 10).fault


def test_what_belongs_to_a_file_system_can_not_be_chosen(there: Filesystems) -> None:
    refused = there.add("image-conversion", 10, capabilities={"functions": ["monitor"]})
    assert (refused.status, refused.fault) == (
        400, "capabilities: those of file system image-conversion are {'functions': []}.")
    assert there.add("image-conversion", 0).status == 400
    assert there.add("image-conversion", 10, state="Ready").status == 400
    assert there.update([{"op": "replace", "path": "/name", "value": "scratch"},
                         {"op": "replace", "path": "/capabilities", "value": '{"functions": ["monitor"]}'}]).fault == (
        "capabilities: function monitor is for file system ceph, not for scratch.")


def test_reads_are_for_readers_and_changes_for_configurators(there: Filesystems) -> None:
    assert there.cloud.get("/v1/host_fs", role="reader").status == 200
    for method, path in (("POST", "/v1/host_fs"), ("DELETE", "/v1/host_fs/x"),
                         ("PUT", "/v1/ihosts/controller-0/host_fs/update_many")):
        assert there.cloud.call(method, path, role="operator").status == 403

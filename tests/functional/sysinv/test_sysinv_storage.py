# SPDX-License-Identifier: Apache-2.0
"""Storage through real daemons: acceptance scenarios 6 and 30 of hosts, and 17 of the system as far as no Ceph runs."""
from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pytest

from flock.rpc import client
from sysinv.contract.records import ClassFailure, ConfigurationResult
from sysinv.contract.rpc import HostConfiguration
from sysinv.resources.disk.report import DiskReport
from sysinv.resources.volumegroup.report import VolumeGroupReport

REASON = "Ceph is not installed on this host"


class Storage:
    """A running sysinv with two controllers, their agents' answers, and what is removed afterwards."""

    def __init__(self, sysinv: Any) -> None:
        self.sysinv = sysinv
        self.agent = client(HostConfiguration, sysinv.bus())
        self.macs = iter(range(100, 200))

    def uuid(self, name: str) -> str:
        return str(self.sysinv.host(name)["uuid"])

    def report(self, host: str, kind: str, *records: Any) -> None:
        self.sysinv.reports.report(host_uuid=self.uuid(host), kind=kind, items=[asdict(one) for one in records])

    def disks(self, host: str) -> None:
        """A root disk and two others."""
        self.report(host, "disk", *(
            DiskReport(f"/dev/sd{letter}", 2048 + 16 * number, "HDD", None, f"/dev/disk/by-path/{letter}", None, 102400,
                       102398, "0", letter, None, number == 0) for number, letter in enumerate("abc")))

    def disk(self, host: str, letter: str) -> str:
        found = self.sysinv.get(f"/v1/ihosts/{host}/idisks").body["idisks"]
        return str(next(one["uuid"] for one in found if one["device_node"] == f"/dev/sd{letter}"))

    def add_host(self, **values: Any) -> Any:
        return self.sysinv.call("POST", "/v1/ihosts", {"mgmt_mac": f"08:00:27:cc:00:{next(self.macs):02x}", **values})

    def controllers(self) -> None:
        """controller-0 has space; controller-1 joins and is in service."""
        assert self.add_host(personality="controller").body["hostname"] == "controller-1"
        for name in ("controller-0", "controller-1"):
            self.report(name, "lvg", VolumeGroupReport(
                "cgts-vg", "u", "wz--n-", 0, 0, 0, 1, str(100 * 2**30), str(100 * 2**30), 10, 10))
            self.sysinv.state(name, administrative="unlocked", operational="enabled", availability="available")

    def osd(self, host: str, disk: str) -> Any:
        return self.sysinv.call("POST", "/v1/istors", {
            "ihost_uuid": self.uuid(host), "idisk_uuid": disk, "function": "osd"})

    def backend(self) -> dict[str, Any]:
        return dict(self.sysinv.get("/v1/storage_ceph/ceph-store").body)

    def answer(self, host: str) -> None:
        """The host's agent fetches its orders and cannot make its part of Ceph."""
        wanted = self.agent.wanted_configuration(host_uuid=self.uuid(host), certificate_pem="", uptime_s=3600)
        failures = [ClassFailure(name, REASON) for name in wanted.classes if name == "platform::ceph"]
        self.agent.configuration_applied(host_uuid=self.uuid(host), result=ConfigurationResult(
            wanted.config_uuids, failures=failures, uptime_s=3600))

    def add_backend(self) -> dict[str, Any]:
        """A back end that fails, because no host can make a Ceph cluster; waits until the conductor has seen it."""
        added = self.sysinv.call("POST", "/v1/storage_ceph", {"confirmed": True, "capabilities": {}})
        assert added.status == 200, added.text
        for name in ("controller-0", "controller-1"):
            self.answer(name)
        self.sysinv.wait(lambda: self.backend()["state"] != "configuring", "the end of the configuration")
        return self.backend()

    def gone(self, name: str) -> None:
        """Delete a host and wait until it is gone."""
        self.sysinv.state(name, administrative="locked", operational="disabled", availability="online")
        assert self.sysinv.call("DELETE", f"/v1/ihosts/{self.uuid(name)}").status == 204
        self.sysinv.wait(lambda: self.sysinv.get(f"/v1/ihosts/{name}").status == 404, f"the end of {name}")

    def clear(self) -> None:
        for host in self.sysinv.get("/v1/ihosts").body["ihosts"]:
            if host["personality"] == "storage" or host["hostname"] == "controller-1":
                self.gone(host["hostname"])
        with contextlib.suppress(KeyError):
            assert self.sysinv.call("DELETE", f"/v1/storage_backend/{self.backend()['uuid']}").status == 204


@pytest.fixture
def storage(sysinv: Any) -> Iterator[Storage]:
    found = Storage(sysinv)
    try:
        yield found
    finally:
        found.clear()


def test_17_a_backend_that_no_host_can_make_says_why(storage: Storage) -> None:
    refused = storage.sysinv.call("POST", "/v1/storage_ceph", {"confirmed": False})
    assert refused.status == 400
    storage.controllers()
    warned = storage.sysinv.call("POST", "/v1/storage_ceph", {"capabilities": {}})
    assert "WARNING : THIS OPERATION IS NOT REVERSIBLE AND CANNOT BE CANCELLED" in warned.fault
    found = storage.add_backend()
    assert found["state"] == "configuration-failed"
    assert f"controller-0: platform::ceph: {REASON}" in found["error"]
    for name in ("controller-0", "controller-1"):
        host = storage.sysinv.host(name)
        assert host["config_applied"] == host["config_target"]
    (cluster,) = storage.sysinv.get("/v1/clusters").body["clusters"]
    assert (cluster["name"], [one["status"] for one in cluster["tiers"]]) == ("ceph_cluster", ["in-use"])
    rook = storage.sysinv.call("POST", "/v1/storage_ceph_rook", {"confirmed": True})
    assert rook.fault == "Backend ceph-rook is not supported together with ceph."


def test_6_storage_hosts_take_the_lowest_free_name(storage: Storage) -> None:
    without = storage.add_host(personality="storage")
    assert without.fault == "Storage backend must be configured before a storage host can be added."
    storage.controllers()
    storage.add_backend()
    for number in range(3):
        assert storage.add_host(personality="storage").body["hostname"] == f"storage-{number}"
    storage.gone("storage-1")
    assert storage.add_host(personality="storage", hostname="storage-3").fault == (
        "Storage name storage-3 not allowed. Expected storage-1.")
    assert storage.add_host(personality="storage").body["hostname"] == "storage-1"
    (cluster,) = storage.sysinv.get("/v1/clusters").body["clusters"]
    assert [one["hosts"] for one in cluster["peers"]] == [["storage-0", "storage-1"], ["storage-2"]]


def test_30_osds_lie_on_free_disks_and_keep_them(storage: Storage) -> None:
    storage.controllers()
    storage.add_backend()
    for _ in range(2):
        assert storage.add_host(personality="storage").status == 200
    storage.disks("storage-0")
    root, free = storage.disk("storage-0", "a"), storage.disk("storage-0", "b")
    assert storage.osd("storage-0", root).fault == (
        "Cannot use disk /dev/disk/by-path/a for storage: it holds the root file system.")
    made = storage.osd("storage-0", free)
    assert made.status == 200, made.text
    assert (made.body["osdid"], made.body["state"]) == (0, "configuring-on-unlock")
    assert storage.osd("storage-0", free).status == 400
    assert storage.osd("storage-0", storage.disk("storage-0", "c")).body["osdid"] == 1
    assert storage.sysinv.get(f"/v1/idisks/{free}").body["istor_uuid"] == made.body["uuid"]
    path = f"/v1/istors/{made.body['uuid']}?force=False"
    for role, status in (("reader", 403), ("operator", 403), ("configurator", 204)):
        assert storage.sysinv.call("DELETE", path, role=role).status == status
    assert storage.osd("storage-0", free).body["osdid"] == 0

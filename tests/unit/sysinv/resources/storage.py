# SPDX-License-Identifier: Apache-2.0
"""A cloud with storage back ends: space for monitors, disks of hosts, and what the controllers answer."""
from __future__ import annotations

from typing import Any

from sysinv.conductor.backends import BackendAudits
from sysinv.contract.records import ClassFailure, ConfigurationResult
from sysinv.db.lookup import host_row
from sysinv.resources.disk.report import DiskReport
from sysinv.resources.host import store as hosts
from sysinv.resources.volumegroup.report import VolumeGroupReport

REASON = "Ceph is not installed on this host"


def columns(cloud: Any, host: str, **values: Any) -> None:
    """Write columns of a host as its life would."""
    with cloud.db.writer() as conn:
        hosts.write(conn, host_row(conn, host, lock=True), values)


def space(cloud: Any, host: str, gib: int = 100) -> None:
    """The host reports its volume group of the platform."""
    size = str(gib * 2**30)
    cloud.inventory.store(host_uuid=cloud.host(host)["uuid"], kind="lvg", records=[
        VolumeGroupReport("cgts-vg", "u", "wz--n-", 0, 0, 0, 1, size, size, 10, 10)])


def disks(cloud: Any, host: str, letters: str = "abcd", kind: str = "HDD", ssd: str = "") -> None:
    """The host reports a root disk and further ones, of 100 GiB each; those in ``ssd`` are SSDs."""
    cloud.inventory.store(host_uuid=cloud.host(host)["uuid"], kind="disk", records=[
        DiskReport(f"/dev/sd{letter}", 2048 + 16 * number, "SSD" if letter in ssd else kind, None,
                   f"/dev/disk/by-path/{letter}", None, 102400, 102398, "0", letter, None, number == 0)
        for number, letter in enumerate(letters)])


def disk(cloud: Any, host: str, letter: str) -> str:
    """uuid of a disk."""
    found = cloud.get(f"/v1/ihosts/{host}/idisks").body["idisks"]
    return str(next(one["uuid"] for one in found if one["device_node"] == f"/dev/sd{letter}"))


def controller_1(cloud: Any) -> None:
    """A second controller, in service."""
    uuid = cloud.discover("08:00:27:be:6e:77")
    assert cloud.patch(f"/v1/ihosts/{uuid}", personality="controller").status == 200
    cloud.settle()
    cloud.state("controller-1", administrative="unlocked", operational="enabled", availability="available", task="")
    columns(cloud, "controller-1", invprovision="provisioned")
    space(cloud, "controller-1")


def ready(cloud: Any) -> None:
    """controller-0 was unlocked and has the space of a monitor."""
    columns(cloud, "controller-0", invprovision="provisioned")
    space(cloud, "controller-0")


def add(cloud: Any, path: str = "storage_ceph", **values: Any) -> Any:
    """A back end that is asked for as StarlingX's client does."""
    return cloud.post(f"/v1/{path}", {"confirmed": True, "capabilities": {}, **values})


def answer(cloud: Any, host: str = "controller-0", error: str = REASON) -> None:
    """The host carries out its orders; its part of Ceph fails with ``error``, if there is one."""
    uuid = cloud.host(host)["uuid"]
    wanted = cloud.configuration.wanted_configuration(host_uuid=uuid, certificate_pem="", uptime_s=3600)
    failures = [ClassFailure("platform::ceph", error)] if error and "platform::ceph" in wanted.classes else []
    cloud.configuration.configuration_applied(host_uuid=uuid, result=ConfigurationResult(
        wanted.config_uuids, failures=failures, uptime_s=3600))


def follow(cloud: Any) -> BackendAudits:
    """What the conductor does every few seconds."""
    audits = BackendAudits(cloud.db, cloud.raised, cloud.raised)
    audits.follow()
    audits.alarms()
    return audits


def failed(cloud: Any) -> dict[str, Any]:
    """A ceph back end that no host can make."""
    ready(cloud)
    assert add(cloud).status == 200
    for host in cloud.get("/v1/ihosts").body["ihosts"]:
        if host["personality"] == "controller":
            answer(cloud, host["hostname"])
    follow(cloud)
    return dict(cloud.get("/v1/storage_ceph/ceph-store").body)

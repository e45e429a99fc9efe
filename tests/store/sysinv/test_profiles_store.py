# SPDX-License-Identifier: Apache-2.0
"""Profiles on every engine: taken, applied, awaited, and what several requests do at the same time."""
from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from flock.core.errors import FlockError
from flock.db import Database, migrate
from flock.wire.resource import parse_body
from sysinv.bootstrap.answers import parse
from sysinv.conf.options import NETWORK_INTERFACES
from sysinv.db.lookup import host_row
from sysinv.hosts.inventory import InventoryIntake
from sysinv.hosts.seed import seed_system
from sysinv.resources.cpu import store as cpus
from sysinv.resources.cpu.report import CpuReport
from sysinv.resources.cpu.service import CpuService
from sysinv.resources.datanetwork.service import DataNetworkService
from sysinv.resources.disk import store as disks
from sysinv.resources.disk.report import DiskReport
from sysinv.resources.host import store as hosts
from sysinv.resources.interface import store as interfaces
from sysinv.resources.interface.service import InterfaceService
from sysinv.resources.interfacedatanetwork.service import InterfaceDataNetworkService
from sysinv.resources.memory import store as memory
from sysinv.resources.memory.report import MemoryReport
from sysinv.resources.memory.service import MemoryService
from sysinv.resources.node.report import NumaReport
from sysinv.resources.physicalvolume.fields import NewPhysicalVolume
from sysinv.resources.physicalvolume.service import PhysicalVolumeService
from sysinv.resources.port.report import PortReport
from sysinv.resources.profile import store
from sysinv.resources.profile.fields import ProfileType
from sysinv.resources.profile.rules import ProfileExists, ProfileInUse
from sysinv.resources.profile.service import ProfileService, await_profile
from sysinv.resources.volumegroup import store as volumegroups
from sysinv.resources.volumegroup.fields import NewVolumeGroup
from sysinv.resources.volumegroup.service import VolumeGroupService

HOST = "controller-0"
NOTHING: dict[str, Any] = {"cpus": [], "memory": [], "interfaces": [], "storage": [], "stors": []}
PORTS = ("pxeboot0", "mgmt0", "cluster0", "oam0", "eth1", "eth2")


@pytest.fixture
def seeded(database: Database) -> Database:
    """A locked, provisioned all-in-one controller-0 of a duplex system with 8 cores, 32 GB and the ports PORTS."""
    migrate.upgrade(database.url.render_as_string(hide_password=False), "sysinv")
    assert seed_system(database, parse({"admin_password": "sysadmin-1", "system_type": "All-in-one",
                                        "system_mode": "duplex"}), "08:00:27:00:00:00")
    intake = InventoryIntake(database, interfaces_of=lambda _hostname: NETWORK_INTERFACES)
    with database.writer() as conn:
        row = host_row(conn, HOST, lock=True)
        hosts.write(conn, row, {"invprovision": "provisioned"})
    reports: dict[str, list[Any]] = {
        "numa": [NumaReport(0, tuple(range(8)))],
        "port": [PortReport(name, f"0000:00:0{number}.0", 0, f"08:00:27:00:00:0{number}", 1500, 1000, None, None, 0,
                            None, "", "", "", "", "") for number, name in enumerate(PORTS)],
        "cpu": [CpuReport(cpu, cpu, 0, 0, 0, "6", "x") for cpu in range(8)],
        "memory": [MemoryReport(0, 96000, 95000, 90000, 0, 0, 0, 0, 0, 1, True)]}
    for kind, records in reports.items():
        intake.store(host_uuid=row["uuid"], kind=kind, records=records)
    return database


def state(db: Database) -> tuple[Any, ...]:
    """All that a profile may change, without the ids of interfaces."""
    with db.reader() as conn:
        row = host_row(conn, HOST)
        view = interfaces.view_of(conn, row)
        names = {one.id: one.ifname for one in view.interfaces}
        return (sorted((one.cpu, one.allocated_function) for one in cpus.of_host(conn, row["id"])),
                [(one["platform_reserved_mib"], one["vm_hugepages_nr_1G_pending"])
                 for one in memory.rows_of_host(conn, row["id"]).values()],
                sorted((one.ifname, one.iftype, str(one.ifclass), one.vlan_id, one.imac, one.networks,
                        one.datanetworks, [names[lower] for lower in one.uses]) for one in view.interfaces))


def configure(db: Database) -> None:
    """Three platform cores, large pages, and a bond with a VLAN and a data network."""
    CpuService(db).modify(HOST, [{"function": "platform", "sockets": [{"0": 3}]}])
    with db.reader() as conn:
        node = memory.rows_of_host(conn, host_row(conn, HOST)["id"])[0]
    MemoryService(db).modify(node["uuid"], {"vm_hugepages_nr_1G_pending": 4})
    DataNetworkService(db).add({"name": "physnet0", "network_type": "flat", "mtu": 1500})
    bond = InterfaceService(db).add({"ihost_uuid": HOST, "ifname": "bond0", "iftype": "ae", "uses": ["eth2", "eth1"],
                                     "aemode": "802.3ad", "txhashpolicy": "layer2", "ifclass": "data"})
    InterfaceService(db).add({"ihost_uuid": HOST, "ifname": "v7", "iftype": "vlan", "uses": ["bond0"], "vlan_id": 7})
    InterfaceDataNetworkService(db).assign(bond["uuid"], "physnet0")


def take(db: Database, name: str, kind: str = "role") -> str:
    return str(ProfileService(db).add({"profilename": name, "profiletype": kind, "ihost_uuid": HOST})["uuid"])


def outcomes(work: list[Callable[[], Any]]) -> list[type[FlockError] | None]:
    """The class of the refusal of each of ``work``, which run at the same time; None of one that is done."""
    def run(one: Callable[[], Any]) -> type[FlockError] | None:
        try:
            one()
        except FlockError as refusal:
            return type(refusal)
        return None

    with ThreadPoolExecutor(len(work)) as pool:
        return list(pool.map(run, work))


def test_a_host_goes_from_one_profile_to_another_and_back(seeded: Database) -> None:
    service, plain = ProfileService(seeded), take(seeded, "plain")
    before = state(seeded)
    configure(seeded)
    rich, wanted = take(seeded, "rich"), state(seeded)
    assert wanted != before
    for profile, expected in ((plain, before), (rich, wanted)):
        service.apply(HOST, profile, dry_run=True)
        assert state(seeded) != expected
        service.apply(HOST, profile)
        cores, pages, networking = state(seeded)
        assert (cores, networking) == (expected[0], expected[2])
        # A profile without pages asks for none; a host that never asked has no number.
        assert [(reserve, count or 0) for reserve, count in pages] == [
            (reserve, count or 0) for reserve, count in expected[1]]
        assert service.apply(HOST, profile)[1].document() == NOTHING
    assert [row["profilename"] for row, _ in service.of_types((ProfileType.ROLE,))] == ["plain", "rich"]


def test_local_storage_comes_back_with_a_profile(seeded: Database) -> None:
    def stored() -> list[tuple[Any, ...]]:
        with seeded.reader() as conn:
            host_id = host_row(conn, HOST)["id"]
            return [(one["lvm_vg_name"], volume["pv_state"], volume["idisk_id"])
                    for one in volumegroups.of_host(conn, host_id) for volume in volumegroups.volumes(conn, one["id"])]

    with seeded.reader() as conn:
        host = host_row(conn, HOST)
    InventoryIntake(seeded).store(host_uuid=host["uuid"], kind="disk", records=[
        DiskReport("/dev/sdb", 2064, "SSD", None, "/dev/disk/by-path/b", None, 1003, 1000, "0", "B", None)])
    with seeded.reader() as conn:
        disk = conn.execute(disks.QUERY).mappings().one()["uuid"]
    group = VolumeGroupService(seeded).add(parse_body(NewVolumeGroup, {
        "ihost_uuid": host["uuid"], "lvm_vg_name": "nova-local"}))
    PhysicalVolumeService(seeded).add(parse_body(NewPhysicalVolume, {
        "ihost_uuid": host["uuid"], "ilvg_uuid": group["uuid"], "disk_or_part_uuid": disk}))
    profile, wanted = take(seeded, "disks", "localstg"), stored()
    assert len(wanted) == 1
    service = ProfileService(seeded)
    assert service.apply(HOST, profile)[1].document() == NOTHING
    VolumeGroupService(seeded).delete(group["uuid"])
    assert stored() == []
    assert set(outcomes([lambda: service.apply(HOST, profile), lambda: service.apply(HOST, profile)])) == {None}
    assert stored() == wanted


def test_one_of_two_profiles_of_one_name_is_stored(seeded: Database) -> None:
    found = outcomes([lambda: take(seeded, "p1", "cpu"), lambda: take(seeded, "p1", "memory")])
    assert set(found) == {None, ProfileExists}
    one, other = take(seeded, "p2"), take(seeded, "p3")
    found = outcomes([lambda: ProfileService(seeded).rename(one, "p9"),
                      lambda: ProfileService(seeded).rename(other, "p9")])
    assert set(found) == {None, ProfileExists}


def test_two_profiles_at_the_same_time_do_not_mix(seeded: Database) -> None:
    plain = take(seeded, "plain")
    configure(seeded)
    rich = take(seeded, "rich")
    service = ProfileService(seeded)
    assert outcomes([lambda: service.apply(HOST, plain), lambda: service.apply(HOST, rich),
                     lambda: service.apply(HOST, plain), lambda: service.apply(HOST, rich)]) == [None] * 4
    assert [service.apply(HOST, one, dry_run=True)[1].document() == NOTHING
            for one in (plain, rich)].count(True) == 1


def test_a_profile_waits_with_its_host_and_goes_with_it(seeded: Database) -> None:
    profile = take(seeded, "p1")
    with seeded.writer() as conn:
        host_id = host_row(conn, HOST, lock=True)["id"]
        for _ in range(2):
            await_profile(conn, host_id, profile)
    with pytest.raises(ProfileInUse):
        ProfileService(seeded).delete(profile)
    with seeded.writer() as conn:
        awaited = store.take_awaited(conn, host_id)
        assert awaited is not None and awaited["uuid"] == profile
        assert store.take_awaited(conn, host_id) is None
        await_profile(conn, host_id, profile)
        hosts.delete(conn, host_id)
    ProfileService(seeded).delete(profile)
    assert ProfileService(seeded).of_types((ProfileType.ROLE,)) == []

# SPDX-License-Identifier: Apache-2.0
"""What a profile changes on a host, decided before anything is written."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sysinv.contract.enums import CpuFunction
from sysinv.model.host import HostMustBeLocked, InventoryHost
from sysinv.model.system import SystemView
from sysinv.resources.cpu.intake import StoredCpu
from sysinv.resources.interface.view import HostInterfaces
from sysinv.resources.profile import cpu, interface, memory, role, storage, stors
from sysinv.resources.profile.body import Body
from sysinv.resources.profile.fields import ProfileType
from sysinv.resources.profile.interface import HostNetworking
from sysinv.resources.profile.rules import ProfileRefused, check_system
from sysinv.resources.profile.storage import HostStorage, NewVolume
from sysinv.resources.profile.stors import HostStors, NewStor
from sysinv.resources.volumegroup.rules import NOVA_LOCAL

_OF_WORKERS = (ProfileType.CPU, ProfileType.MEMORY, ProfileType.LOCAL_STORAGE)


@dataclass(frozen=True, slots=True)
class HostParts:
    """The views of a host that profiles need; ``row`` is its record, ``memory`` its nodes by number.

    ``networking`` is None while nothing needs the interfaces.
    """

    row: Mapping[str, Any]
    host: InventoryHost
    system: SystemView
    cpus: Sequence[StoredCpu] = ()
    memory: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    networking: HostNetworking | None = None
    storage: HostStorage = HostStorage()
    stors: HostStors = HostStors()


@dataclass(frozen=True, slots=True)
class Plan:
    """New functions of CPUs, and changed columns of the memory of nodes: only what differs from the host.

    ``interfaces`` are those of the host now and afterwards; None when the profile has none. ``volumes`` join the volume
    group of instances, which the host gets with them. ``stors`` become OSDs and journals.
    """

    functions: Mapping[int, CpuFunction] = field(default_factory=dict)
    memory: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    interfaces: tuple[HostInterfaces, HostInterfaces] | None = None
    volumes: tuple[NewVolume, ...] = ()
    stors: tuple[NewStor, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return the plan as the API shows it."""
        return {"cpus": [{"cpu": number, "allocated_function": function.value}
                         for number, function in sorted(self.functions.items())],
                "memory": [{"numa_node": number, **changes} for number, changes in sorted(self.memory.items())],
                "interfaces": [] if self.interfaces is None else interface.differences(*self.interfaces),
                "storage": [volume.document() for volume in self.volumes],
                "stors": [one.document() for one in self.stors]}


def taken(profile_type: ProfileType, source: HostParts) -> Body:
    """Return the body of a new profile of a host; ProfileRefused, HostRefused when the host has nothing for it."""
    wants_cpus = profile_type in (ProfileType.CPU, ProfileType.ROLE)
    wants_memory = profile_type in (ProfileType.MEMORY, ProfileType.ROLE)
    wants_interfaces = profile_type in (ProfileType.INTERFACE, ProfileType.ROLE)
    wants_storage = profile_type in (ProfileType.LOCAL_STORAGE, ProfileType.ROLE)
    has_worker = source.host.has_worker_function
    if profile_type in _OF_WORKERS and not has_worker:
        raise ProfileRefused(detail=(
            f"Host {source.host.name} has no worker function, which a {profile_type} profile needs."))
    ports, interfaces = interface.taken(source.networking) if wants_interfaces and source.networking else ((), ())
    body = Body(cpus=cpu.taken(source.cpus) if wants_cpus and has_worker else (),
                memory=memory.taken(source.memory) if wants_memory and has_worker else (),
                ports=ports, interfaces=interfaces,
                disks=storage.taken(source.storage) if wants_storage and has_worker else (),
                stors=stors.taken(source.stors) if profile_type is ProfileType.OSD else (),
                role=role.taken(source.row) if profile_type is ProfileType.ROLE else None)
    if profile_type is ProfileType.LOCAL_STORAGE and not body.disks:
        raise ProfileRefused(detail=f"Host {source.host.name} has no physical volumes in volume group {NOVA_LOCAL}.")
    if profile_type is ProfileType.OSD and not body.stors:
        raise ProfileRefused(detail=f"Host {source.host.name} has no OSDs and no journals.")
    if body == Body():
        raise ProfileRefused(detail=f"Host {source.host.name} has not reported its {profile_type} inventory yet.")
    return body


def planned(name: str, body: Body, target: HostParts) -> Plan:
    """Return what profile ``name`` changes on a host; ProfileRefused, HostMustBeLocked, HostRefused."""
    check_system(target.system)
    if not target.host.is_locked:
        raise HostMustBeLocked(detail="Host must be locked.")
    if body.role is not None:
        role.check(name, body.role, target.host)
    functions: Mapping[int, CpuFunction] = {}
    if body.cpus:
        present = {one.cpu: one.allocated_function for one in target.cpus}
        wanted = cpu.planned(name, body.cpus, target.host, target.system, target.cpus)
        functions = {number: function for number, function in wanted.items() if present[number] != function}
    changes = memory.planned(
        name, body.memory, target.host, target.system, target.memory) if body.memory else {}
    volumes = storage.planned(name, body.disks, target.host, target.storage) if body.disks else ()
    added = stors.planned(name, body.stors, target.host, target.storage.disks, target.stors) if body.stors else ()
    if not body.interfaces or target.networking is None:
        return Plan(functions, changes, volumes=volumes, stors=added)
    after = interface.planned(name, body.ports, body.interfaces, target.networking)
    return Plan(functions, changes, (target.networking.view, after), volumes, added)

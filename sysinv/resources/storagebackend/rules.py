# SPDX-License-Identifier: Apache-2.0
"""Rules of storage back ends: what may be added, changed and deleted. ``capabilities.py`` has those of one field."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from flock.core.errors import Conflict, Refused
from sysinv.contract.enums import Availability, BackendState, BackendType
from sysinv.model.host import InventoryHost
from sysinv.model.system import SystemView
from sysinv.resources.storagetier.rules import DEFAULT

NAME_LENGTH_MAX = 64
NAME_PATTERN = r"(?![0-9]+$)[A-Za-z0-9][A-Za-z0-9_.\-]*"
POOLS = ("cinder_pool_gib", "glance_pool_gib", "ephemeral_pool_gib", "object_pool_gib", "kube_pool_gib")
DEFAULT_NAMES = {
    BackendType.CEPH: "ceph-store", BackendType.ROOK: "ceph-rook-store",
    BackendType.CEPH_EXTERNAL: "ceph-external-store", BackendType.LVM: "lvm-store",
    BackendType.FILE: "file-store", BackendType.EXTERNAL: "shared_services"}
SERVICES: Mapping[BackendType, tuple[str, ...]] = {
    BackendType.CEPH: ("glance", "cinder", "swift", "nova", "rbd-provisioner"),
    BackendType.ROOK: ("block", "ecblock", "filesystem", "object"),
    BackendType.CEPH_EXTERNAL: ("cinder", "glance", "nova"),
    BackendType.LVM: (), BackendType.FILE: ("glance",), BackendType.EXTERNAL: ("cinder", "glance")}
SECONDARY_SERVICES = ("cinder", "rbd-provisioner")
REMOVABLE = "rbd-provisioner"
MONITOR_GIB, MONITOR_DUPLEX_GIB = 20, 40
WARNING = (
    "WARNING : THIS OPERATION IS NOT REVERSIBLE AND CANNOT BE CANCELLED. \n\nBy confirming this operation, the storage "
    "backend will be configured. A Ceph backend can only be removed before it has ever been configured. Set the "
    "'confirmed' field to execute this operation for the {backend} backend (--confirmed on the command line).")
_GIB = 2**30
_IN_SERVICE = frozenset({Availability.AVAILABLE, Availability.DEGRADED})
# Neither a cluster nor a pool was ever made.
_NEVER_MADE = frozenset({BackendState.FAILED, BackendState.ON_UNLOCK})


class BackendRefused(Refused):
    """A rule about storage back ends refuses a request."""

    code: ClassVar[str] = "sysinv.storage_backend.refused"


class BackendExists(Conflict):
    """The name is that of another storage back end."""

    code: ClassVar[str] = "sysinv.storage_backend.exists"
    text: ClassVar[str] = "A storage backend with name {name} already exists."


@dataclass(frozen=True, slots=True)
class BackendView:
    """What the rules need of a stored back end; ``tier``: name of its tier."""

    name: str
    backend: BackendType
    state: BackendState
    services: tuple[str, ...] = ()
    capabilities: Mapping[str, Any] = field(default_factory=dict)
    tier: str | None = None
    pools: Mapping[str, int | None] = field(default_factory=dict)
    object_gateway: bool = False
    network: str | None = None
    total_gib: int = 0


@dataclass(frozen=True, slots=True)
class Controller:
    """A controller, and the bytes that are free in its volume group of the platform (None: it reported no such)."""

    host: InventoryHost
    free_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A new back end. ``tier``: name of the tier that it is for; None for the one that comes with the cluster."""

    backend: BackendType
    name: str
    services: tuple[str, ...] = ()
    tier: str | None = None
    confirmed: bool = False
    region_mode: bool = False
    gateway: bool = False


def listed(text: str) -> tuple[str, ...]:
    """Return the services of a list that is separated by commas, each once."""
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def is_secondary(wanted: Wanted) -> bool:
    """Return whether the back end is for another tier than the one that comes with the cluster."""
    return wanted.backend is BackendType.CEPH and wanted.tier not in (None, DEFAULT)


def check_add(wanted: Wanted, present: Sequence[BackendView]) -> None:
    """Raise BackendRefused or BackendExists when the back end may not be added beside those that are ``present``."""
    busy = next((one.name for one in present if one.state is BackendState.CONFIGURING), None)
    if busy is not None:
        raise BackendRefused(detail=f"Storage backend {busy} is still being configured. Retry when it is configured.")
    if wanted.backend is BackendType.EXTERNAL and not wanted.region_mode:
        raise BackendRefused(detail="Backend external needs the services of another region, which this system has not.")
    _check_pairs(wanted, present)
    same = [one for one in present if one.backend is wanted.backend]
    if same and not (is_secondary(wanted) or wanted.backend is BackendType.CEPH_EXTERNAL):
        raise BackendRefused(detail=f"The system already has a {wanted.backend} backend, {same[0].name}. "
                                    "There can only be one.")
    if not same and wanted.backend is not BackendType.CEPH_EXTERNAL and wanted.name != DEFAULT_NAMES[wanted.backend]:
        raise BackendRefused(detail=(
            f"The first {wanted.backend} backend must use the default name: {DEFAULT_NAMES[wanted.backend]}."))
    if wanted.name in {one.name for one in present}:
        raise BackendExists(name=wanted.name)
    check_services(wanted.backend, wanted.services, secondary=is_secondary(wanted))
    _check_gateway(wanted.backend, wanted.services, gateway=wanted.gateway)


def check_confirmed(wanted: Wanted) -> None:
    """Raise BackendRefused with the warning; asked last, so that nobody confirms what is refused anyway."""
    if not wanted.confirmed:
        raise BackendRefused(detail=WARNING.format(backend=wanted.backend))


def _check_pairs(wanted: Wanted, present: Sequence[BackendView]) -> None:
    other = {BackendType.CEPH: BackendType.ROOK, BackendType.ROOK: BackendType.CEPH}.get(wanted.backend)
    if any(one.backend is other for one in present):
        raise BackendRefused(detail=f"Backend {wanted.backend} is not supported together with {other}.")
    if not is_secondary(wanted):
        return
    if not any(one.backend is BackendType.CEPH for one in present):
        raise BackendRefused(detail=f"The first ceph backend must be for tier {DEFAULT}, not {wanted.tier}.")
    user = next((one.name for one in present if one.tier == wanted.tier), None)
    if user is not None:
        raise BackendRefused(detail=f"Tier {wanted.tier} is used by storage backend {user} already.")


def check_services(backend: BackendType, services: Sequence[str], *, secondary: bool = False) -> None:
    """Raise BackendRefused for services that a back end of this type does not have."""
    known = SECONDARY_SERVICES if secondary else SERVICES[backend]
    wrong = [one for one in services if one not in known]
    if wrong:
        which = f"{backend} backend of a secondary tier" if secondary else f"{backend} backend"
        raise BackendRefused(detail=(
            f"Service {wrong[0]} is not supported by the {which}; it supports: {', '.join(known) or 'none'}."))
    if {"block", "ecblock"} <= set(services):
        raise BackendRefused(detail="Services block and ecblock exclude each other.")


def check_controllers(system: SystemView, controllers: Sequence[Controller]) -> None:
    """Raise BackendRefused when the controllers can not carry a Ceph cluster."""
    unlocked = any(not one.host.is_locked for one in controllers)
    if unlocked and not system.is_simplex:
        ready = [one.host for one in controllers if one.host.availability in _IN_SERVICE]
        if len(ready) < 2:
            raise BackendRefused(detail="Both controllers must be available or degraded before ceph is added.")
    needed = monitor_gib(system)
    for one in controllers:
        free = (one.free_bytes or 0) // _GIB
        if free < needed:
            raise BackendRefused(detail=(
                f"The monitor needs {needed} GiB in cgts-vg of host {one.host.name}, which has {free} GiB free."))


def monitor_gib(system: SystemView) -> int:
    """Return the space that a monitor needs on a controller."""
    return MONITOR_DUPLEX_GIB if system.is_all_in_one and not system.is_simplex else MONITOR_GIB


def check_quotas(pools: Mapping[str, int | None], total_gib: int) -> None:
    """Raise BackendRefused for quotas of pools that do not divide the whole tier of ``total_gib``."""
    given = {name: value for name, value in pools.items() if value}
    if not given:
        return
    if not total_gib:
        raise BackendRefused(detail=(
            f"{sorted(given)[0]}: quotas can only be set when the size of the tier is known, with OSDs in service."))
    if sum(given.values()) != total_gib:
        raise BackendRefused(detail=(
            f"The quotas of the pools are {sum(given.values())} GiB together; they must equal the {total_gib} GiB of "
            "the tier."))


def changed(stored: BackendView, changes: Mapping[str, Any], *, storage_hosts: bool) -> dict[str, Any]:
    """Return the values to store; BackendRefused. ``capabilities`` are checked before, and complete.

    ``storage_hosts``: there are storage hosts.
    """
    if stored.state in (BackendState.CONFIGURING, BackendState.DELETING_WITH_APP,
                        BackendState.FORCE_DELETING_WITH_APP):
        raise BackendRefused(detail=f"Storage backend {stored.name} can not be changed while it is {stored.state}.")
    found: dict[str, Any] = {}
    if "services" in changes:
        found["services"] = ",".join(_services(stored, listed(changes["services"] or "")))
    pools = {name: changes[name] for name in POOLS if name in changes}
    if pools:
        check_quotas({**stored.pools, **pools}, stored.total_gib)
        found |= pools
    if "object_gateway" in changes:
        if stored.object_gateway and not changes["object_gateway"]:
            raise BackendRefused(detail="object_gateway: it can only be enabled, not disabled.")
        found["object_gateway"] = bool(changes["object_gateway"])
    if "network" in changes and changes["network"] != stored.network:
        if stored.state not in _NEVER_MADE:
            raise BackendRefused(detail="network: it can only be changed before the backend is configured.")
        found["network"] = changes["network"]
    if "ceph_conf" in changes:
        found["ceph_conf"] = changes["ceph_conf"]
    if storage_hosts and "capabilities" in changes and (
            changes["capabilities"].get("replication") != stored.capabilities.get("replication")):
        raise BackendRefused(detail="replication: it can not be changed while there are storage hosts, whose groups "
                                    "have as many hosts as there are replicas.")
    if "capabilities" in changes:
        found["capabilities"] = dict(changes["capabilities"])
    services = listed(found.get("services", ",".join(stored.services)))
    gateway = found.get("object_gateway", stored.object_gateway)
    _check_gateway(stored.backend, services, gateway=bool(gateway))
    return found


def _check_gateway(backend: BackendType, services: Sequence[str], *, gateway: bool) -> None:
    if backend is BackendType.CEPH and "swift" in services and not gateway:
        raise BackendRefused(detail="Service swift needs object_gateway=true.")


def _services(stored: BackendView, wanted: Sequence[str]) -> Sequence[str]:
    gone = [one for one in stored.services if one not in wanted and one != REMOVABLE]
    if gone:
        raise BackendRefused(detail=f"services: {gone[0]} can not be removed; services can only be added.")
    check_services(stored.backend, wanted, secondary=stored.tier not in (None, DEFAULT))
    return wanted


def check_delete(stored: BackendView, *, tiers: int, stors: int, storage_hosts: int) -> None:
    """Raise BackendRefused when the back end may not be deleted.

    ``tiers``: other tiers of its cluster; ``stors``: OSDs of its tier.
    """
    if stored.backend not in (BackendType.CEPH, BackendType.ROOK):
        return
    if stored.backend is BackendType.CEPH and stored.state not in _NEVER_MADE:
        raise BackendRefused(detail=f"Storage backend {stored.name} is {stored.state}; a ceph backend can only be "
                                    "deleted before it has ever been configured.")
    if stors:
        raise BackendRefused(detail=f"Storage backend {stored.name} can not be deleted while its tier {stored.tier} is "
                                    f"in-use: {stors} OSDs and journals use it.")
    if stored.tier not in (None, DEFAULT):
        return
    if tiers:
        raise BackendRefused(detail=f"Storage backend {stored.name} can not be deleted while its cluster has other "
                                    "tiers.")
    if storage_hosts:
        raise BackendRefused(detail=f"Storage backend {stored.name} can not be deleted while there are storage hosts.")

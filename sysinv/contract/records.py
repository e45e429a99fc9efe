# SPDX-License-Identifier: Apache-2.0
"""Records of hosts on the bus: a reference for other subsystems, and mtce's state updates."""
from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class HostRef:
    """Identity of a host: what a caller needs to address it."""

    uuid: str
    hostname: str | None
    personality: str | None


@dataclass(frozen=True, slots=True)
class HostStateUpdate:
    """Fields of a host that only mtce writes; None leaves a field unchanged, ``task`` "" clears it.

    ``sequence`` grows with every update of one host, so that the receiver can drop a late redelivery. ``action`` is
    the action that mtce is carrying out, ``none`` without one. ``error`` is the reason why the host or an action
    failed, ``error_at`` the time (ISO 8601).
    """

    host_uuid: str
    sequence: int
    administrative: str | None = None
    operational: str | None = None
    availability: str | None = None
    subfunction_oper: str | None = None
    subfunction_avail: str | None = None
    task: str | None = None
    uptime_s: int | None = None
    mtce_info: str | None = None
    action_failed: str | None = None
    action: str | None = None
    error: str | None = None
    error_at: str | None = None


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """The certificate for a host's own key, and those of the authorities that it must trust (PEM)."""

    certificate: str
    authorities: str


@dataclass(frozen=True, slots=True)
class SharedFile:
    """A file that both controllers of a system have: absolute path, permission bits, text."""

    path: str
    mode: int
    content: str


@dataclass(frozen=True, slots=True)
class TrustedAuthorities:
    """The authorities that every host must trust, and the one of them that signs certificates now (PEM)."""

    authorities: str
    signer: str


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Only the machines ``macs`` may say that they have ``address``; ``holder`` is the host, or ``controller``."""

    address: str
    macs: list[str]
    holder: str


@dataclass(frozen=True, slots=True)
class DepartedMachine:
    """The machine of a host that was deleted, with the MAC addresses that it had."""

    hostname: str
    macs: list[str]


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """Whom a host talks to on its networks. Only controllers are told of ``departed``, and of ``bus_clients``: the
    addresses from which hosts use the message bus."""

    neighbours: list[Neighbour]
    departed: list[DepartedMachine]
    bus_clients: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class StorageOrder:
    """One change of one disk of a host, ``change`` being a ``StorageChange``.

    ``device_path`` and ``serial_id`` identify the disk as its host reported it. ``part_guid`` identifies the partition
    in the GPT, also one that is to be created, so that an order that was carried out is recognised. ``skip_format``:
    a wipe only writes a new partition table. ``vg_name`` is the volume group that the partition, or without
    ``part_guid`` the whole disk, joins or leaves.
    """

    order_uuid: str
    change: str
    device_path: str
    serial_id: str | None = None
    part_guid: str = ""
    size_mib: int = 0
    type_guid: str = ""
    skip_format: bool = False
    vg_name: str = ""


@dataclass(frozen=True, slots=True)
class StorageResult:
    """The end of an order; ``error`` is the reason when it was not carried out, else empty."""

    order_uuid: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class WantedConfiguration:
    """What a host should have: hiera data, and the Puppet classes that apply them.

    ``classes`` run at once and settle ``config_uuids``; ``boot_classes`` are the whole configuration, run at each boot,
    and settle ``boot_uuids``. ``whole``: the host booted without it, so the whole configuration runs at once and
    settles ``config_uuids``.
    ``hiera``: ``{"system": {key: value}, "host": {key: value}}`` as JSON. ``sealed``: the same form with passwords and
    keys, sealed for the key of the host's certificate; empty without any.
    """

    config_uuids: list[str]
    classes: list[str]
    boot_uuids: list[str]
    boot_classes: list[str]
    hiera: str
    sealed: str = ""
    whole: bool = False


@dataclass(frozen=True, slots=True)
class ClassFailure:
    """A Puppet class that was not applied, and why."""

    name: str
    error: str


@dataclass(frozen=True, slots=True)
class ConfigurationResult:
    """What came of a run: of the whole configuration at a boot, or of the classes of some orders.

    ``uptime_s``: seconds since the host booted. ``error``: the run failed as a whole. ``resources`` counts what the run
    looked at, ``changed`` what it changed.
    """

    config_uuids: list[str]
    whole: bool = False
    uptime_s: int = 0
    error: str = ""
    failures: list[ClassFailure] = field(default_factory=list)
    resources: int = 0
    changed: int = 0
    duration_ms: int = 0

# SPDX-License-Identifier: Apache-2.0
"""View of a host for decisions, and the subfunctions that its personality permits."""
from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from flock.core.errors import Conflict, Refused
from sysinv.contract.enums import (
    Administrative,
    Availability,
    InvProvision,
    Operational,
    Personality,
    Subfunction,
)
from sysinv.model.hostname import CONTROLLER_NAMES

FROZEN_PROVISION = frozenset({InvProvision.PROVISIONING, InvProvision.PROVISIONED, InvProvision.UPGRADING})

_ETHERNET_DUIDS = (["00", "01", "00", "01"], ["00", "03", "00", "01"])
_MAC = re.compile(r"[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}")


class HostRefused(Refused):
    """A rule about hosts refuses a request; ``detail`` is the sentence for the operator."""

    code: ClassVar[str] = "sysinv.host.refused"


class HostMustBeLocked(Conflict):
    """A change requires a locked host; ``detail`` is the sentence for the operator."""

    code: ClassVar[str] = "sysinv.host.must_be_locked"


@dataclass(frozen=True, slots=True)
class InventoryHost:
    """The columns of ``i_host`` that decisions need."""

    id: int
    uuid: str
    hostname: str | None
    personality: str | None
    subfunctions: str | None
    subfunction_oper: str
    subfunction_avail: str
    administrative: str
    operational: str
    availability: str
    invprovision: str | None
    inv_state: str | None
    action_state: str | None
    install_state: str | None
    ihost_action: str | None
    mtce_action: str | None
    action_text: str | None
    mgmt_mac: str
    bm_type: str | None
    bm_ip: str | None
    bm_username: str | None
    bm_secret: str | None
    vim_progress_status: str | None
    config_applied: str | None
    config_target: str | None
    mtce_sequence: int
    revision: int

    @property
    def name(self) -> str:
        """Name of the host in refusals."""
        return self.hostname or self.uuid

    @property
    def is_locked(self) -> bool:
        return self.administrative == Administrative.LOCKED

    @property
    def is_enabled(self) -> bool:
        """Whether the host is in service: unlocked and enabled."""
        return not self.is_locked and self.operational == Operational.ENABLED

    @property
    def is_controller(self) -> bool:
        return self.personality == Personality.CONTROLLER

    @property
    def is_aio_controller(self) -> bool:
        """Whether the host is a controller that also carries the worker function."""
        return self.is_controller and self.has_worker_function

    @property
    def has_worker_function(self) -> bool:
        return Subfunction.WORKER in split_subfunctions(self.subfunctions)

    @property
    def has_board_management(self) -> bool:
        """Whether a BMC with an address is configured."""
        return bool(self.bm_type) and self.bm_type != "none" and bool(self.bm_ip)

    @property
    def was_never_installed(self) -> bool:
        """Whether no installed system ever ran on the host: it has no inventory and is not online."""
        return self.inv_state is None and self.availability in (
            Availability.OFFLINE, Availability.POWER_OFF, Availability.NOT_INSTALLED)

    @property
    def is_frozen(self) -> bool:
        """Whether personality and hostname can no longer change."""
        return self.invprovision in FROZEN_PROVISION


_COLUMNS = tuple(field.name for field in fields(InventoryHost))


def host_view(row: Mapping[str, Any]) -> InventoryHost:
    """Return the view of a stored row; ignores columns that the view does not have."""
    return InventoryHost(**{name: row[name] for name in _COLUMNS})


def split_subfunctions(text: str | None) -> tuple[str, ...]:
    """Return ``controller,worker`` as a tuple."""
    return tuple(part for part in (text or "").split(",") if part)


def join_subfunctions(names: Iterable[str]) -> str:
    """Return subfunctions as wire text: comma-separated, in StarlingX's order."""
    wanted = set(names)
    return ",".join(one for one in Subfunction if one in wanted)


def normal_mac(text: str) -> str | None:
    """Return ``AA-BB-…`` or ``aa:bb:…`` in lower case with colons; None for text that is not a unicast MAC address."""
    lowered = text.strip().lower()
    if not _MAC.fullmatch(lowered):
        return None
    mac = lowered.replace("-", ":")
    if int(mac[:2], 16) & 1 or mac == "00:00:00:00:00:00":
        return None
    return mac


def client_mac(text: str) -> str | None:
    """Return the Ethernet address of a DHCP client from dnsmasq's notation; None when it has none.

    For DHCPv4 the notation is the address; hardware other than Ethernet, such as InfiniBand, has its hardware type
    in front (``20-f4:52:14:…``). For DHCPv6 it is a DUID; types 1 and 3 contain a hardware type and an address.
    """
    parts = text.strip().lower().split(":")
    if parts[:4] in _ETHERNET_DUIDS and len(parts) in (10, 14):
        return normal_mac(":".join(parts[-6:]))
    return normal_mac(text)


def next_controller_name(taken: Iterable[str | None]) -> str | None:
    """Return the lowest free controller name; None when both are used."""
    used = set(taken)
    return next((name for name in CONTROLLER_NAMES if name not in used), None)


def initial_states() -> dict[str, str]:
    """Return the three states of a newly discovered or added host."""
    return {
        "administrative": Administrative.LOCKED, "operational": Operational.DISABLED,
        "availability": Availability.OFFLINE, "subfunction_oper": Operational.DISABLED,
        "subfunction_avail": Availability.NOT_INSTALLED,
    }

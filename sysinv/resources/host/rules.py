# SPDX-License-Identifier: Apache-2.0
"""Pure rules for adding and changing hosts, in the order in which refusals are reported."""
from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from sysinv.contract.enums import Personality, Subfunction
from sysinv.model.host import (
    HostMustBeLocked,
    HostRefused,
    InventoryHost,
    join_subfunctions,
    next_controller_name,
    normal_mac,
    split_subfunctions,
)
from sysinv.model.hostname import hostname_refusal
from sysinv.model.system import SystemView
from sysinv.resources.cluster.rules import DeploymentModel, next_storage_name
from sysinv.resources.label.rules import POWER_MANAGEMENT

RESTRICTED = frozenset({
    "uuid", "id", "created_at", "updated_at", "cstatus", "mgmt_mac", "mgmt_ip", "invprovision", "recordtype",
    "ihost_action", "action_state", "inv_state", "iconfig_applied", "iconfig_target", "last_error", "last_error_at"})
MTCE_ONLY = frozenset({
    "administrative", "availability", "operational", "subfunction_oper", "subfunction_avail", "reserved", "mtce_info",
    "mtce_action", "task", "uptime"})
VIM_ONLY = frozenset({"vim_progress_status"})
INSTALL_PARAMETERS = frozenset({"boot_device", "rootfs_device", "hw_settle", "install_output", "console", "tboot"})
ROLE = frozenset({"personality", "hostname", "subfunctions"})
_WORKER_SET = frozenset({Subfunction.WORKER, Subfunction.LOWLATENCY})
_ALLOWED_FUNCTIONS: Mapping[str, frozenset[Subfunction]] = {
    Personality.CONTROLLER: frozenset({Subfunction.CONTROLLER, Subfunction.WORKER, Subfunction.LOWLATENCY}),
    Personality.WORKER: _WORKER_SET,
    Personality.EDGEWORKER: _WORKER_SET,
    Personality.STORAGE: frozenset({Subfunction.STORAGE}),
}
_NAMED_BY_SYSTEM = (Personality.CONTROLLER, Personality.STORAGE)


class HostExists(HostRefused):
    """The host that is to be added exists already, or its name is taken."""

    code: ClassVar[str] = "sysinv.host.exists"


@dataclass(frozen=True, slots=True)
class Others:
    """Facts about the other hosts and the networks that rules need; ``subnets`` as ``10.10.20.0/24``."""

    hostnames: frozenset[str]
    controllers: int
    any_host: bool
    enabled_controller: bool
    bm_ips: frozenset[str]
    oam_version: int = 4
    own_addresses: frozenset[str] = frozenset()
    subnets: frozenset[str] = frozenset()
    # The deployment model of the host-based Ceph cluster; None without one.
    storage_model: str | None = None


@dataclass(frozen=True, slots=True)
class Role:
    """Role that a host gets."""

    hostname: str
    personality: str
    subfunctions: str


def check_add(system: SystemView, given: Mapping[str, Any], known: InventoryHost | None,
              others: Others) -> tuple[Role, str]:
    """Return role and normalised MAC of an added host; raises HostRefused. ``known`` is the record with that MAC."""
    personality, hostname = given.get("personality"), given.get("hostname")
    mac_text = given.get("mgmt_mac")
    if others.any_host and not others.enabled_controller:
        raise HostRefused(detail=(
            f"Provisioning request for new host '{mac_text}' is not permitted while there is no unlocked-enabled "
            "controller. Unlock controller-0, wait for it to enable and then retry."))
    if system.is_simplex and others.any_host:
        raise HostRefused(detail="Host-add Rejected: Adding a host on a simplex system is not allowed.")
    if not hostname and personality not in _NAMED_BY_SYSTEM:
        raise HostRefused(detail=f"Host-add Rejected. Must provide a hostname for a node of personality {personality}")
    _check_name(hostname, personality)
    mac = _mac(mac_text)
    _check_fits(system, str(personality), hostname, others)
    if known is not None and (known.hostname or known.personality):
        raise HostExists(detail=f"Host-add Rejected: Host with mgmt_mac {mac} already exists")
    return _role(system, str(personality), hostname, given.get("subfunctions"), others), mac


def check_role(system: SystemView, host: InventoryHost, changes: Mapping[str, Any], others: Others) -> Role:
    """Return the role that ``changes`` give a discovered host; raises HostRefused."""
    personality = changes.get("personality", host.personality)
    hostname = changes.get("hostname", host.hostname)
    if not personality:
        raise HostRefused(detail=f"Host {host.name} needs a personality before it can have a hostname or subfunctions.")
    if not hostname and personality not in _NAMED_BY_SYSTEM:
        raise HostRefused(detail=f"Must provide a hostname for a node of personality {personality}")
    _check_name(hostname, personality)
    _check_fits(system, str(personality), hostname, others)
    return _role(system, str(personality), hostname, changes.get("subfunctions"), others)


def check_fixed(host: InventoryHost, changes: Mapping[str, Any]) -> None:
    """Raise HostRefused for a change of role attributes, which are set once; repeating the same value is permitted."""
    for name in sorted(ROLE & changes.keys()):
        present = getattr(host, name)
        if present is None or present == changes[name]:
            continue
        if name == "hostname":
            raise HostRefused(detail=f"The hostname of host {host.name} can not be changed. Delete and re-add it.")
        if name == "personality" or host.is_frozen:
            raise HostRefused(detail=(
                f"Can not change {name} of host {host.name} from '{present}' to '{changes[name]}'. "
                "Delete and re-add the host."))
        raise HostRefused(detail=f"The {name} of host {host.name} can only be set once.")


def check_names(names: Sequence[str]) -> None:
    """Raise HostRefused when a PATCH has an attribute that operators may not write."""
    for forbidden in (RESTRICTED, MTCE_ONLY | VIM_ONLY):
        restricted = sorted(forbidden & set(names))
        if restricted:
            raise HostRefused(detail=f"Change {_listed(names)} contains restricted {_listed(restricted)}.")


def check_duplicates(operations: Iterable[tuple[str, Any]]) -> None:
    """Raise HostRefused when a PATCH sets one path to two different values."""
    seen: dict[str, Any] = {}
    for path, value in operations:
        if path in seen and seen[path] != value:
            raise HostRefused(detail="Illegal duplicate parameters passed.")
        seen[path] = value


def check_attributes(host: InventoryHost, changes: Mapping[str, Any], stored: Mapping[str, Any],
                     labels: Collection[str] = ()) -> None:
    """Check rules of single attributes. ``stored`` is the complete record, ``labels`` are keys. Raises HostRefused."""
    if INSTALL_PARAMETERS & changes.keys() and not host.is_locked:
        raise HostMustBeLocked(detail="Host must be locked before updating installation parameters.")
    clock = changes.get("clock_synchronization")
    if clock is not None and clock not in ("ntp", "ptp"):
        raise HostRefused(detail=(
            f"Host update failed: clock_synchronization: invalid choice: '{clock}', choose from ['ntp', 'ptp']"))
    apparmor = changes.get("apparmor")
    if apparmor is not None:
        if apparmor not in ("enabled", "disabled"):
            raise HostRefused(detail=f"Host update failed: apparmor: invalid choice: '{apparmor}'")
        if not host.is_locked:
            raise HostMustBeLocked(detail="Host must be locked before updating apparmor.")
    if "capabilities" in changes:
        _check_capabilities(changes["capabilities"], stored["capabilities"] or {})
    if "max_cpu_mhz_configured" in changes:
        if POWER_MANAGEMENT in labels:
            raise HostRefused(detail=(
                f"Max CPU frequency can not be changed while the host has label {POWER_MANAGEMENT}."))
        _check_frequency(host, changes["max_cpu_mhz_configured"], stored)


def _check_fits(system: SystemView, personality: str, hostname: str | None, others: Others) -> None:
    if not system.allows(personality):
        raise HostRefused(detail=f"Personality [{personality}] for host is not compatible with installed software. ")
    if hostname and hostname.lower() in {taken.lower() for taken in others.hostnames}:
        raise HostExists(detail="Host-add Rejected: Hostname already exists")


def _role(system: SystemView, personality: str, hostname: str | None, subfunctions: str | None,
          others: Others) -> Role:
    if personality == Personality.CONTROLLER:
        if others.controllers >= 2:
            raise HostRefused(detail=(
                "Two controller nodes have already been configured. This host can not be configured as a controller."))
        hostname = hostname or next_controller_name(others.hostnames)
    elif personality == Personality.STORAGE:
        hostname = _storage_name(hostname, others)
    if not hostname:
        raise HostRefused(detail=f"Must provide a hostname for a node of personality {personality}")
    return Role(hostname, personality, _subfunctions(system, personality, subfunctions))


def _storage_name(hostname: str | None, others: Others) -> str:
    """Return the name of a new storage host, which has the lowest free number: groups are filled in order."""
    if others.storage_model is None:
        raise HostRefused(detail="Storage backend must be configured before a storage host can be added.")
    if others.storage_model not in (DeploymentModel.STORAGE_NODES, DeploymentModel.UNDEFINED):
        raise HostRefused(detail=(
            f"Storage hosts can not be added: the storage deployment model is {others.storage_model}."))
    expected = next_storage_name(others.hostnames)
    if hostname not in (None, "", expected):
        raise HostRefused(detail=f"Storage name {hostname} not allowed. Expected {expected}.")
    return expected


def _subfunctions(system: SystemView, personality: str, given: str | None) -> str:
    base = system.controller_subfunctions if personality == Personality.CONTROLLER else personality
    if personality == Personality.EDGEWORKER:
        base = Subfunction.WORKER.value
    if given is None:
        return base
    wanted = set(split_subfunctions(given))
    own = split_subfunctions(base)
    if own[0] not in wanted:
        # "lowlatency" alone means lowlatency in addition to the personality.
        wanted |= set(own)
    allowed = _ALLOWED_FUNCTIONS.get(personality, frozenset())
    if not wanted <= set(allowed) or not set(own) <= wanted:
        raise HostRefused(detail=(
            f"Subfunctions '{given}' are not possible for personality {personality}. "
            f"They must hold {base} and may hold {_listed(sorted(allowed))}."))
    return join_subfunctions(wanted)


def _check_name(hostname: str | None, personality: Any) -> None:
    refusal = hostname_refusal(hostname, personality) if hostname else None
    if refusal is not None:
        raise HostRefused(detail=refusal)


def _mac(text: str | None) -> str:
    if not text:
        raise HostRefused(detail="Host-add Rejected: Must provide MAC Address of the host mgmt interface")
    mac = normal_mac(text)
    if mac is None:
        raise HostRefused(detail="Host-add Rejected: Must provide a valid format of a MAC Address")
    return mac


def _check_capabilities(wanted: Mapping[str, Any], stored: Mapping[str, Any]) -> None:
    if "Personality" in wanted:
        raise HostRefused(detail="'Personality' in capabilities can not be set.")
    if wanted.get("stor_function", stored.get("stor_function")) != stored.get("stor_function"):
        raise HostRefused(detail="'stor_function' in capabilities can not be changed.")


def _check_frequency(host: InventoryHost, text: str, stored: Mapping[str, Any]) -> None:
    if not host.has_worker_function:
        raise HostRefused(detail="Host CPU maximum frequency can only be changed on hosts with worker function.")
    if (stored["capabilities"] or {}).get("is_max_cpu_configurable") != "configurable":
        raise HostRefused(detail="Host does not support a configurable CPU maximum frequency.")
    if text == "max_cpu_mhz_allowed":
        return
    allowed = stored["max_cpu_mhz_allowed"]
    if not text.isascii() or not text.isdigit() or (allowed and int(text) > int(float(allowed))):
        raise HostRefused(detail=f"Max CPU frequency '{text}' must be an integer of at most {allowed} MHz.")


def _listed(names: Collection[str]) -> str:
    return "[" + ", ".join(f"'{name}'" for name in names) + "]"

# SPDX-License-Identifier: Apache-2.0
"""Whether a system is fit for changes: what the configuration service can say of hosts, alarms and software.

A part that this cloud does not have is not checked, and the report says so.
"""
from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from flock.core.checks import Check, Report, no_names
from sysinv.contract.enums import Administrative, InvProvision, Operational, Personality
from sysinv.model.expiry import EXPIRED, SOON

_PROVISIONED = frozenset({InvProvision.PROVISIONED, InvProvision.UPGRADING})


class Kind(enum.StrEnum):
    """For what the system has to be fit."""

    SYSTEM = "system"
    UPGRADE = "upgrade"
    KUBE_UPGRADE = "kube-upgrade"


@dataclass(frozen=True, slots=True)
class HostFacts:
    """A host. ``name``: its hostname, or its uuid while it has none. ``disks``: device names and paths of the disks
    that its agent has reported; () when it has reported none yet."""

    id: int
    name: str
    personality: str | None
    administrative: str
    operational: str
    invprovision: str | None
    is_config_current: bool = True
    boot_device: str = ""
    rootfs_device: str = ""
    disks: frozenset[str] = frozenset()

    @property
    def is_provisioned(self) -> bool:
        """Whether it has been in service before."""
        return self.invprovision in _PROVISIONED

    @property
    def is_in_service(self) -> bool:
        """Whether it does its work."""
        return self.administrative == Administrative.UNLOCKED and self.operational == Operational.ENABLED


@dataclass(frozen=True, slots=True)
class ActiveAlarm:
    """An active alarm."""

    id: str
    entity: str
    affects_management: bool = True


@dataclass(frozen=True, slots=True)
class Facts:
    """The system. ``alarms`` and ``outdated_software`` (names of hosts that run other software than they should) are a
    sentence when nobody can say; the latter is None in a cloud without software management."""

    hosts: tuple[HostFacts, ...]
    active: str
    alarms: tuple[ActiveAlarm, ...] | str
    outdated_software: tuple[str, ...] | str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. ``relaxed``: alarms that do not affect management do not count. ``ignored``: ids of alarms."""

    kind: Kind
    relaxed: bool = False
    ignored: frozenset[str] = frozenset()


def report(facts: Facts, asked: Question) -> Report:
    """Check everything that ``asked`` needs."""
    checks = _hosts(facts.hosts)
    absent = ["virtual infrastructure manager", "storage cluster", "Kubernetes"]
    if facts.outdated_software is None:
        absent.append("software management")
    else:
        checks.append(_software(facts.outdated_software))
    checks.append(_alarms(facts.alarms, asked))
    if asked.kind is not Kind.SYSTEM:
        absent.append("applications")
    if asked.kind is Kind.UPGRADE:
        checks += _upgrade(facts)
        absent.append("instances" if len(_controllers(facts.hosts)) > 1 else "platform-backup partition")
    return Report(tuple(checks), tuple(absent))


def _hosts(hosts: Iterable[HostFacts]) -> list[Check]:
    known = list(hosts)
    new = sorted(host.name for host in known if not host.is_provisioned)
    return [
        Check("All hosts are provisioned", not new, f"{len(new)} Unprovisioned hosts",
              f"Unlock or delete them: {', '.join(new)}"),
        no_names("All hosts are unlocked/enabled", [host.name for host in known if not host.is_in_service],
                 "Locked or disabled hosts", "Unlock them: system host-unlock."),
        no_names("All hosts have current configurations", [host.name for host in known if not host.is_config_current],
                 "Hosts with out of date configurations", "Lock and unlock them.")]


def _software(outdated: tuple[str, ...] | str) -> Check:
    name = "All hosts are patch current"
    if isinstance(outdated, str):
        return Check(name, False, outdated)
    return no_names(name, outdated, "Hosts not patch current",
                    "See 'software deploy host-list'; complete the deployment.")


def _alarms(alarms: tuple[ActiveAlarm, ...] | str, asked: Question) -> Check:
    if isinstance(alarms, str):
        return Check("No alarms", False, alarms)
    found = [alarm for alarm in alarms if alarm.id not in asked.ignored]
    affecting = [alarm for alarm in found if alarm.affects_management]
    certificates = [alarm for alarm in found if alarm.id in (SOON, EXPIRED)]
    return Check("No alarms", not (affecting if asked.relaxed else found),
                 f"[{len(found)}] alarms found, [{len(affecting)}] of which are management affecting and "
                 f"[{len(certificates)}] are certificate expiration alarms. Use \"fm alarm-list\" for details",
                 "" if affecting else "None of them affects management: relaxed checks ignore them.")


def _upgrade(facts: Facts) -> list[Check]:
    controllers = _controllers(facts.hosts)
    first = controllers[0].name if controllers else "controller-0"
    # The audit of certificates raises an alarm for each that it knows.
    expired = ([alarm.entity for alarm in facts.alarms if alarm.id == EXPIRED] if not isinstance(facts.alarms, str)
               else ["unknown without the alarms"])
    return [
        Check(f"Active controller is {first}", facts.active == first, f"{facts.active} is active",
              f"Swact: system host-swact {facts.active}."),
        no_names("Platform Issuer and expected certificates are healthy", expired, "Expired certificates",
                 "Renew them: flock-rotate."),
        no_names("Boot Device and Root file system Device", _without_device(controllers), "Hosts without such a device",
                 "Correct them: system host-update <host> boot_device=<device> rootfs_device=<device>.")]


def _without_device(controllers: Iterable[HostFacts]) -> list[str]:
    return [host.name for host in controllers if host.disks
            and not {host.boot_device, host.rootfs_device} <= host.disks]


def _controllers(hosts: Iterable[HostFacts]) -> list[HostFacts]:
    return sorted((host for host in hosts if host.personality == Personality.CONTROLLER), key=lambda host: host.id)

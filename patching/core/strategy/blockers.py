# SPDX-License-Identifier: Apache-2.0
"""Why a strategy cannot be built: all reasons at once, with the names of hosts."""
from __future__ import annotations

from collections.abc import Iterable

from patching.core.strategy import alarms
from patching.core.strategy.parameters import ApplyType, InstanceAction, Parameters
from patching.core.strategy.picture import Picture, PlannedHost

PERSONALITIES = ("controller", "storage", "worker")
TWICE = ("controller", "storage")
"""Personalities of which two are needed, so that one of them serves."""


def reasons(parameters: Parameters, picture: Picture) -> list[str]:
    """Sentences; none when nothing stands against it."""
    found = [f"active alarms present: {_alarms(parameters, picture)}"] if _alarms(parameters, picture) else []
    if parameters.cleanup:
        return found
    for personality, apply in (("controller", parameters.controllers), ("storage", parameters.storage),
                               ("worker", parameters.workers)):
        hosts = [host for host in picture.hosts if host.personality == personality]
        if hosts and apply is not ApplyType.IGNORE:
            found += _of_personality(personality, hosts, picture)
    strange = [host.hostname for host in picture.hosts if host.personality not in PERSONALITIES]
    if strange:
        found.append(f"no strategy knows the personality of {_names(strange)}")
    if picture.reboot_required:
        found += _fixed_instances(picture)
        if parameters.instance_action is InstanceAction.MIGRATE:
            found += _staying_instances(picture)
    return found


def _of_personality(personality: str, hosts: list[PlannedHost], picture: Picture) -> list[str]:
    found = []
    if personality in TWICE and len(hosts) < len(TWICE) and not picture.is_simplex:
        found.append(f"not enough {personality} hosts: there is {len(hosts)}, and two are needed")
    unfit = [host for host in hosts if not host.is_in_service
             and not (host.is_locked and (personality == "worker" or host.is_aio))]
    if unfit:
        found.append(f"{personality} hosts must be unlocked, enabled and available; these are not: " + _names(
            f"{host.hostname} ({host.administrative}-{host.operational}-{host.availability})" for host in unfit))
    return found


def _fixed_instances(picture: Picture) -> list[str]:
    """A stopped instance cannot be moved, and would hold up its group."""
    fixed = [one for one in picture.instances if one.is_locked and one.apart]
    names = _names(one.id for one in fixed)
    return [f"locked instances of anti-affinity groups are in the way: {names}"] if fixed else []


def _staying_instances(picture: Picture) -> list[str]:
    """Told before the first host is touched, with one sentence for each reason."""
    stays: dict[str, list[str]] = {}
    for one in picture.instances:
        if one.stays and not one.is_locked:
            stays.setdefault(one.stays, []).append(f"{one.id} on {one.host}")
    return [f"these instances cannot be moved, because {why}: {_names(names)}" for why, names in sorted(stays.items())]


def _alarms(parameters: Parameters, picture: Picture) -> str:
    blocking = alarms.blocking(picture.alarms, parameters.kind, parameters.alarms)
    return _names(f"{alarm.id} {alarm.entity}" for alarm in blocking)


def _names(texts: Iterable[str]) -> str:
    """At most ten, and how many more there are."""
    every = sorted(texts)
    more = f" and {len(every) - 10} more" if len(every) > 10 else ""
    return ", ".join(every[:10]) + more

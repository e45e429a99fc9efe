# SPDX-License-Identifier: Apache-2.0
"""Pure decisions of the agent: what to report now, what an answer means, when the inventory is complete.

``known`` is always what ``sysinv.contract.reports.reports`` found: every kind of report, in order.
"""
from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sysinv.contract.reports import Report

SPREAD = 0.1

# Records; a last None stands for the items that could not be read.
Payload = tuple[Any, ...]
Known = Mapping[str, Report]


@dataclass(frozen=True, slots=True)
class AgentView:
    """What the agent knows of its dealings with the conductor, by kind of report.

    ``acknowledged`` holds the last payload that the conductor stored, ``forced`` what goes out even when unchanged,
    ``foreign`` what this conductor does not know: offered again with each audit, and not waited for.
    """

    host_uuid: str | None = None
    acknowledged: Mapping[str, Payload] = field(default_factory=dict)
    forced: frozenset[str] = frozenset()
    foreign: frozenset[str] = frozenset()
    completed: bool = False


def found(view: AgentView, host_uuid: str) -> AgentView:
    """The own record is ``host_uuid``; another one than before means that everything is to be told anew."""
    return view if view.host_uuid == host_uuid else AgentView(host_uuid=host_uuid)


def lost(view: AgentView) -> AgentView:
    """The conductor does not know the host (any more)."""
    return AgentView() if view.host_uuid is not None else view


def requested(known: Known, view: AgentView, names: Iterable[str]) -> tuple[AgentView, tuple[str, ...]]:
    """The conductor wants the reports ``names`` (none named: all) with the next audit.

    Names are kinds and their aliases; those that mean no report are given back.
    """
    kinds = {name: kind for kind, report in known.items() for name in (kind, *report.aliases)}
    listed = tuple(names)
    wanted = {kinds[name] for name in listed if name in kinds} if listed else set(known)
    return replace(view, forced=view.forced | wanted), tuple(name for name in listed if name not in kinds)


def taken(view: AgentView) -> tuple[AgentView, frozenset[str]]:
    """Begin an audit: the requests it answers are taken out of the view, so that later ones are told apart."""
    return replace(view, forced=frozenset()), view.forced


def due(known: Known, view: AgentView, current: Mapping[str, Payload], forced: frozenset[str]) -> tuple[str, ...]:
    """Reports to send now, in order: never acknowledged, changed since, or forced. Nothing without an own record."""
    if view.host_uuid is None:
        return ()
    return tuple(kind for kind, report in known.items() if kind in current and (
        kind in forced or kind not in view.acknowledged or changed(report, view.acknowledged[kind], current[kind])))


def put_back(view: AgentView, forced: frozenset[str]) -> AgentView:
    """End an audit: the requests that were not answered wait for the next one."""
    return replace(view, forced=view.forced | forced)


def acknowledged(view: AgentView, kind: str, payload: Payload) -> AgentView:
    """The conductor stored ``payload``."""
    return replace(view, acknowledged={**view.acknowledged, kind: payload}, foreign=view.foreign - {kind})


def not_known(view: AgentView, kind: str) -> AgentView:
    """The conductor is older than this agent and has no such resource."""
    return replace(view, foreign=view.foreign | {kind})


def completion_due(known: Known, view: AgentView) -> bool:
    """Whether every report that the conductor knows was acknowledged and it has not been told so."""
    return (view.host_uuid is not None and not view.completed
            and view.acknowledged.keys() | view.foreign == known.keys())


def completed(view: AgentView) -> AgentView:
    """The conductor knows that the inventory is complete."""
    return replace(view, completed=True)


def changed(report: Report, old: Payload, new: Payload) -> bool:
    """Whether ``new`` tells more than the passing of time: another number of items, or one that tells more."""
    return len(old) != len(new) or any(
        before is not after if before is None or after is None else report.tells_more(before, after)
        for before, after in zip(old, new, strict=True))


def wait_s(hostname: str, audit_interval_s: float, retry_interval_s: float, *, failed: bool) -> float:
    """Seconds until the next audit: soon after a failure, else the interval, spread a little by host name.

    Without the spread, all hosts of a cloud that came up together would report together for ever.
    """
    if failed:
        return min(retry_interval_s, audit_interval_s)
    share = zlib.crc32(hostname.encode()) / 2**32
    return audit_interval_s * (1 + SPREAD * share)

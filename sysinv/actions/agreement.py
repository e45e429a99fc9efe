# SPDX-License-Identifier: Apache-2.0
"""Pure comparison of sysinv's and mtce's records of hosts; returns what each side must send to the other."""
from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mtce.contract.records import HostStatus
from sysinv.actions.progress import MTCE_REST
from sysinv.contract.enums import Personality, Subfunction
from sysinv.model.host import split_subfunctions

STATES = ("administrative", "operational", "availability")
SUBFUNCTION_STATES = ("subfunction_oper", "subfunction_avail")


@dataclass(frozen=True, slots=True)
class Differences:
    """Differences between sysinv and mtce, by uuid of the host.

    ``put``: mtce lacks the host's record or has another revision of it. ``ahead``: mtce has a higher revision than
    sysinv; maps to mtce's revision. ``remove``: hosts that sysinv does not have.
    ``states``: sysinv stores other states, task or action than mtce; maps to the sequence of mtce's states.
    ``ended``: mtce's action has ended, but sysinv still waits for its end; maps to the sequence likewise.
    """

    put: tuple[str, ...]
    ahead: Mapping[str, int]
    remove: tuple[HostStatus, ...]
    states: Mapping[str, int]
    ended: Mapping[str, int]


def compare(rows: Sequence[Mapping[str, Any]], statuses: Sequence[HostStatus], deleting: Collection[str],
            acting: Collection[str]) -> Differences:
    """Return the differences between ``rows`` (sysinv's hosts) and ``statuses`` (mtce's, read before the rows).

    ``deleting`` and ``acting`` are uuids of hosts whose delete or action operation has not ended: omits the former,
    and does not count an action of the latter as ended. Removes no host of mtce when sysinv has no hosts at all.
    """
    known = {status.uuid: status for status in statuses}
    told = [row for row in rows if row["uuid"] not in deleting and row["hostname"] and row["personality"]]
    both = [(row, known[row["uuid"]]) for row in told if row["uuid"] in known]
    ours = {row["uuid"] for row in rows} | set(deleting)
    return Differences(
        put=tuple(row["uuid"] for row in told if _is_stale(row, known.get(row["uuid"]))),
        ahead={row["uuid"]: status.revision for row, status in both if status.revision > row["maintenance_revision"]},
        remove=tuple(status for status in statuses if status.uuid not in ours) if rows else (),
        states={row["uuid"]: status.sequence for row, status in both if _shown(row, status) != _held(status)},
        ended={row["uuid"]: status.sequence for row, status in both
               if row["ihost_action"] and row["uuid"] not in acting and status.action == MTCE_REST})


def _is_stale(row: Mapping[str, Any], status: HostStatus | None) -> bool:
    """Also True when mtce's sequence is below the stored one: sysinv would drop mtce's updates as outdated."""
    return status is None or status.revision != row["maintenance_revision"] or status.sequence < row["mtce_sequence"]


def _held(status: HostStatus) -> tuple[Any, ...]:
    named = (*STATES, *(SUBFUNCTION_STATES if _is_aio(status) else ()))
    return (*(getattr(status, name) for name in named), status.task, status.action)


def _shown(row: Mapping[str, Any], status: HostStatus) -> tuple[Any, ...]:
    named = (*STATES, *(SUBFUNCTION_STATES if _is_aio(status) else ()))
    return (*(row[name] for name in named), row["task"] or "", row["mtce_action"] or MTCE_REST)


def _is_aio(status: HostStatus) -> bool:
    return status.personality == Personality.CONTROLLER and Subfunction.WORKER in split_subfunctions(
        status.subfunctions)

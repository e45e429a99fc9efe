# SPDX-License-Identifier: Apache-2.0
"""What inventory and host maintenance hold of the same hosts, compared: who has to be told what. Pure."""
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
    """``put`` are uuids whose record maintenance lacks or has in another revision; ``above`` says which revision that
    of inventory must exceed, where maintenance has a higher one. ``remove`` are hosts that inventory does not have.

    ``states`` are uuids whose states, task or action inventory has otherwise, with the number of maintenance's states.
    ``resting`` are uuids whose action has ended although inventory still waits for its end.
    """

    put: tuple[str, ...]
    above: Mapping[str, int]
    remove: tuple[HostStatus, ...]
    states: Mapping[str, int]
    resting: Mapping[str, int]


def compare(rows: Sequence[Mapping[str, Any]], statuses: Sequence[HostStatus], deleting: Collection[str],
            acting: Collection[str]) -> Differences:
    """``rows`` are hosts of inventory, read after ``statuses``.

    ``deleting`` and ``acting`` are uuids of hosts with such an operation under way: nothing is said about the former,
    and no action of the latter counts as ended. Without any host of inventory none of maintenance is to be removed.
    """
    known = {status.uuid: status for status in statuses}
    told = [row for row in rows if row["uuid"] not in deleting and row["hostname"] and row["personality"]]
    both = [(row, known[row["uuid"]]) for row in told if row["uuid"] in known]
    ours = {row["uuid"] for row in rows} | set(deleting)
    return Differences(
        put=tuple(row["uuid"] for row in told if _is_stale(row, known.get(row["uuid"]))),
        above={row["uuid"]: status.revision for row, status in both if status.revision > row["maintenance_revision"]},
        remove=tuple(status for status in statuses if status.uuid not in ours) if rows else (),
        states={row["uuid"]: status.sequence for row, status in both if _shown(row, status) != _held(status)},
        resting={row["uuid"]: status.sequence for row, status in both
                 if row["ihost_action"] and row["uuid"] not in acting and status.action == MTCE_REST})


def _is_stale(row: Mapping[str, Any], status: HostStatus | None) -> bool:
    """Also when maintenance numbers its states below what inventory has: it would be taken for late."""
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

# SPDX-License-Identifier: Apache-2.0
"""Decides which hosts have an alarm because daemons refuse what their agents send. Times are monotonic seconds."""
from __future__ import annotations

from collections.abc import Iterable, Mapping

from fm.contract.rpc import FaultRequest, Refusal

ALARM_ID = "200.006"
PROCESS = "agents"
QUIET_S = 600.0
HOSTS_MAX = 4096
# A deleted host's agents send until their connections are closed; what is counted then is reported some time later.
GONE_S = 120.0
_BEGIN, _END = "host=", f".process={PROCESS}"

Ledger = Mapping[str, float]
"""When something was last refused, by hostname."""


def entity_of(hostname: str) -> str:
    """The entity of the alarm."""
    return f"{_BEGIN}{hostname}{_END}"


def hostname_of(entity: str) -> str | None:
    """The host of an alarm's entity; None when the alarm is about something else."""
    if not (entity.startswith(_BEGIN) and entity.endswith(_END)):
        return None
    return entity[len(_BEGIN):-len(_END)] or None


def concerns(request: FaultRequest, hostname: str) -> bool:
    """Whether the request would set, change or clear the alarm of the host."""
    entity = entity_of(hostname)
    if request.fault is not None:
        return (request.fault.alarm_id, request.fault.entity_instance_id) == (ALARM_ID, entity)
    if request.clear is not None:
        cleared = request.clear.entity_instance_id
        return request.clear.alarm_id == ALARM_ID and (
            cleared == entity or not request.clear_exact and entity.startswith(f"{cleared}."))
    return request.clear_all_below is not None and f"{entity}.".startswith(f"{request.clear_all_below}.")


def text_of(refusal: Refusal) -> str:
    """The reason text of the alarm."""
    return f"Messages of the agents of {refusal.hostname} are refused: {refusal.reason}."


def deleted(entity: str) -> str | None:
    """The host whose every alarm is cleared by clearing ``entity`` with all below it; None for other entities."""
    return entity.removeprefix(_BEGIN) or None if entity.startswith(_BEGIN) and "." not in entity else None


def with_gone(gone: Ledger, hostname: str, now_s: float) -> dict[str, float]:
    """``gone`` (when each host was deleted) with one more host; forgets those deleted more than GONE_S ago."""
    left = {name: at_s for name, at_s in gone.items() if now_s - at_s < GONE_S}
    return {**left, hostname: now_s} if len(left) < HOSTS_MAX else left


def noted(ledger: Ledger, refusals: Iterable[Refusal], now_s: float,
          gone: Ledger | None = None) -> tuple[dict[str, float], list[Refusal]]:
    """The ledger after ``refusals``, and those whose alarm is to be set.

    Ignores hosts beyond HOSTS_MAX, and those in ``gone`` that were deleted less than GONE_S ago.
    """
    after, to_set = dict(ledger), []
    for refusal in refusals:
        gone_s = (gone or {}).get(refusal.hostname)
        if gone_s is not None and now_s - gone_s < GONE_S:
            continue
        if refusal.number > 0 and (refusal.hostname in after or len(after) < HOSTS_MAX):
            after[refusal.hostname] = now_s
            to_set.append(refusal)
    return after, to_set


def quiet(ledger: Ledger, now_s: float) -> tuple[dict[str, float], list[str]]:
    """The ledger without the hosts of which nothing was refused for QUIET_S, and these, sorted."""
    gone = sorted(hostname for hostname, last_s in ledger.items() if now_s - last_s >= QUIET_S)
    return {hostname: last_s for hostname, last_s in ledger.items() if hostname not in gone}, gone

# SPDX-License-Identifier: Apache-2.0
"""Derives the messages of one step from two views, and delivers them to sysinv and fm.

Messages to sysinv are ordered per host, messages to fm per host name, because fm knows a host only by that: a host that
is added again with the name of a deleted one waits for the deletion. Neither waits for the other.
"""
from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from flock.core.codec import codec_for
from flock.core.errors import Conflict, Refused
from flock.db import utcnow
from flock.db.outbox import KEY_LENGTH_MAX
from fm.raiser import Raiser
from mtce.conductor.store import Message
from mtce.core.actions import Action, Log
from mtce.core.changes import alarm_changes, state_update
from mtce.core.reasons import alarm_text, log_text
from mtce.core.view import Alarm, MaintainedHost
from sysinv.contract.records import HostStateUpdate
from sysinv.contract.rpc import HostStates

LOG = logging.getLogger(__name__)
_UPDATE = codec_for(HostStateUpdate)
STATE, ALARM_SET, ALARM_CLEAR, CUSTOMER_LOG, FORGET = "state", "alarm-set", "alarm-clear", "log", "forget"


def of_step(before: MaintainedHost | None, after: MaintainedHost, actions: Iterable[Action]) -> list[Message]:
    """Return the messages that a step causes, in order."""
    messages: list[Message] = []
    update = state_update(before, after, utcnow().isoformat())
    if update is not None:
        messages.append(Message(f"inventory:{after.uuid}", STATE, _UPDATE.to_document(update)))
    host = f"host={after.hostname}"
    key = faults_key(host)
    to_set, to_clear = alarm_changes(before, after)
    messages += [alarm_set(key, alarm, after.hostname) for alarm in to_set]
    messages += [alarm_clear(key, alarm_id, host + suffix) for alarm_id, suffix, _ in to_clear]
    for action in actions:
        if isinstance(action, Log):
            messages.append(_log(key, action, after.hostname))
    return messages


def whole_state(view: MaintainedHost) -> Message:
    """Return the message with all states that sysinv shows of a host, to correct states that differ."""
    update = state_update(None, view)
    if update is None:
        raise ValueError("a whole state is never empty")
    return Message(f"inventory:{view.uuid}", STATE, _UPDATE.to_document(update))


def alarm_set(key: str, alarm: Alarm, hostname: str) -> Message:
    """Return the message that raises one alarm of a host, or changes its severity."""
    alarm_id, suffix, severity = alarm
    return Message(key, ALARM_SET, {"alarm_id": alarm_id, "entity": f"host={hostname}{suffix}", "severity": severity,
                                    "reason": alarm_text(alarm_id, severity, hostname, suffix)})


def alarm_clear(key: str, alarm_id: str, entity: str) -> Message:
    """Return the message that clears one alarm on exactly that entity."""
    return Message(key, ALARM_CLEAR, {"alarm_id": alarm_id, "entity": entity})


def faults_key(entity: str) -> str:
    """Return the key that keeps the alarms of an entity, and of what contains it, in order.

    Different entities may share a key, so it may be cut.
    """
    return f"faults:{entity.partition('.')[0]}"[:KEY_LENGTH_MAX]


def of_delete(view: MaintainedHost) -> list[Message]:
    """Return the messages that the deletion of a host causes."""
    host = f"host={view.hostname}"
    key = faults_key(host)
    return [_log(key, Log("200.021", "command=delete"), view.hostname), Message(key, FORGET, {"entity": host})]


def _log(key: str, log: Log, hostname: str) -> Message:
    return Message(key, CUSTOMER_LOG, {
        "log_id": log.log_id, "entity": f"host={hostname}.{log.suffix}", "severity": log.severity,
        "reason": log_text(log.log_id, log.suffix, hostname, log.severity)})


class Inventory:
    """Sends the states of hosts to sysinv, and remembers which ones it refused."""

    def __init__(self, inventory: HostStates) -> None:
        self._inventory = inventory
        self._refused: dict[str, str] = {}

    def tell(self, payload: dict[str, Any]) -> None:
        """Deliver one update; Unavailable, DeadlineExceeded and collisions pass through and lead to a retry.

        Does not retry an update that sysinv refuses, because it would block those behind it: sysinv's audit finds
        the difference and requests the whole state until sysinv accepts it.
        """
        update: HostStateUpdate = _UPDATE.from_document(payload)
        try:
            self._inventory.update_host_state(update=update)
        except Conflict:
            raise
        except Refused as error:
            LOG.error("sysinv refuses the state of host %s: %s", update.host_uuid, error)
            self._refused[update.host_uuid] = str(error)
        else:
            self._refused.pop(update.host_uuid, None)

    def troubles(self, hosts: Iterable[MaintainedHost]) -> str | None:
        """Return, for the health page, those of ``hosts`` whose states sysinv refuses; None when there are none."""
        refused = [f"sysinv refuses the state of {host.hostname}: {self._refused[host.uuid]}"
                   for host in hosts if host.uuid in self._refused]
        return "; ".join(refused) or None


def handlers(inventory: Inventory, raiser: Raiser) -> dict[str, Callable[[dict[str, Any]], object]]:
    """Return the delivery function of each kind; the relay retries one that raises."""
    return {
        STATE: inventory.tell,
        ALARM_SET: lambda payload: raiser.raise_alarm(
            payload["alarm_id"], entity_instance_id=payload["entity"], severity=payload["severity"],
            reason_text=payload["reason"]),
        ALARM_CLEAR: lambda payload: raiser.clear_alarm(
            payload["alarm_id"], entity_instance_id=payload["entity"], exact=True),
        CUSTOMER_LOG: lambda payload: raiser.log_event(
            payload["log_id"], entity_instance_id=payload["entity"], severity=payload.get("severity", "warning"),
            reason_text=payload["reason"]),
        FORGET: lambda payload: raiser.clear_all(payload["entity"]),
    }

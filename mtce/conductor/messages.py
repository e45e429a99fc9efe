# SPDX-License-Identifier: Apache-2.0
"""Messages of one step, made from the difference of two views, and their delivery to inventory and fault management.

Those to inventory and those to fault management are ordered per host, and neither waits for the other.
"""
from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from flock.core.codec import codec_for
from flock.core.errors import Refused
from fm.raiser import Raiser
from mtce.conductor.store import Message
from mtce.core.actions import Action, Log
from mtce.core.changes import alarm_changes, state_update
from mtce.core.reasons import alarm_text, log_text
from mtce.core.view import MaintainedHost
from sysinv.contract.records import HostStateUpdate
from sysinv.contract.rpc import HostStates

LOG = logging.getLogger(__name__)
_UPDATE = codec_for(HostStateUpdate)
STATE, ALARM_SET, ALARM_CLEAR, CUSTOMER_LOG, FORGET = "state", "alarm-set", "alarm-clear", "log", "forget"


def of_step(before: MaintainedHost | None, after: MaintainedHost, actions: Iterable[Action]) -> list[Message]:
    """Everything others must learn of a step, in order."""
    messages: list[Message] = []
    update = state_update(before, after)
    if update is not None:
        messages.append(Message(f"inventory:{after.uuid}", STATE, _UPDATE.to_document(update)))
    key, host = f"faults:{after.uuid}", f"host={after.hostname}"
    to_set, to_clear = alarm_changes(before, after)
    for alarm_id, suffix, severity in to_set:
        messages.append(Message(key, ALARM_SET, {
            "alarm_id": alarm_id, "entity": host + suffix, "severity": severity,
            "reason": alarm_text(alarm_id, severity, after.hostname)}))
    for alarm_id, suffix, _ in to_clear:
        messages.append(Message(key, ALARM_CLEAR, {"alarm_id": alarm_id, "entity": host + suffix}))
    for action in actions:
        if isinstance(action, Log):
            messages.append(_log(key, action.log_id, action.suffix, after.hostname))
    return messages


def of_delete(view: MaintainedHost) -> list[Message]:
    """What must be told when a host is forgotten."""
    key = f"faults:{view.uuid}"
    return [_log(key, "200.021", "command=delete", view.hostname),
            Message(key, FORGET, {"entity": f"host={view.hostname}"})]


def _log(key: str, log_id: str, suffix: str, hostname: str) -> Message:
    return Message(key, CUSTOMER_LOG, {"log_id": log_id, "entity": f"host={hostname}.{suffix}",
                                       "reason": log_text(suffix, hostname)})


def handlers(inventory: HostStates, raiser: Raiser) -> dict[str, Callable[[dict[str, Any]], object]]:
    """How each kind is delivered; a handler that raises is called again later."""
    return {
        STATE: lambda payload: _tell_inventory(inventory, payload),
        ALARM_SET: lambda payload: raiser.raise_alarm(
            payload["alarm_id"], entity_instance_id=payload["entity"], severity=payload["severity"],
            reason_text=payload["reason"]),
        ALARM_CLEAR: lambda payload: raiser.clear_alarm(
            payload["alarm_id"], entity_instance_id=payload["entity"], exact=True),
        CUSTOMER_LOG: lambda payload: raiser.log_event(
            payload["log_id"], entity_instance_id=payload["entity"], severity="warning",
            reason_text=payload["reason"]),
        FORGET: lambda payload: raiser.clear_all(payload["entity"]),
    }


def _tell_inventory(inventory: HostStates, payload: dict[str, Any]) -> None:
    update: HostStateUpdate = _UPDATE.from_document(payload)
    try:
        inventory.update_host_state(update=update)
    except Refused as error:
        LOG.error("inventory does not take the state of host %s, it is dropped: %s", update.host_uuid, error)

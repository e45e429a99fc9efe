# SPDX-License-Identifier: Apache-2.0
"""The wire form of an event."""
from __future__ import annotations

from datetime import datetime

from flock.wire.resource import SYSTEM, Resource, attr
from flock.wire.times import without_zone

COLLAPSED = ("uuid", "event_log_id", "state", "entity_instance_id", "timestamp", "severity", "reason_text",
             "suppression_status")


class EventLog(Resource):
    """One row of the event log; only fm-manager writes it."""

    envelope = "event_log"
    time_format = staticmethod(without_zone)
    uuid = attr(str, writer=SYSTEM)
    event_log_id = attr(str, writer=SYSTEM)
    state = attr(str, writer=SYSTEM)
    entity_type_id = attr(str, writer=SYSTEM)
    entity_instance_id = attr(str, writer=SYSTEM)
    timestamp = attr(datetime, writer=SYSTEM)
    severity = attr(str, writer=SYSTEM)
    reason_text = attr(str, writer=SYSTEM)
    event_log_type = attr(str, writer=SYSTEM)
    probable_cause = attr(str, writer=SYSTEM)
    proposed_repair_action = attr(str, writer=SYSTEM)
    service_affecting = attr(bool, writer=SYSTEM)
    suppression = attr(bool, writer=SYSTEM)
    suppression_status = attr(str, writer=SYSTEM)

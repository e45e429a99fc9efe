# SPDX-License-Identifier: Apache-2.0
"""The wire form of a suppression entry."""
from __future__ import annotations

from flock.wire.resource import SYSTEM, Resource, attr

LISTED = ("uuid", "alarm_id", "description", "suppression_status", "links")


class EventSuppression(Resource):
    """Whether the operator suppresses one alarm id."""

    envelope = "event_suppression"
    links = True
    id = attr(int, writer=SYSTEM)
    uuid = attr(str, writer=SYSTEM)
    alarm_id = attr(str, writer=SYSTEM)
    description = attr(str, writer=SYSTEM)
    suppression_status = attr(str)

# SPDX-License-Identifier: Apache-2.0
"""The wire form of a silence: the replies of GET and the body of POST."""
from __future__ import annotations

from datetime import datetime

from flock.wire.resource import SYSTEM, Resource, attr
from flock.wire.times import without_zone
from fm.contract.limits import TEXT_MAX
from fm.resources.alarm.fields import ALARM_ID, ENTITY


class Silence(Resource):
    """A silence in replies."""

    envelope = "silences"
    time_format = staticmethod(without_zone)
    uuid = attr(str, writer=SYSTEM)
    alarm_id = attr(str, document="Null matches any id.")
    entity_instance_id = attr(str, document="This entity and everything below it; null matches any.")
    expires_at = attr(datetime, document="Null: it does not expire.")
    comment = attr(str, max_length=TEXT_MAX)
    created_by = attr(str, writer=SYSTEM)
    created_at = attr(datetime, writer=SYSTEM)


class SilenceBody(Resource):
    """A silence to create; at least one of ``alarm_id`` and ``entity_instance_id`` is required."""

    alarm_id = attr(ALARM_ID)
    entity_instance_id = attr(ENTITY)
    expires_at = attr(str, document="ISO 8601, UTC unless it names a zone, in the future; absent: it does not expire.")
    comment = attr(str, max_length=TEXT_MAX)

# SPDX-License-Identifier: Apache-2.0
"""``config_history``: one order to a host. ``config_diff``: what an unlock would change."""
from __future__ import annotations

from datetime import datetime

from flock.wire.resource import AGENT, SYSTEM, Record, Resource, attr


class ConfigOrder(Record):
    """One order to change a host's configuration, and what came of it."""

    envelope = "config_history"
    config_uuid = attr(str, writer=SYSTEM, nullable=False)
    reason = attr(str, writer=SYSTEM, nullable=False)
    state = attr(str, writer=AGENT, nullable=False)
    reboot_required = attr(bool, writer=SYSTEM, nullable=False)
    held = attr(bool, writer=SYSTEM, nullable=False, document="The host waits until an operator applies the change.")
    classes = attr(list, writer=SYSTEM, nullable=False)
    error = attr(str, writer=AGENT)
    fetched_at = attr(datetime, writer=AGENT)
    settled_at = attr(datetime, writer=AGENT)
    resources = attr(int, writer=AGENT)
    changed = attr(int, writer=AGENT)
    duration_ms = attr(int, writer=AGENT)
    ihost_uuid = attr(str, writer=SYSTEM, nullable=False)


class ConfigDifference(Resource):
    """A value that an unlock of the host would change; null where there was or will be none."""

    envelope = "config_diff"
    key = attr(str, writer=SYSTEM, nullable=False)
    applied = attr(object, writer=AGENT)
    wanted = attr(object, writer=SYSTEM)

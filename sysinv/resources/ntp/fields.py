# SPDX-License-Identifier: Apache-2.0
"""``intps``: the NTP servers of the system, separated by commas."""
from __future__ import annotations

from flock.wire.resource import SYSTEM, Record, attr
from flock.wire.types import Text
from sysinv.resources.dns.fields import ACTIONS

SERVERS = Text(767, 0, r"[\x20-\x7e]*", "Value must be ASCII.")


class Ntp(Record):
    """The NTP servers."""

    envelope = "intps"
    path = "intp"
    ntpservers = attr(SERVERS, nullable=False)
    isystem_uuid = attr(str, writer=SYSTEM, nullable=False)


class NtpChange(Ntp):
    """Fields of a PATCH; ``action`` is not stored."""

    envelope = "intps"
    path = "intp"
    action = attr(ACTIONS)

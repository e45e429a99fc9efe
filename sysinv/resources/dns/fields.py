# SPDX-License-Identifier: Apache-2.0
"""``idnss``: the DNS servers of the system, separated by commas."""
from __future__ import annotations

from flock.wire.resource import SYSTEM, Record, attr
from flock.wire.types import Text

ACTIONS = ("apply", "install")
SERVERS = Text(255, 0, r"[\x20-\x7e]*", "Value must be ASCII.")


class Dns(Record):
    """The DNS servers."""

    envelope = "idnss"
    path = "idns"
    nameservers = attr(SERVERS, nullable=False)
    isystem_uuid = attr(str, writer=SYSTEM, nullable=False)


class DnsChange(Dns):
    """Fields of a PATCH; ``action`` is not stored."""

    envelope = "idnss"
    path = "idns"
    action = attr(ACTIONS)

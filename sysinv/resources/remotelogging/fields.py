# SPDX-License-Identifier: Apache-2.0
"""``remoteloggings``: the server to which all hosts send their logs."""
from __future__ import annotations

from flock.wire.resource import SYSTEM, Record, attr
from flock.wire.types import Text
from sysinv.resources.remotelogging.rules import KEY_FILE_LENGTH_MAX, KEY_FILE_PATTERN, KEY_FILE_RULE, TRANSPORTS

ACTIONS = ("apply", "install")
KEY_FILE = Text(KEY_FILE_LENGTH_MAX, 0, KEY_FILE_PATTERN, KEY_FILE_RULE)


class RemoteLogging(Record):
    """The log server. ``key_file``: a PEM file of each host with the key and certificate that it shows by TLS."""

    envelope = "remoteloggings"
    path = "remotelogging"
    ip_address = attr(Text(50, 0, r"[\x20-\x7e]*", "Value must be ASCII."))
    enabled = attr(bool, nullable=False)
    transport = attr(TRANSPORTS, nullable=False)
    port = attr(int, min=1, max=65535, nullable=False)
    key_file = attr(KEY_FILE)
    isystem_uuid = attr(str, writer=SYSTEM, nullable=False)


class RemoteLoggingChange(RemoteLogging):
    """Fields of a PATCH; ``action`` is not stored."""

    envelope = "remoteloggings"
    path = "remotelogging"
    action = attr(ACTIONS)

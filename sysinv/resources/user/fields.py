# SPDX-License-Identifier: Apache-2.0
"""``iusers``: the password of the platform's user. Clients send its hash and never get it."""
from __future__ import annotations

from flock.wire.resource import SYSTEM, Record, attr
from flock.wire.types import Text
from sysinv.resources.user.rules import DAYS_MAX, HASH_LENGTH_MAX, HASH_PATTERN, HASH_RULE

ACTIONS = ("apply", "install")
HASH = Text(HASH_LENGTH_MAX, 1, HASH_PATTERN, HASH_RULE)


class User(Record):
    """The password. ``passwd_hash`` is always null; ``root_sig`` differs from the last one when the password does."""

    envelope = "iusers"
    path = "iuser"
    root_sig = attr(str, writer=SYSTEM)
    passwd_hash = attr(str, writer=SYSTEM, source="never_shown")
    passwd_expiry_days = attr(int, min=0, max=DAYS_MAX)
    passwd_last_change = attr(int, min=0, max=DAYS_MAX)
    isystem_uuid = attr(str, writer=SYSTEM, nullable=False)


class UserChange(User):
    """Fields of a PATCH. ``root_sig`` follows from the hash, and what a client sends is ignored."""

    envelope = "iusers"
    path = "iuser"
    passwd_hash = attr(HASH, secret=True)
    action = attr(ACTIONS)

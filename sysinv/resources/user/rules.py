# SPDX-License-Identifier: Apache-2.0
"""Rules of the platform user's password: which hashes are accepted, and which change made on a controller counts."""
from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from flock.core.errors import Refused

USERNAME = "sysadmin"
HASH_LENGTH_MAX = 255
# crypt(5): yescrypt, bcrypt, SHA-512, SHA-256. A locked entry and the hashes of MD5 and DES do not match.
HASH_PATTERN = r"\$(y|gy|7|2[aby]|6|5)\$[./A-Za-z0-9$=,]{20,240}"
HASH_RULE = "Value must be a password hash of crypt(5): yescrypt, bcrypt, SHA-512 or SHA-256."
# shadow(5); 99999 days mean that the password does not expire.
DAYS_MAX = 99999
_HASH = re.compile(HASH_PATTERN)


class UserRefused(Refused):
    """A rule about the user's password refuses a change."""

    code: ClassVar[str] = "sysinv.user.refused"


@dataclass(frozen=True, slots=True)
class Entry:
    """A user's entry of ``/etc/shadow``: the hash, the days until the password expires, the day of its last change.

    Days count from 1970-01-01; None where the entry has no number.
    """

    password_hash: str
    max_days: int | None = None
    last_change: int | None = None


def is_hash(text: str) -> bool:
    """Return whether ``text`` is a hash with which somebody can log in."""
    return len(text) <= HASH_LENGTH_MAX and _HASH.fullmatch(text) is not None


def check(password_hash: str | None) -> None:
    """Raise UserRefused while there is no hash: hosts keep the passwords that they have."""
    if not password_hash:
        raise UserRefused(detail=f"passwd_hash: the hash of the password of user {USERNAME} is needed.")


def signature(password_hash: str | None) -> str:
    """Return what identifies a password without telling its hash; empty without hash."""
    return hashlib.sha256(password_hash.encode()).hexdigest() if password_hash else ""


def shadow_entry(lines: Iterable[str], username: str = USERNAME) -> Entry | None:
    """Return the user's entry in the lines of ``/etc/shadow``; None without one, or when nobody can log in with it."""
    for line in lines:
        fields = line.rstrip("\n").split(":")
        if fields[0] == username and len(fields) > 4:
            found = Entry(fields[1], _days(fields[4]), _days(fields[2]))
            return found if is_hash(found.password_hash) else None
    return None


def _days(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,5}", text) else None


def counts(stored: str | None, configured: str, entry: Entry) -> bool:
    """Return whether a controller's entry becomes the system's password.

    ``stored``: the system's hash; ``configured``: the signature of the password that the controller was last
    configured with, empty if never. An entry counts only if the controller had the system's password before, so that
    of two changes at the same time the one that is stored already wins.
    """
    return is_hash(entry.password_hash) and configured == signature(stored) and entry.password_hash != stored

# SPDX-License-Identifier: Apache-2.0
"""Caches tokens between commands of one login session in the kernel's session keyring (``keyctl``).

The cache is optional: without a keyring, every command logs in without a message about it.
"""
from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from flock.core.errors import FlockError
from flock.core.parse import parse_json
from flock.exec import run

KEYCTL_TIMEOUT_S = 2.0
LEAST_LIFETIME_S = 60
FORMAT = 1
# Cost of the proof that the caller knows the password for which the token was issued; about ten milliseconds.
_SCRYPT = {"n": 2**12, "r": 8, "p": 1}


class Keyring(Protocol):
    """A store of named texts; ignores a text that it cannot store."""

    def read(self, name: str) -> str | None: ...
    def write(self, name: str, text: str, lifetime_s: int) -> None: ...
    def drop(self, name: str) -> None: ...


class SessionKeyring:
    """The kernel's keyring of this login session; it is deleted with the session, and no other user can read it."""

    def __init__(self, program: str = "keyctl") -> None:
        self._program = program

    def read(self, name: str) -> str | None:
        key = self._search(name)
        return self._keyctl("pipe", key) if key else None

    def write(self, name: str, text: str, lifetime_s: int) -> None:
        key = self._keyctl("padd", "user", name, "@s", text=text)  # on stdin, because other users can read arguments
        if key and key.strip():
            self._keyctl("timeout", key.strip(), str(lifetime_s))

    def drop(self, name: str) -> None:
        if key := self._search(name):
            self._keyctl("unlink", key, "@s")

    def _search(self, name: str) -> str | None:
        return (self._keyctl("search", "@s", "user", name) or "").strip() or None

    def _keyctl(self, *words: str, text: str | None = None) -> str | None:
        try:
            done = run([self._program, *words], timeout_s=KEYCTL_TIMEOUT_S, check=False, input=text)
        except FlockError:
            return None
        return done.out if done.rc == 0 else None


class TokenCache:
    """One user's token for one service: ``name`` is the key's name, ``refresh`` ignores the stored token."""

    def __init__(self, keyring: Keyring, name: str, service_type: str, refresh: bool = False,
                 now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._keyring = keyring
        self._name = name
        self._service_type = service_type
        self._refresh = refresh
        self._now = now

    def load(self, login: str) -> tuple[str, dict[str, Any]] | None:
        """The token and Keystone's response that were stored for the same ``login``; None unless still valid."""
        if self._refresh:
            return None
        entry = _parsed(self._keyring.read(self._name))
        if entry is None or self._lifetime_s(entry["body"]) < LEAST_LIFETIME_S:
            return None
        if not hmac.compare_digest(self._proof(login, entry["salt"]), entry["proof"]):
            return None
        return entry["token"], entry["body"]

    def store(self, login: str, auth_token: str, body: Mapping[str, Any]) -> None:
        """Store a token with the part of Keystone's response that the next command needs."""
        small = {"token": {**body["token"], "catalog": [
            service for service in body["token"].get("catalog", ()) if service.get("type") == self._service_type]}}
        lifetime_s = self._lifetime_s(small)
        if lifetime_s < LEAST_LIFETIME_S:
            return
        salt = os.urandom(16).hex()
        entry = {"format": FORMAT, "salt": salt, "proof": self._proof(login, salt), "token": auth_token,
                 "body": small}
        self._keyring.write(self._name, json.dumps(entry), lifetime_s)

    def drop(self) -> None:
        """Delete the stored token."""
        self._keyring.drop(self._name)

    def _proof(self, login: str, salt: str) -> str:
        # Includes the service type, because the entry holds only that service's part of the catalogue.
        return hashlib.scrypt(f"{self._service_type} {login}".encode(), salt=salt.encode(), **_SCRYPT).hex()

    def _lifetime_s(self, body: Mapping[str, Any]) -> int:
        try:
            expires = datetime.fromisoformat(body["token"]["expires_at"])
        except (KeyError, TypeError, ValueError):
            return 0
        return int((expires - self._now()).total_seconds()) if expires.tzinfo else 0


def _parsed(text: str | None) -> dict[str, Any] | None:
    """A stored entry; None for anything that another program stored under the same name."""
    try:
        entry = parse_json(text or "")
    except ValueError:
        return None
    if not isinstance(entry, dict) or entry.get("format") != FORMAT:
        return None
    texts = all(isinstance(entry.get(name), str) for name in ("salt", "proof", "token"))
    body = entry.get("body")
    return entry if texts and isinstance(body, dict) and isinstance(body.get("token"), dict) else None

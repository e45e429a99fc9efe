# SPDX-License-Identifier: Apache-2.0
"""Passwords and keys of the services, generated once per system and stored in one file that only root can read."""
from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from flock.exec.atomic import replace_file

KEY_BYTES = 32
SERVICE_USERS = ("fm", "sysinv", "mtce")


@dataclass(frozen=True, slots=True)
class SystemSecrets:
    """The key of the bus passwords, one Keystone password per service user, the cluster's heartbeat key (hex), the
    password of the database user, Erlang's cookie."""

    bus_key: str
    erlang_cookie: str
    heartbeat_key: str
    database_password: str
    keystone: dict[str, str]


def generate() -> SystemSecrets:
    """Return new random values as URL-safe text."""
    return SystemSecrets(
        bus_key=secrets.token_hex(KEY_BYTES),
        erlang_cookie=secrets.token_hex(KEY_BYTES),
        heartbeat_key=secrets.token_hex(KEY_BYTES),
        database_password=secrets.token_hex(KEY_BYTES),
        keystone={user: secrets.token_urlsafe(KEY_BYTES) for user in SERVICE_USERS},
    )


def load_or_create(path: Path) -> SystemSecrets:
    """Return the secrets stored in ``path``; the first call generates them and writes the file (mode 0600)."""
    if path.exists():
        return SystemSecrets(**json.loads(path.read_text()))
    made = generate()
    replace_file(path, json.dumps(asdict(made), indent=1), 0o600)
    return made

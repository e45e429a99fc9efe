# SPDX-License-Identifier: Apache-2.0
"""Passwords and keys of the services, generated once per system and stored in one file that only root can read."""
from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from flock.exec.atomic import replace_file

KEY_BYTES = 32
SERVICE_USERS = ("fm", "sysinv", "mtce", "sm", "patching")


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
    """Return the secrets stored in ``path`` (mode 0600). Generates and stores what is not there: at the first call all,
    later the passwords of services that are new."""
    made = generate()
    if path.exists():
        known = SystemSecrets(**json.loads(path.read_text()))
        if made.keystone.keys() <= known.keystone.keys():
            return known
        made = replace(known, keystone={**made.keystone, **known.keystone})
    replace_file(path, json.dumps(asdict(made), indent=1), 0o600)
    return made

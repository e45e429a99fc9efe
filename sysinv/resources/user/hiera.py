# SPDX-License-Identifier: Apache-2.0
"""Hiera data of the platform user's password. Without a password hosts keep the one that they have."""
from __future__ import annotations

from typing import Any

from sqlalchemy.engine import Connection

from sysinv.config.hiera import Plugin, PuppetClass
from sysinv.db.single import stored
from sysinv.resources.user.service import PUPPET_CLASS
from sysinv.resources.user.table import I_USER

_PARAMS = f"{PUPPET_CLASS}::params"


def _system(conn: Connection) -> dict[str, Any]:
    row = stored(conn, I_USER)
    return {f"{_PARAMS}::sysadmin_password_max_age": row["passwd_expiry_days"],
            f"{_PARAMS}::sysadmin_password_last_change": row["passwd_last_change"],
            f"{_PARAMS}::sysadmin_password_signature": row["root_sig"] or ""}


def _secure(conn: Connection) -> dict[str, Any]:
    row = stored(conn, I_USER)
    return {f"{_PARAMS}::sysadmin_password": row["passwd_hash"]} if row["passwd_hash"] else {}


PLUGIN = Plugin(classes=(PuppetClass(PUPPET_CLASS, rank=12, reads=(_PARAMS,)),), system=_system, secure=_secure)

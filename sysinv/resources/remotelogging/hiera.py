# SPDX-License-Identifier: Apache-2.0
"""Hiera data of the remote log server."""
from __future__ import annotations

from typing import Any

from sqlalchemy.engine import Connection

from sysinv.config.hiera import Plugin, PuppetClass
from sysinv.db.single import stored
from sysinv.resources.remotelogging.service import PUPPET_CLASS
from sysinv.resources.remotelogging.table import REMOTE_LOGGING

_PARAMS = f"{PUPPET_CLASS}::params"


def _system(conn: Connection) -> dict[str, Any]:
    row = stored(conn, REMOTE_LOGGING)
    return {f"{_PARAMS}::enabled": row["enabled"], f"{_PARAMS}::ip_address": row["ip_address"],
            f"{_PARAMS}::port": row["port"], f"{_PARAMS}::transport": row["transport"],
            f"{_PARAMS}::key_file": row["key_file"]}


PLUGIN = Plugin(classes=(PuppetClass(PUPPET_CLASS, rank=70, reads=(_PARAMS,)),), system=_system)

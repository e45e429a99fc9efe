# SPDX-License-Identifier: Apache-2.0
"""Hiera data of a host as a whole."""
from __future__ import annotations

from typing import Any

from sqlalchemy.engine import Connection

from sysinv.config.hiera import Plugin
from sysinv.db.lookup import Row


def _host(_conn: Connection, host: Row) -> dict[str, Any]:
    return {
        "platform::params::hostname": host["hostname"],
        "platform::params::personality": host["personality"],
        "platform::params::subfunctions": host["subfunctions"],
    }


PLUGIN = Plugin(host=_host)

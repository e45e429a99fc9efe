# SPDX-License-Identifier: Apache-2.0
"""Hiera data of the system: names, mode, time zone."""
from __future__ import annotations

from typing import Any

from sqlalchemy.engine import Connection

from sysinv.config.hiera import Plugin, PuppetClass
from sysinv.db.lookup import system_row


def _system(conn: Connection) -> dict[str, Any]:
    row = system_row(conn)
    return {
        "platform::params::system_name": row["name"],
        "platform::params::system_type": row["system_type"],
        "platform::params::system_mode": row["system_mode"],
        "platform::params::region_1_name": row["region_name"],
        "platform::params::software_version": row["software_version"],
        "platform::config::params::timezone": row["timezone"],
    }


PLUGIN = Plugin(
    classes=(PuppetClass("platform::config::timezone", rank=10, reads=("platform::config::params",)),),
    system=_system)

# SPDX-License-Identifier: Apache-2.0
"""Hiera data of the DNS servers."""
from __future__ import annotations

from typing import Any

from sqlalchemy.engine import Connection

from sysinv.config.hiera import Plugin, PuppetClass
from sysinv.contract.enums import Personality
from sysinv.db.single import stored
from sysinv.resources.dns.rules import listed
from sysinv.resources.dns.service import PUPPET_CLASS
from sysinv.resources.dns.table import I_DNS


def _system(conn: Connection) -> dict[str, Any]:
    return {f"{PUPPET_CLASS}::servers": list(listed(stored(conn, I_DNS)["nameservers"]))}


PLUGIN = Plugin(classes=(PuppetClass(PUPPET_CLASS, (Personality.CONTROLLER,), rank=15),), system=_system)

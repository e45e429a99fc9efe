# SPDX-License-Identifier: Apache-2.0
"""Hiera data of the time service: controllers ask the configured servers, the other hosts ask the controllers."""
from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sysinv.config.hiera import Plugin, PuppetClass
from sysinv.contract.enums import NetworkType, Personality
from sysinv.db.lookup import Row
from sysinv.db.single import stored
from sysinv.model.hostname import CONTROLLER_NAMES
from sysinv.resources.dns.rules import listed
from sysinv.resources.network.table import ADDRESS_POOLS, NETWORKS
from sysinv.resources.ntp.service import PUPPET_CLASS
from sysinv.resources.ntp.table import I_NTP


def _host(conn: Connection, host: Row) -> dict[str, Any]:
    """A host without NTP as its source of time has no servers."""
    servers: list[str] = []
    serves: list[str] = []
    if host["clock_synchronization"] == "ntp":
        if host["personality"] == Personality.CONTROLLER:
            servers, serves = list(listed(stored(conn, I_NTP)["ntpservers"])), _subnets(conn)
        else:
            servers = list(CONTROLLER_NAMES)
    return {f"{PUPPET_CLASS}::servers": servers, f"{PUPPET_CLASS}::serves": serves}


def _subnets(conn: Connection) -> list[str]:
    query = sa.select(ADDRESS_POOLS.c.network, ADDRESS_POOLS.c.prefix).join(
        NETWORKS, NETWORKS.c.address_pool_id == ADDRESS_POOLS.c.id).where(NETWORKS.c.type == NetworkType.MGMT.value)
    return [f"{row.network}/{row.prefix}" for row in conn.execute(query.order_by(ADDRESS_POOLS.c.id))]


PLUGIN = Plugin(classes=(PuppetClass(PUPPET_CLASS, rank=16),), host=_host)

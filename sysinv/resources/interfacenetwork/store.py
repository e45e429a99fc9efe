# SPDX-License-Identifier: Apache-2.0
"""Rows of ``interface_networks``; the store of interfaces writes them."""
from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sysinv.contract.enums import Personality
from sysinv.resources.host.table import I_HOST
from sysinv.resources.interface.table import INTERFACES
from sysinv.resources.interfacenetwork.table import INTERFACE_NETWORKS
from sysinv.resources.network.table import NETWORKS

QUERY = (
    sa.select(INTERFACE_NETWORKS, I_HOST.c.uuid.label("ihost_uuid"), INTERFACES.c.uuid.label("interface_uuid"),
              INTERFACES.c.ifname, NETWORKS.c.uuid.label("network_uuid"), NETWORKS.c.name.label("network_name"),
              NETWORKS.c.type.label("network_type"))
    .join(I_HOST, I_HOST.c.id == INTERFACE_NETWORKS.c.forihostid)
    .join(INTERFACES, INTERFACES.c.id == INTERFACE_NETWORKS.c.interface_id)
    .join(NETWORKS, NETWORKS.c.id == INTERFACE_NETWORKS.c.network_id))


def on_a_controller(conn: Connection, network_type: str) -> bool:
    """Return whether a controller has an interface on the network."""
    query = QUERY.where(NETWORKS.c.type == network_type, I_HOST.c.personality == Personality.CONTROLLER.value)
    return conn.execute(query.limit(1)).first() is not None

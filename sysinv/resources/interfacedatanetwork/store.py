# SPDX-License-Identifier: Apache-2.0
"""Rows of ``interface_datanetworks``; the store of interfaces writes them."""
from __future__ import annotations

import sqlalchemy as sa

from sysinv.resources.datanetwork.table import DATANETWORKS
from sysinv.resources.host.table import I_HOST
from sysinv.resources.interface.table import INTERFACES
from sysinv.resources.interfacedatanetwork.table import INTERFACE_DATANETWORKS

QUERY = (
    sa.select(INTERFACE_DATANETWORKS, I_HOST.c.uuid.label("ihost_uuid"), INTERFACES.c.uuid.label("interface_uuid"),
              INTERFACES.c.ifname, DATANETWORKS.c.uuid.label("datanetwork_uuid"),
              DATANETWORKS.c.name.label("datanetwork_name"), DATANETWORKS.c.network_type)
    .join(I_HOST, I_HOST.c.id == INTERFACE_DATANETWORKS.c.forihostid)
    .join(INTERFACES, INTERFACES.c.id == INTERFACE_DATANETWORKS.c.interface_id)
    .join(DATANETWORKS, DATANETWORKS.c.id == INTERFACE_DATANETWORKS.c.datanetwork_id))

# SPDX-License-Identifier: Apache-2.0
"""Facts for the checks of addresses."""
from __future__ import annotations

from sqlalchemy.engine import Connection

from sysinv.contract.enums import NetworkType
from sysinv.db.lookup import Row, the_system
from sysinv.hosts.provision import host_addresses
from sysinv.resources.address.checks import AddressFacts


def action_facts(conn: Connection, row: Row) -> AddressFacts:
    """Return the facts of the host in ``row``."""
    given = host_addresses(conn, the_system(conn), row["hostname"]) if row["hostname"] else {}
    return AddressFacts(has_oam=NetworkType.OAM in given)

# SPDX-License-Identifier: Apache-2.0
"""Use cases of the DNS servers of the system."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Connection

from sysinv.config import ordering
from sysinv.config.ordering import Change
from sysinv.contract.enums import Personality
from sysinv.db.lookup import Row
from sysinv.db.single import SingleService, stored
from sysinv.resources.dns import rules
from sysinv.resources.dns.table import I_DNS
from sysinv.resources.network.store import oam_families
from sysinv.resources.ntp.rules import names_in
from sysinv.resources.ntp.table import I_NTP

PUPPET_CLASS = "platform::dns::resolv"


class DnsService(SingleService):
    """The DNS servers, which the controllers ask for names that are not the system's own."""

    table = I_DNS
    noun = "DNS"

    def checked(self, conn: Connection, row: Row, changes: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the list as it is stored; DnsRefused."""
        if "nameservers" not in changes:
            return {}
        servers = rules.listed(changes["nameservers"] or "")
        named = names_in(stored(conn, I_NTP)["ntpservers"])
        return {"nameservers": ",".join(rules.check(servers, oam_families(conn), named))}

    def order(self, conn: Connection) -> None:
        """Order the change on the controllers, at run time."""
        ordering.order(conn, Change("DNS servers", (PUPPET_CLASS,), personalities=(Personality.CONTROLLER,)))


SERVICE = DnsService

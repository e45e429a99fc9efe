# SPDX-License-Identifier: Apache-2.0
"""Use cases of the NTP servers of the system."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Connection

from sysinv.config import ordering
from sysinv.config.ordering import Change
from sysinv.contract.enums import Personality
from sysinv.db.lookup import Row
from sysinv.db.single import SingleService, stored
from sysinv.resources.dns.table import I_DNS
from sysinv.resources.ntp import rules
from sysinv.resources.ntp.table import I_NTP

PUPPET_CLASS = "platform::ntp"


class NtpService(SingleService):
    """The NTP servers, from which the controllers take their time; the other hosts take it from the controllers."""

    table = I_NTP
    noun = "NTP"

    def checked(self, conn: Connection, row: Row, changes: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the list as it is stored; NtpRefused."""
        if "ntpservers" not in changes:
            return {}
        servers = rules.check(changes["ntpservers"] or "", has_dns=bool(stored(conn, I_DNS)["nameservers"]))
        return {"ntpservers": ",".join(servers)}

    def order(self, conn: Connection) -> None:
        """Order the change on the controllers. The time service restarts; StarlingX wants a lock and an unlock."""
        ordering.order(conn, Change("NTP servers", (PUPPET_CLASS,), personalities=(Personality.CONTROLLER,)))


SERVICE = NtpService

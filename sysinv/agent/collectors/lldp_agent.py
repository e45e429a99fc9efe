# SPDX-License-Identifier: Apache-2.0
"""The LLDP agents of the ports: whether lldpd sends and receives on a port, and what it sends."""
from __future__ import annotations

from dataclasses import fields

from flock.exec import Root
from sysinv.agent.collectors import lldp
from sysinv.agent.collectors.items import Items
from sysinv.resources.lldpagent.report import LldpAgentReport

# lldpd's words for what a port does.
STATUS = {"RX and TX": "rx=enabled,tx=enabled", "RX only": "rx=enabled,tx=disabled",
          "TX only": "rx=disabled,tx=enabled", "disabled": "rx=disabled,tx=disabled"}
_SENT = tuple(field.name for field in fields(LldpAgentReport) if field.name not in ("port_name", "status"))


def collect(root: Root, ask: lldp.Ask = lldp.ask) -> Items[LldpAgentReport]:
    """Return the agents of all ports; none where lldpd does not run."""
    return lldp.collected(root, ask, "interfaces", agent)


def agent(entry: lldp.Element) -> LldpAgentReport:
    """Return the report of one interface; ValueError when it has no name."""
    name = lldp.text(entry, "name")
    if name is None:
        raise ValueError("an interface without a name")
    told = lldp.tlvs(entry)
    return LldpAgentReport(port_name=name, status=STATUS.get(lldp.text(lldp.first(entry, "status")) or ""),
                           **{field: told[field] for field in _SENT})

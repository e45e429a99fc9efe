# SPDX-License-Identifier: Apache-2.0
"""``host-lldp-agent-list`` and ``lldp-agent-show``."""
from __future__ import annotations

from sysinv.client.hostchild import HostChildList, ItemShow
from sysinv.client.osc import as_plugin
from sysinv.resources.lldpagent.fields import LldpAgent


class LldpAgentList(HostChildList):
    """List the LLDP agents of a host's ports."""

    resource = LldpAgent
    shown = ("uuid", "port_name", "status", "chassis_id", "port_identifier", "system_name", "system_description")
    sort_by = ("port_name",)
    examples = ("system host-lldp-agent-list controller-0",)


class LldpAgentShow(ItemShow):
    """Show what the LLDP agent of one port sends."""

    resource = LldpAgent
    noun = "agent"
    examples = ("system lldp-agent-show 4e3c63ae-5ab5-4a3f-9a4c-2d1b1c0d7f5e",)


COMMANDS = {"host-lldp-agent-list": LldpAgentList, "lldp-agent-show": LldpAgentShow}
OSC_COMMANDS = as_plugin(COMMANDS)

# SPDX-License-Identifier: Apache-2.0
"""``host-lldp-neighbor-list`` and ``lldp-neighbor-show``."""
from __future__ import annotations

from sysinv.client.hostchild import HostChildList, ItemShow
from sysinv.client.osc import as_plugin
from sysinv.resources.lldpneighbour.fields import LldpNeighbour


class LldpNeighbourList(HostChildList):
    """List the LLDP neighbours of a host's ports."""

    resource = LldpNeighbour
    shown = ("uuid", "port_name", "port_identifier", "chassis_id", "system_name", "system_description",
             "management_address")
    sort_by = ("port_name", "msap")
    examples = ("system host-lldp-neighbor-list controller-0",
                "system host-lldp-neighbor-list controller-0 -c local_port -c system_name -c remote_port")


class LldpNeighbourShow(ItemShow):
    """Show what one LLDP neighbour sends."""

    resource = LldpNeighbour
    noun = "neighbor"
    examples = ("system lldp-neighbor-show 0b8ab1f5-7d44-4b7f-8a58-6c1f6f0f3d1e",)


COMMANDS = {"host-lldp-neighbor-list": LldpNeighbourList, "lldp-neighbor-show": LldpNeighbourShow}
OSC_COMMANDS = as_plugin(COMMANDS)

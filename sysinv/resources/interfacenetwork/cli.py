# SPDX-License-Identifier: Apache-2.0
"""``interface-network-list``, ``-show``, ``-assign`` and ``-remove``."""
from __future__ import annotations

from sysinv.client.assignments import AssignmentAdd, AssignmentList, AssignmentRemove, AssignmentShow
from sysinv.client.networking import network_uuid
from sysinv.client.osc import as_plugin
from sysinv.resources.interfacenetwork.fields import InterfaceNetwork


class InterfaceNetworkList(AssignmentList):
    """List the platform networks on the interfaces of a host, or on one of them."""

    resource = InterfaceNetwork
    name_field = "network_name"
    examples = ("system interface-network-list worker-0", "system interface-network-list worker-0 bond0")


class InterfaceNetworkShow(AssignmentShow):
    """Show one platform network on an interface."""

    resource = InterfaceNetwork
    examples = ("system interface-network-show 5b1e51ea-0c0a-4f2e-8f31-6a2e30c0a4b7",)


class InterfaceNetworkAssign(AssignmentAdd):
    """Put a platform network on an interface of a locked host."""

    resource = InterfaceNetwork
    field = "network_uuid"
    examples = ("system interface-network-assign controller-0 bond0 oam",)

    def network(self, ref: str) -> str:
        return network_uuid(self.client, ref)


class InterfaceNetworkRemove(AssignmentRemove):
    """Take a platform network from its interface."""

    resource = InterfaceNetwork
    noun = "Interface Network"
    examples = ("system interface-network-remove 5b1e51ea-0c0a-4f2e-8f31-6a2e30c0a4b7",)


COMMANDS = {
    "interface-network-list": InterfaceNetworkList,
    "interface-network-show": InterfaceNetworkShow,
    "interface-network-assign": InterfaceNetworkAssign,
    "interface-network-remove": InterfaceNetworkRemove,
}
OSC_COMMANDS = as_plugin(COMMANDS)

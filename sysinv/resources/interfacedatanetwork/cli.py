# SPDX-License-Identifier: Apache-2.0
"""``interface-datanetwork-list``, ``-show``, ``-assign`` and ``-remove``."""
from __future__ import annotations

from sysinv.client.assignments import AssignmentAdd, AssignmentList, AssignmentRemove, AssignmentShow
from sysinv.client.osc import as_plugin
from sysinv.resources.interfacedatanetwork.fields import InterfaceDataNetwork


class InterfaceDataNetworkList(AssignmentList):
    """List the data networks on the interfaces of a host, or on one of them."""

    resource = InterfaceDataNetwork
    name_field = "datanetwork_name"
    examples = ("system interface-datanetwork-list worker-0", "system interface-datanetwork-list worker-0 bond0")


class InterfaceDataNetworkShow(AssignmentShow):
    """Show one data network on an interface."""

    resource = InterfaceDataNetwork
    examples = ("system interface-datanetwork-show 5b1e51ea-0c0a-4f2e-8f31-6a2e30c0a4b7",)


class InterfaceDataNetworkAssign(AssignmentAdd):
    """Put a data network on an interface of a locked host."""

    resource = InterfaceDataNetwork
    field = "datanetwork_uuid"
    examples = ("system interface-datanetwork-assign controller-0 bond0 physnet0",)


class InterfaceDataNetworkRemove(AssignmentRemove):
    """Take a data network from its interface."""

    resource = InterfaceDataNetwork
    noun = "Interface DataNetwork"
    examples = ("system interface-datanetwork-remove 5b1e51ea-0c0a-4f2e-8f31-6a2e30c0a4b7",)


COMMANDS = {
    "interface-datanetwork-list": InterfaceDataNetworkList,
    "interface-datanetwork-show": InterfaceDataNetworkShow,
    "interface-datanetwork-assign": InterfaceDataNetworkAssign,
    "interface-datanetwork-remove": InterfaceDataNetworkRemove,
}
OSC_COMMANDS = as_plugin(COMMANDS)

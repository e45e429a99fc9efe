# SPDX-License-Identifier: Apache-2.0
"""``host-port-list``, ``host-port-show``, ``host-ethernet-port-list`` and ``host-ethernet-port-show``."""
from __future__ import annotations

from flock.cli.columns import Row
from sysinv.client.hostchild import HostChildList, HostChildShow
from sysinv.client.osc import as_plugin
from sysinv.resources.port.fields import EthernetPort, Port

_FOUND_BY = {"uuid": "uuid", "name": "name", "pciaddr": "PCI address"}


def _boots(port: Row) -> str:
    return "True" if str(port.get("bootp")) == "True" else "False"


class PortList(HostChildList):
    """List the network ports of a host."""

    resource = Port
    shown = ("uuid", "name", "type", "pciaddr", "dev_id", "numa_node", "dpdksupport", "pdevice")
    sort_by = ("name",)
    examples = ("system host-port-list worker-0",)


class EthernetPortList(HostChildList):
    """List the Ethernet ports of a host."""

    resource = EthernetPort
    shown = ("uuid", "name", "mac", "pciaddr", "numa_node", "autoneg", "pdevice", "bootp")
    shows = {"bootp": _boots}
    sort_by = ("name",)
    examples = ("system host-ethernet-port-list worker-0",)


class PortShow(HostChildShow):
    """Show one network port of a host."""

    resource = Port
    noun = "port"
    found_by = _FOUND_BY
    examples = ("system host-port-show worker-0 mgmt0",)


class EthernetPortShow(HostChildShow):
    """Show one Ethernet port of a host."""

    resource = EthernetPort
    noun = "port"
    found_by = _FOUND_BY
    examples = ("system host-ethernet-port-show worker-0 mgmt0",)


COMMANDS = {
    "host-port-list": PortList,
    "host-port-show": PortShow,
    "host-ethernet-port-list": EthernetPortList,
    "host-ethernet-port-show": EthernetPortShow,
}
OSC_COMMANDS = as_plugin(COMMANDS)

# SPDX-License-Identifier: Apache-2.0
"""A host with four ports and their interfaces, for the tests of their rules."""
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sysinv.model.host import InventoryHost
from sysinv.model.system import SystemView
from sysinv.resources.interface.rules import added, modified
from sysinv.resources.interface.view import HostInterfaces, InterfaceRefused, InterfaceView, PortView, with_macs

STANDARD = SystemView(1, "s", "cloud", "Standard", "duplex", "1.0")
SIMPLEX = SystemView(1, "s", "cloud", "All-in-one", "simplex", "1.0")
POOL_4, POOL_6 = "5b1e51ea-0c0a-4f2e-8f31-6a2e30c0a4b7", "cd5ef327-618b-4aac-9b10-9bbbe2baa8e0"
WORKER = InventoryHost(
    id=1, uuid="u1", hostname="worker-0", personality="worker", subfunctions="worker", subfunction_oper="disabled",
    subfunction_avail="online", administrative="locked", operational="disabled", availability="online",
    invprovision="provisioned", inv_state="inventoried", action_state=None, install_state=None, ihost_action=None,
    mtce_action=None, action_text=None, mgmt_mac="08:00:27:00:00:01", bm_type=None, bm_ip=None, bm_username=None,
    bm_secret=None, vim_progress_status=None, config_applied=None, config_target=None, mtce_sequence=0, revision=0)
CONTROLLER = replace(WORKER, hostname="controller-0", personality="controller", subfunctions="controller")
AIO = replace(CONTROLLER, subfunctions="controller,worker")


def mac(number: int) -> str:
    return f"08:00:27:00:00:0{number}"


def host(inventory: InventoryHost = WORKER, system: SystemView = STANDARD, **first: Any) -> HostInterfaces:
    """Ports and interfaces eth1 to eth4 with ids 1 to 4; the host boots from eth2. ``first`` changes eth1."""
    ports = tuple(PortView(10 + number, f"eth{number}", mac(number), number, sriov_totalvfs=8, speed=1000,
                           boots=number == 2, maxchannels=16, sriov_vf_maxchannels=4) for number in range(1, 5))
    interfaces = tuple(InterfaceView(number, f"eth{number}", "ethernet", imac=mac(number)) for number in range(1, 5))
    view = HostInterfaces(inventory, system, interfaces, ports, {POOL_4: 4, POOL_6: 6})
    return view.after(replace(view.of(1), **first))


def new(view: HostInterfaces, iftype: str, *uses: int, **values: Any) -> HostInterfaces:
    """Add an interface; its name is its type unless ``values`` has another."""
    wanted = {"id": view.next_id(), "ifname": iftype, "iftype": iftype, "uses": uses, **values}
    return added(view, InterfaceView(**wanted))


def last(view: HostInterfaces) -> InterfaceView:
    """The interface that was added last."""
    return view.interfaces[-1]


def refused(view: HostInterfaces, iftype: str, *uses: int, **values: Any) -> str:
    """The refusal of a new interface."""
    with pytest.raises(InterfaceRefused) as caught:
        new(view, iftype, *uses, **values)
    return str(caught.value)


def not_modified(view: HostInterfaces, interface_id: int, **changes: Any) -> str:
    """The refusal of changes of an interface."""
    with pytest.raises(InterfaceRefused) as caught:
        modified(view, interface_id, changes)
    return str(caught.value)


def with_sriov(view: HostInterfaces, vfs: int = 8) -> HostInterfaces:
    """The view with virtual functions on eth1."""
    return modified(view, 1, {"ifclass": "pci-sriov", "sriov_numvfs": vfs})


def bond(view: HostInterfaces, *uses: int, **values: Any) -> HostInterfaces:
    """The view with an aggregated interface."""
    return with_macs(new(view, "ae", *(uses or (1, 2)), **{"aemode": "802.3ad", "txhashpolicy": "layer2", **values}))

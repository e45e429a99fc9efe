# SPDX-License-Identifier: Apache-2.0
"""Rules for adding, changing and deleting an interface. Each returns the view of the host's interfaces afterwards."""
from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sysinv.contract.enums import AeMode, InterfaceClass, InterfaceType, NetworkType
from sysinv.model.host import HostMustBeLocked
from sysinv.resources.interface import carrying, layers
from sysinv.resources.interface.view import (
    LOOPBACK,
    NAME_LENGTH_MAX,
    HostInterfaces,
    InterfaceRefused,
    InterfaceView,
    with_macs,
)

RATES = frozenset({"max_tx_rate", "max_rx_rate"})
CHANNELS = frozenset({"channels", "sriov_vf_channels"})
SRIOV = frozenset({"sriov_numvfs", "sriov_vf_driver"}) | RATES | CHANNELS
AGGREGATION = frozenset({"aemode", "txhashpolicy", "primary_reselect"})
MODES = frozenset({"ipv4_mode", "ipv6_mode", "ipv4_pool", "ipv6_pool"})
ADDRESSED = frozenset({InterfaceClass.PLATFORM, InterfaceClass.DATA})
_NAME = re.compile(r"[a-z0-9_.\-]+", re.ASCII)
_VLAN_NAME = re.compile(r"[a-z0-9_.]+", re.ASCII)
_LOCKED = "Host must be locked."


def added(view: HostInterfaces, new: InterfaceView) -> HostInterfaces:
    """Return the view with the interface ``new``; HostMustBeLocked, InterfaceRefused."""
    if not view.host.is_locked and not (view.system.is_aio_simplex and new.iftype == InterfaceType.VF):
        raise HostMustBeLocked(detail=_LOCKED)
    if new.iftype == InterfaceType.ETHERNET:
        raise InterfaceRefused(detail="Interfaces of type ethernet can not be added: every port has one already.")
    new = _settled(new, MODES | SRIOV | AGGREGATION)
    return _checked(view.after(new), new.id, pushes=new.iftype == InterfaceType.AE)


def modified(view: HostInterfaces, interface_id: int, changes: Mapping[str, Any]) -> HostInterfaces:
    """Return the view after ``changes`` of an interface; HostMustBeLocked, InterfaceRefused."""
    old = view.of(interface_id)
    real = {name: value for name, value in changes.items() if getattr(old, name) != value}
    if not real:
        return view
    _check_state(view, old, real)
    if "iftype" in real:
        raise InterfaceRefused(detail="The type of an interface can not be modified.")
    if "uses" in real and old.iftype == InterfaceType.ETHERNET:
        raise InterfaceRefused(detail="An interface of type ethernet lies on its port only.")
    if "ifclass" in real:
        _check_class_change(old)
    one = _settled(replace(old, **real), changes)
    pushes = one.iftype == InterfaceType.AE and bool({"imtu", "uses"} & real.keys())
    return _checked(view.after(one), one.id, pushes=pushes)


def deleted(view: HostInterfaces, interface_id: int) -> HostInterfaces:
    """Return the view without an interface; HostMustBeLocked, InterfaceRefused."""
    one = view.of(interface_id)
    if not view.host.is_locked and not (view.system.is_aio_simplex and one.iftype == InterfaceType.VF):
        raise HostMustBeLocked(detail=_LOCKED)
    if one.iftype == InterfaceType.ETHERNET:
        raise InterfaceRefused(detail="Cannot delete an ethernet interface: it belongs to its port.")
    users = sorted(upper.ifname for upper in view.uppers(one))
    if users:
        raise InterfaceRefused(detail=f"Interface {one.ifname} is used by {', '.join(users)}. Delete these first.")
    if one.iftype == InterfaceType.VIRTUAL and NetworkType.MGMT in one.networks:
        raise InterfaceRefused(detail="Cannot delete a virtual management interface after initial configuration.")
    if NetworkType.OAM in one.networks:
        raise InterfaceRefused(detail=f"Cannot delete interface {one.ifname}: it carries the oam network.")
    return with_macs(view.without([interface_id]))


def recheck(view: HostInterfaces, interface_id: int) -> None:
    """Raise InterfaceRefused when an interface breaks a rule in ``view``."""
    one = view.of(interface_id)
    for rule in (_name_refusal, *layers.RULES, *carrying.RULES):
        refusal = rule(view, one)
        if refusal is not None:
            raise InterfaceRefused(detail=refusal)


def _checked(view: HostInterfaces, interface_id: int, *, pushes: bool) -> HostInterfaces:
    one = view.of(interface_id)
    recheck(view, interface_id)
    if pushes:
        # Members of an aggregated interface send its frames, so they get its MTU.
        for lower in view.lowers(one):
            view = view.after(replace(lower, imtu=one.imtu))
        for lower in view.lowers(one):
            recheck(view, lower.id)
    return with_macs(view)


def _check_state(view: HostInterfaces, old: InterfaceView, real: Mapping[str, Any]) -> None:
    if view.host.is_locked or real.keys() <= RATES | CHANNELS:
        return
    becomes_sriov = old.ifclass is None and real.get("ifclass") == InterfaceClass.PCI_SRIOV
    names = real.keys() - ({"ifclass"} if becomes_sriov else set())
    if not (view.system.is_aio_simplex and names <= SRIOV):
        raise HostMustBeLocked(detail=_LOCKED)


def _check_class_change(old: InterfaceView) -> None:
    carried = sorted((*old.networks, *(network.name for network in old.datanetworks)))
    if carried:
        raise InterfaceRefused(detail=f"The class of interface {old.ifname} can not be modified while it carries "
                                      f"networks: {', '.join(carried)}. Remove these first.")


def _settled(one: InterfaceView, names: Iterable[str]) -> InterfaceView:
    """Return the interface with what follows from its type, class and mode.

    A request that contradicts that keeps its values (``names``), so that the rules refuse it.
    """
    values: dict[str, Any] = _modes(one)
    if one.iftype == InterfaceType.AE:
        mode = one.aemode or str(AeMode.ACTIVE_STANDBY)
        standby = mode == AeMode.ACTIVE_STANDBY
        values |= {"aemode": mode, "primary_reselect": one.primary_reselect or "always" if standby else None}
        if standby:
            values["txhashpolicy"] = None
    if not one.is_sriov and one.iftype != InterfaceType.VF:
        values |= {"sriov_numvfs": 0, "sriov_vf_driver": None, "sriov_vf_channels": None}
    if not carrying.may_have_rate(one):
        values |= dict.fromkeys(RATES)
    requested = {name for name in names if getattr(one, name)}
    return replace(one, **{name: value for name, value in values.items() if name not in requested})


def _modes(one: InterfaceView) -> dict[str, Any]:
    if one.ifclass not in ADDRESSED:
        return dict.fromkeys(MODES)
    values: dict[str, Any] = {}
    for family in ("ipv4", "ipv6"):
        mode = getattr(one, f"{family}_mode") or "disabled"
        values[f"{family}_mode"] = mode
        if mode != "pool":
            values[f"{family}_pool"] = None
    return values


def _name_refusal(view: HostInterfaces, one: InterfaceView) -> str | None:
    name = one.ifname
    allowed, rule = (_NAME, "'-', '_' and '.'") if one.iftype != InterfaceType.VLAN else (_VLAN_NAME, "'_' and '.'")
    if len(name) > NAME_LENGTH_MAX:
        return f"Interface name {name} must have at most {NAME_LENGTH_MAX} characters."
    if not allowed.fullmatch(name) or name in (".", ".."):
        return f"Interface name {name!a} may only have lower case letters, digits, {rule}."
    if name == LOOPBACK and one.iftype != InterfaceType.VIRTUAL:
        return f"Interface name {name} is that of the loopback device."
    if any(other.ifname == name for other in view.interfaces if other.id != one.id):
        return f"Interface {name} already exists on host {view.host.name}."
    if any(port.name == name and port.interface_id != one.id for port in view.ports):
        return f"Interface name {name} is the name of another port of host {view.host.name}."
    return None

# SPDX-License-Identifier: Apache-2.0
"""Rules about interfaces that lie on others: what may lie on what, VLAN ids, aggregation, virtual functions, MTU.

Each returns the refusal of an interface that is part of the view, or None.
"""
from __future__ import annotations

from sysinv.contract.enums import AeMode, InterfaceClass, InterfaceType, NetworkType
from sysinv.resources.interface.view import HostInterfaces, InterfaceView

VLAN_MIN, VLAN_MAX = 1, 4094
HASH_DATA = "layer2"
NO_ROLE = "none"
_LOWER_TYPES = {
    InterfaceType.AE: frozenset({InterfaceType.ETHERNET}),
    InterfaceType.VLAN: frozenset({InterfaceType.ETHERNET, InterfaceType.AE}),
    InterfaceType.VF: frozenset({InterfaceType.ETHERNET}),
}
_AE_CLASSES = frozenset({InterfaceClass.PLATFORM, InterfaceClass.DATA})
_MEMBER_CLASSES = frozenset({None, InterfaceClass.PCI_SRIOV})
_AE_MODES_OF_BOOT = frozenset({AeMode.LACP, AeMode.ACTIVE_STANDBY})


def _lies_on(view: HostInterfaces, one: InterfaceView) -> str | None:
    permitted = _LOWER_TYPES.get(InterfaceType(one.iftype))
    if permitted is None:
        return f"Interfaces of type {one.iftype} do not lie on other interfaces." if one.uses else None
    if not one.uses:
        return f"An interface of type {one.iftype} needs at least one interface that it lies on."
    if len(set(one.uses)) != len(one.uses):
        return f"Interface {one.ifname} must not use an interface twice."
    if one.iftype != InterfaceType.AE and len(one.uses) != 1:
        return f"An interface of type {one.iftype} lies on exactly one interface."
    for lower in view.lowers(one):
        if lower.iftype not in permitted:
            return f"An interface of type {one.iftype} can not lie on {lower.ifname} of type {lower.iftype}."
    return None


def _vlan(view: HostInterfaces, one: InterfaceView) -> str | None:
    if one.iftype != InterfaceType.VLAN:
        return None if one.vlan_id is None else "A VLAN id is only possible for interfaces of type vlan."
    if one.vlan_id is None or not VLAN_MIN <= one.vlan_id <= VLAN_MAX:
        return f"VLAN id must be between {VLAN_MIN} and {VLAN_MAX}."
    lower = view.lowers(one)[0]
    if lower.ifclass == InterfaceClass.PCI_PASSTHROUGH:
        return f"A VLAN interface can not lie on {lower.ifname} of class {lower.ifclass}."
    for other in view.interfaces:
        if other.id == one.id or other.vlan_id != one.vlan_id:
            continue
        if other.uses == one.uses:
            return f"VLAN id {one.vlan_id} already in use on interface {lower.ifname} by {other.ifname}."
        if other.is_platform and one.is_platform:
            return f"VLAN id {one.vlan_id} already in use by platform interface {other.ifname}."
    return None


def _ae(view: HostInterfaces, one: InterfaceView) -> str | None:
    if one.iftype != InterfaceType.AE:
        extra = [name for name in ("aemode", "txhashpolicy", "primary_reselect") if getattr(one, name) is not None]
        return f"{', '.join(extra)} only possible for interfaces of type ae." if extra else None
    if one.ifclass not in _AE_CLASSES | {None}:
        return "An aggregated interface must have class platform or data."
    if one.aemode == AeMode.ACTIVE_STANDBY:
        if one.txhashpolicy is not None:
            return "txhashpolicy is not possible for aggregated interfaces in active_standby mode."
        return None
    if one.primary_reselect is not None:
        return "primary_reselect is only possible for aggregated interfaces in active_standby mode."
    if one.txhashpolicy is None:
        return f"An aggregated interface in {one.aemode} mode needs a txhashpolicy."
    if one.ifclass == InterfaceClass.DATA and one.txhashpolicy != HASH_DATA:
        return f"An aggregated interface of class data in {one.aemode} mode must have txhashpolicy {HASH_DATA}."
    booting = sorted(one.networks & {NetworkType.MGMT, NetworkType.PXEBOOT})
    if booting and one.aemode not in _AE_MODES_OF_BOOT:
        return f"An aggregated interface with the network {booting[0]} must be in mode 802.3ad or active_standby."
    return None


def _members(view: HostInterfaces, one: InterfaceView) -> str | None:
    """Check every member of an aggregated interface among ``one`` and the interfaces that it lies on."""
    for member in (one, *view.lowers(one)):
        users = view.uppers(member)
        if not any(user.iftype == InterfaceType.AE for user in users):
            continue
        if len(users) > 1:
            names = ", ".join(sorted(upper.ifname for upper in users))
            return f"Member {member.ifname} of an aggregated interface must not be used by others: {names}."
        if member.ifclass not in _MEMBER_CLASSES:
            return f"Member {member.ifname} of an aggregated interface must have class none or pci-sriov."
        if (member.ptp_role or NO_ROLE) != NO_ROLE:
            return f"Member {member.ifname} of an aggregated interface must not have a ptp_role."
    return None


def _vf(view: HostInterfaces, one: InterfaceView) -> str | None:
    """Check ``one`` as a VF interface, and as the interface on which VF interfaces lie."""
    if one.iftype == InterfaceType.VF:
        if one.sriov_numvfs < 1:
            return "A VF interface needs sriov_numvfs of at least 1."
        below = view.lowers(one)[0]
    else:
        below = one
    virtual = [upper for upper in view.uppers(below) if upper.iftype == InterfaceType.VF]
    if virtual and not below.is_sriov:
        return f"Interface {below.ifname} must have class pci-sriov, because VF interfaces lie on it."
    if virtual and sum(upper.sriov_numvfs for upper in virtual) > below.sriov_numvfs - 1:
        names = ", ".join(sorted(upper.ifname for upper in virtual))
        return f"The VFs of {names} must be at most {below.sriov_numvfs - 1}: those of {below.ifname} without one."
    return None


def _mtu(view: HostInterfaces, one: InterfaceView) -> str | None:
    for lower in view.lowers(one):
        if one.iftype != InterfaceType.AE and one.imtu > lower.imtu:
            return f"MTU {one.imtu} of {one.ifname} must not be larger than {lower.imtu}, the MTU of {lower.ifname}."
    for upper in view.uppers(one):
        if one.imtu < upper.imtu:
            return f"MTU {one.imtu} of {one.ifname} must not be smaller than {upper.imtu}, the MTU of {upper.ifname}."
    return None


def _class_mix(view: HostInterfaces, one: InterfaceView) -> str | None:
    for shared in (one, *view.lowers(one)):
        users = (shared, *view.uppers(shared))
        classes = {user.ifclass for user in users}
        if {InterfaceClass.PLATFORM, InterfaceClass.DATA} <= classes:
            return f"Interfaces of class platform and data can not share interface {shared.ifname}."
    return None


RULES = (_lies_on, _vlan, _ae, _members, _vf, _mtu, _class_mix)

# SPDX-License-Identifier: Apache-2.0
"""``iinterfaces``: a network interface of a host."""
from __future__ import annotations

from typing import Any

from flock.wire.resource import SYSTEM, Record, Resource, attr, shape, wire_type
from flock.wire.types import Choice, Integer, Items, Text, Uuid, WireType
from sysinv.contract.enums import AddressMode, AeMode, InterfaceClass, InterfaceType
from sysinv.resources.interface.carrying import VF_DRIVERS
from sysinv.resources.interface.layers import VLAN_MAX, VLAN_MIN
from sysinv.resources.interface.view import NAME_LENGTH_MAX

NONE = "none"
MTU_MIN, MTU_MAX, MTU_DEFAULT = 576, 9216, 1500
MEMBERS_MAX, COUNT_MAX = 64, 65535
RATE_MAX_MBPS = 1_000_000


class OrNone(WireType):
    """A value of another type, or the word ``none`` for null."""

    name = "or_none"

    def __init__(self, inner: WireType) -> None:
        self.inner = inner

    def validate(self, value: Any) -> Any:
        return None if value == NONE else self.inner.validate(value)

    def schema(self) -> dict[str, Any]:
        return self.inner.schema()

    def accepted(self) -> dict[str, Any]:
        return {"anyOf": [{"type": "string", "enum": [NONE]}, self.inner.accepted()]}


NAME = Text(NAME_LENGTH_MAX, 1)
CLASS = OrNone(Choice(tuple(map(str, InterfaceClass))))
MTU = Integer(MTU_MIN, MTU_MAX)
MEMBERS = OrNone(Items(Text(64, 1), MEMBERS_MAX))
VLAN_ID = OrNone(Integer(VLAN_MIN, VLAN_MAX))
COUNT = OrNone(Integer(1, COUNT_MAX))
RATE = OrNone(Integer(0, RATE_MAX_MBPS))
AE_MODE = Choice(tuple(map(str, AeMode)))
HASH_POLICY = OrNone(Choice(("layer2", "layer2+3", "layer3+4")))
RESELECT = OrNone(Choice(("always", "better", "failure")))
DRIVER = OrNone(Choice(VF_DRIVERS))
IPV4_MODE = Choice(("disabled", "static", "pool"))
IPV6_MODE = Choice(tuple(map(str, AddressMode)))
WORD = OrNone(Text(64))
POOL = OrNone(Uuid())
VFS = Integer(0, COUNT_MAX)


class Interface(Record):
    """One interface. The address modes and pools are there for the classes platform and data only."""

    envelope = "iinterfaces"
    ifname = attr(NAME, label="name", detail="ifname", nullable=False)
    ifclass = attr(CLASS, label="class", detail="ifclass")
    iftype = attr(InterfaceType, label="type", detail="iftype", nullable=False)
    vlan_id = attr(VLAN_ID, label="vlan id", detail="vlan_id")
    ports = attr(object, writer=SYSTEM)
    uses = attr(MEMBERS, label="uses i/f", detail="uses", nullable=False)
    used_by = attr([str], writer=SYSTEM, label="used by i/f", detail="used_by", nullable=False)
    usesmodify = attr(MEMBERS)
    imtu = attr(MTU, nullable=False)
    imac = attr(str, writer=SYSTEM, nullable=False)
    aemode = attr(AE_MODE)
    txhashpolicy = attr(HASH_POLICY)
    primary_reselect = attr(RESELECT)
    schedpolicy = attr(WORD)
    ptp_role = attr(WORD)
    ipv4_mode = attr(IPV4_MODE, optional=True)
    ipv6_mode = attr(IPV6_MODE, optional=True)
    ipv4_pool = attr(POOL, optional=True)
    ipv6_pool = attr(POOL, optional=True)
    sriov_numvfs = attr(VFS, nullable=False)
    sriov_vf_driver = attr(DRIVER)
    max_tx_rate = attr(RATE)
    max_rx_rate = attr(RATE)
    ovs_access = attr(bool, nullable=False)
    channels = attr(COUNT)
    sriov_vf_channels = attr(COUNT)
    ifcapabilities = attr(dict, writer=SYSTEM, nullable=False)
    forihostid = attr(int, writer=SYSTEM, nullable=False)
    ihost_uuid = attr(str, writer=SYSTEM, nullable=False)


class InterfaceChange(Resource):
    """Fields of a PATCH; ``usesmodify`` is another name of ``uses``."""

    ifname = attr(NAME)
    ifclass = attr(CLASS)
    iftype = attr(Choice(tuple(map(str, InterfaceType))))
    vlan_id = attr(VLAN_ID)
    uses = attr(MEMBERS)
    usesmodify = attr(MEMBERS)
    imtu = attr(MTU)
    aemode = attr(AE_MODE)
    txhashpolicy = attr(HASH_POLICY)
    primary_reselect = attr(RESELECT)
    schedpolicy = attr(WORD)
    ptp_role = attr(WORD)
    ipv4_mode = attr(IPV4_MODE)
    ipv6_mode = attr(IPV6_MODE)
    ipv4_pool = attr(POOL)
    ipv6_pool = attr(POOL)
    sriov_numvfs = attr(VFS)
    sriov_vf_driver = attr(DRIVER)
    max_tx_rate = attr(RATE)
    max_rx_rate = attr(RATE)
    ovs_access = attr(bool)
    channels = attr(COUNT)
    sriov_vf_channels = attr(COUNT)


class NewInterface(InterfaceChange):
    """Body of ``POST /v1/iinterfaces``. Clients send ``ports`` too; it has no effect, because ports have interfaces."""

    ihost_uuid = attr(wire_type(str), mandatory=True)
    ifname = attr(NAME, mandatory=True)
    iftype = attr(Choice(tuple(map(str, InterfaceType))), mandatory=True)
    ports = attr(object)


REQUIRED = ("ifname", "iftype", "imtu", "sriov_numvfs", "ovs_access")
CHANGEABLE = tuple(attribute.name for attribute in shape(InterfaceChange).attributes)

# SPDX-License-Identifier: Apache-2.0
"""The lab's plan, as pure values: networks, legs, addresses, hardware addresses, names, hosts of a cloud kind."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from devstack.virtualcloud.errors import NotAvailable

HOSTS_MAX = 100
BMC_FIRST_OCTET = 100
OUTSIDE_ADDRESS = "10.10.10.254"
OAM_FLOATING_ADDRESS = "10.10.10.1"
REDFISH_PORT = 8000
IPMI_PORT = 623
BMC_USER = "root"
OUTSIDE = "outside"

_HOST_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}[a-z0-9]")
_PREFIX = re.compile(r"[a-z][a-z0-9]{1,7}")
_RESERVED = frozenset({"switch", OUTSIDE, "bmc"})


@dataclass(frozen=True, slots=True)
class Network:
    """One switch of the lab; `subnet` is empty where the lab's own services have no address."""

    name: str
    leg: str
    subnet: str
    number: int


NETWORKS: tuple[Network, ...] = (
    Network("pxeboot", "pxeboot0", "169.254.202.0/24", 1),
    Network("mgmt", "mgmt0", "192.168.204.0/24", 2),
    Network("cluster-host", "cluster0", "192.168.206.0/24", 3),
    Network("oam", "oam0", "10.10.10.0/24", 4),
    Network("bmc", "bmc0", "10.10.20.0/24", 5),
    Network("data0", "data0", "", 6),
)
BMC_NETWORK = "bmc"
_BY_NAME = {network.name: network for network in NETWORKS}
_BY_LEG = {network.leg: network for network in NETWORKS}


@dataclass(frozen=True, slots=True)
class Leg:
    """A host's port on one network: the interface inside the host, its peer on the switch, its hardware address."""

    network: str
    interface: str
    port: str
    mac: str


def network(name: str) -> Network:
    """Return the network `name`, or the network of the interface `name`; NotAvailable for an unknown name."""
    found = _BY_NAME.get(name) or _BY_LEG.get(name)
    if found is None:
        raise NotAvailable(f"no network {name!r}; the lab has {', '.join(_BY_NAME)}")
    return found


def check_host_name(name: str) -> str:
    """Return `name` when it is valid for a host of the lab; else NotAvailable."""
    if not _HOST_NAME.fullmatch(name):
        raise NotAvailable(f"host name {name!r}: 2 to 32 of a-z, 0-9 and '-', starting with a letter")
    if name in _RESERVED:
        raise NotAvailable(f"host name {name!r} is taken by the lab itself")
    return name


def check_prefix(prefix: str) -> str:
    """Return `prefix` when it is valid in names of namespaces and control groups; else NotAvailable."""
    if not _PREFIX.fullmatch(prefix):
        raise NotAvailable(f"prefix {prefix!r}: 2 to 8 of a-z and 0-9, starting with a letter")
    return prefix


def role_of(name: str) -> str:
    """Return the role whose cabling fits a name: controllers reach the BMC network, others the data network."""
    for role in ("controller", "storage"):
        if name.startswith(f"{role}-"):
            return role
    return "worker"


def mac(index: int, number: int) -> str:
    """Return the hardware address of port `number` of host `index`: locally administered, the same in every run."""
    return f"52:54:00:f1:{index:02x}:{number:02x}"


def bmc_mac(index: int) -> str:
    """Return the hardware address of the management controller of host `index`."""
    return mac(index, 0x80)


def bmc_address(index: int) -> str:
    """Return the address of the management controller of host `index`."""
    subnet = ipaddress.ip_network(_BY_NAME[BMC_NETWORK].subnet)
    return str(subnet[BMC_FIRST_OCTET + index])


def with_prefix_length(network_name: str, address: str) -> str:
    """Return `address/length` on that network."""
    return f"{address}/{ipaddress.ip_network(_BY_NAME[network_name].subnet).prefixlen}"


def legs(index: int, role: str, all_in_one: bool = False) -> tuple[Leg, ...]:
    """Return the ports of a host: BMC network for controllers, data network for workers, both for an all-in-one."""
    absent = set()
    if role != "controller":
        absent.add(BMC_NETWORK)
    if role == "storage" or (role == "controller" and not all_in_one):
        absent.add("data0")
    return tuple(
        Leg(item.name, item.leg, f"h{index}.{item.leg}", mac(index, item.number))
        for item in NETWORKS
        if item.name not in absent
    )


def free_index(taken: Iterable[int]) -> int:
    """Return the lowest free host number, from 1; NotAvailable when the lab is full."""
    used = set(taken)
    for index in range(1, HOSTS_MAX + 1):
        if index not in used:
            return index
    raise NotAvailable(f"the lab holds at most {HOSTS_MAX} hosts")


ALL_IN_ONE = {"aio-sx": ("controller-0",), "aio-dx": ("controller-0", "controller-1")}
"""By kind of cloud whose controllers are workers too, its hosts."""


def cloud_hosts(kind: str, workers: int, storage: int) -> tuple[str, ...]:
    """Return the machines' names of a cloud kind, the first controller first; NotAvailable for an unsupported kind."""
    if kind == "dc":
        raise NotAvailable("dc is not available yet: a system controller needs dcmanager")
    if kind in ALL_IN_ONE:
        return ALL_IN_ONE[kind]
    if kind != "standard":
        raise NotAvailable(f"no cloud kind {kind!r}; there are aio-sx, aio-dx, standard and dc")
    if workers < 0 or storage < 0 or 1 + workers + storage > HOSTS_MAX:
        raise NotAvailable(f"workers and storage must not be negative, and at most {HOSTS_MAX - 1} together")
    names = ["controller-0"]
    names += [f"worker-{number}" for number in range(workers)]
    names += [f"storage-{number}" for number in range(storage)]
    return tuple(names)


def published_ports(items: Iterable[str]) -> dict[int, int]:
    """`["5000", "15000:5000"]` as {port on 127.0.0.1: port on the floating OAM address}; refuses what is no port."""
    ports: dict[int, int] = {}
    for item in items:
        here, _, there = item.partition(":")
        try:
            pair = int(here), int(there or here)
        except ValueError:
            raise NotAvailable(f"port {item!r}: write PORT or PORT-HERE:PORT-THERE") from None
        if not all(0 < port < 65536 for port in pair):
            raise NotAvailable(f"port {item!r}: a port is 1 to 65535")
        ports[pair[0]] = pair[1]
    return ports


def faults_text(ports: Mapping[str, int], bmc_faults: Mapping[str, int]) -> str:
    """Return the switch's nftables script for packet loss.

    `ports`: switch port -> percent lost in each direction; `bmc_faults`: BMC address -> percent (100 is a cut).
    """
    rules: list[str] = []
    for port, percent in sorted(ports.items()):
        for side in ("iifname", "oifname"):
            rules.append(f'{side} "{port}" {_lost(percent)}')
    for address, percent in sorted(bmc_faults.items()):
        for match in ("ip daddr", "ip saddr", "arp daddr ip", "arp saddr ip"):
            rules.append(f"{match} {address} {_lost(percent)}")
    body = "".join(f"    {rule}\n" for rule in rules)
    return (
        "table bridge faults\ndelete table bridge faults\ntable bridge faults {\n"
        "  chain forward {\n    type filter hook forward priority 0; policy accept;\n" + body + "  }\n}\n"
    )


def _lost(percent: int) -> str:
    return "drop" if percent >= 100 else f"numgen random mod 100 < {percent} drop"

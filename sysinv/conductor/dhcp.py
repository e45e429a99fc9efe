# SPDX-License-Identifier: Apache-2.0
"""dnsmasq's files: pure rendering of its configuration and host lists, and reading of its lease file."""
from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sysinv.model.addressing import PoolView, in_pool
from sysinv.model.host import client_mac
from sysinv.model.hostname import FLOATING_ALIASES, PXE_NAME

LEASE_TIME = "1d"
# A lease of a machine that no operator has confirmed: a flood of them gives its addresses back soon.
STRANGER_LEASE_TIME = "10m"
SPLIT_MIN = 16
"""Smaller ranges are not divided."""
DOMAIN = "internal"
LEASES_MAX = 4096
# Bits from the start of the UDP header to the first DHCP option: header, fixed fields, cookie.
_FIRST_OPTION_BIT = 8 * (8 + 236 + 4)
# Option 53, one byte long: DHCPDISCOVER and DHCPREQUEST. dnsmasq takes the type from its first appearance.
_SERVED = ("0x350101", "0x350103")
# A machine that boots reads about 25 files. Several that do nothing else leave places for the others.
TRANSFERS_MAX, READS_PER_MINUTE = 500, 60
# A boot asks for an address in three stages, with about four messages each. dnsmasq writes its lease file and runs the
# lease script for a machine that changes its mind. 200 machines that boot at once ask about 50 times a second.
QUESTIONS_PER_MINUTE, QUESTIONS_PER_SECOND, QUESTIONS_BURST = 30, 50, 500
_RULES = """\
# Written by sysinv-conductor.
table inet flock_dhcp
delete table inet flock_dhcp
table inet flock_dhcp {{
    set readers {{ type ether_addr; size 4096; flags dynamic, timeout; timeout 5m; }}
    set askers {{ type ether_addr; size 4096; flags dynamic, timeout; timeout 5m; }}
    chain input {{
        type filter hook input priority filter; policy accept;
        iifname != "{interface}" accept
        udp dport 69 update @readers {{ ether saddr limit rate over {reads}/minute burst {reads} packets }} drop
        udp dport 67 @th,{first_option},24 != {{ {served} }} drop
        udp dport 67 update @askers {{ ether saddr limit rate over {asked}/minute burst {asked} packets }} drop
        udp dport 67 limit rate over {asked_by_all}/second burst {asked_burst} packets drop
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class DnsmasqPaths:
    """Absolute paths of dnsmasq's files, and the user that reads them; empty: dnsmasq's own default.

    ``upstream`` names the servers that dnsmasq asks for foreign names; empty: it asks none.
    """

    directory: str
    tftp_root: str
    lease_script: str
    user: str = ""
    upstream: str = ""

    @property
    def conf(self) -> str:
        return f"{self.directory}/dnsmasq.conf"

    @property
    def hosts(self) -> str:
        return f"{self.directory}/dnsmasq.hosts"

    @property
    def addn_hosts(self) -> str:
        return f"{self.directory}/dnsmasq.addn_hosts"

    @property
    def rules(self) -> str:
        return f"{self.directory}/dnsmasq.nft"

    @property
    def leases(self) -> str:
        return f"{self.directory}/dnsmasq.leases"

    @property
    def pid(self) -> str:
        return f"{self.directory}/dnsmasq.pid"


@dataclass(frozen=True, slots=True)
class Lease:
    """One line of the lease file: ``expires_s`` in seconds since the epoch, 0 for an infinite lease."""

    expires_s: int
    mac: str
    ip_address: str


def render_conf(paths: DnsmasqPaths, pxeboot: PoolView, pxeboot_interface: str, mgmt_interface: str) -> str:
    """Return ``dnsmasq.conf``: DHCP and TFTP on the pxeboot network, DNS on pxeboot and management."""
    netmask = ipaddress.ip_network(f"{pxeboot.network}/{pxeboot.prefix}").netmask
    server = pxeboot.floating_address or pxeboot.controller0_address
    lines = [
        f"interface={pxeboot_interface}", f"interface={mgmt_interface}", "except-interface=lo", "bind-dynamic",
        f"no-dhcp-interface={mgmt_interface}", f"resolv-file={paths.upstream}" if paths.upstream else "no-resolv",
        "no-hosts", f"domain={DOMAIN}", f"local=/{DOMAIN}/",
        "dhcp-authoritative", "dhcp-ignore-names",
        # A host is its MAC address: a client id would give its lease to every sender that knows the id, and another
        # lease to each stage of an installation.
        "dhcp-ignore-clid", "dhcp-option=3", "dhcp-option=6",
        # No probe (three seconds per host) before an address is given out: no other server uses this pool.
        "no-ping",
        *(line for start, end in pxeboot.ranges for line in _ranges(start, end, str(netmask))),
        f"dhcp-boot=tag:pxeboot,pxelinux.0,{PXE_NAME},{server}",
        f"enable-tftp={pxeboot_interface}", f"tftp-root={paths.tftp_root}", f"tftp-max={TRANSFERS_MAX}",
        f"dhcp-hostsfile={paths.hosts}", f"addn-hosts={paths.addn_hosts}", f"dhcp-leasefile={paths.leases}",
        f"dhcp-script={paths.lease_script}", f"pid-file={paths.pid}", "log-facility=-",
        *([f"user={paths.user}"] if paths.user else [])]
    return "\n".join(lines) + "\n"


def render_rules(pxeboot_interface: str) -> str:
    """Return ``dnsmasq.nft``, a script for nftables that drops all DHCP messages but questions for an address.

    Anybody can decline or release the address of another host, because DHCP has no authentication, and dnsmasq then
    withholds the address from it. Nor may one machine begin more than ``READS_PER_MINUTE`` transfers of boot files:
    dnsmasq keeps one that nobody acknowledges for two minutes, and has ``TRANSFERS_MAX`` places. Nor may it ask for
    an address more than ``QUESTIONS_PER_MINUTE`` times, and all machines together ``QUESTIONS_PER_SECOND`` times: each
    question that changes a lease costs dnsmasq a write to the disk and a run of its lease script.
    """
    return _RULES.format(interface=pxeboot_interface, first_option=_FIRST_OPTION_BIT, served=", ".join(_SERVED),
                         reads=READS_PER_MINUTE, asked=QUESTIONS_PER_MINUTE, asked_by_all=QUESTIONS_PER_SECOND,
                         asked_burst=QUESTIONS_BURST)


def _ranges(start_text: str, end_text: str, netmask: str) -> list[str]:
    """Return the lines of one range: its upper half serves strangers, so that they cannot take all addresses."""
    start, end = ipaddress.IPv4Address(start_text), ipaddress.IPv4Address(end_text)
    if int(end) - int(start) < SPLIT_MIN:
        return [f"dhcp-range=set:pxeboot,{start},{end},{netmask},{STRANGER_LEASE_TIME}"]
    middle = ipaddress.IPv4Address((int(start) + int(end)) // 2)
    return [f"dhcp-range=tag:known,set:pxeboot,{start},{middle},{netmask},{LEASE_TIME}",
            f"dhcp-range=tag:!known,set:pxeboot,{middle + 1},{end},{netmask},{STRANGER_LEASE_TIME}"]


def render_hosts(pxeboot: PoolView, controllers: Iterable[tuple[str, str]], leases: Iterable[Lease],
                 confirmed: Collection[str] = (), kept: Mapping[str, str] | None = None) -> str:
    """Return ``dnsmasq.hosts``: fixed pxeboot addresses, and the hosts that dnsmasq counts as known.

    ``controllers`` are (mac, hostname) and have fixed addresses in the pool. ``confirmed`` are the MAC addresses of
    hosts with a personality. Each keeps the address that it has in ``kept`` (mac to address, from the file before), or
    else that of its lease: a lease can end, also by a message of somebody else. Without either it gets an address as a
    known host.
    """
    lines = []
    if pxeboot.floating_address:
        lines.append(f"{PXE_NAME},{pxeboot.floating_address}")
    fixed: set[str] = set()
    for mac, hostname in sorted(controllers):
        address = pxeboot.for_controller(hostname)
        if address:
            fixed |= {mac, address}
            lines.append(f"{mac},pxeboot-{hostname.rpartition('-')[2]},{address},{LEASE_TIME}")
    held = [(lease.mac, lease.ip_address) for lease in sorted(leases, key=lambda one: (one.mac, -one.expires_s))]
    chosen: dict[str, str] = {}
    for mac, address in [*sorted((kept or {}).items()), *held]:
        if mac not in confirmed or mac in fixed or address in fixed | pxeboot.reserved:
            continue
        if in_pool(pxeboot, address):
            fixed |= {mac, address}
            chosen[mac] = address
    lines += [f"{mac},{address},{LEASE_TIME}" for mac, address in sorted(chosen.items())]
    lines += [f"{mac},{LEASE_TIME}" for mac in sorted(set(confirmed) - fixed)]
    return "\n".join(lines) + "\n"


def parse_hosts(text: str) -> dict[str, str]:
    """Return the addresses of hosts in ``dnsmasq.hosts``, by MAC address; skips other lines."""
    kept: dict[str, str] = {}
    for line in text.splitlines():
        words = line.split(",")
        if len(words) == 3 and (mac := client_mac(words[0])) is not None and _is_address(words[1]):
            kept[mac] = words[1]
    return kept


def _is_address(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def render_addn_hosts(pxe_address: str | None, floating_address: str | None,
                      hosts: Sequence[tuple[str, str]]) -> str:
    """Return ``dnsmasq.addn_hosts``: DNS names of the cloud; ``hosts`` are (hostname, management address)."""
    lines = [f"{pxe_address} {PXE_NAME}"] if pxe_address else []
    if floating_address:
        lines.append(f"{floating_address} {' '.join(FLOATING_ALIASES)}")
    lines += [f"{address} {hostname}.{DOMAIN} {hostname}" for hostname, address in sorted(hosts)]
    return "\n".join(lines) + "\n"


def parse_leases(text: str) -> list[Lease]:
    """Return the leases in dnsmasq's lease file (``expiry mac ip name client-id``); skips other lines."""
    leases: list[Lease] = []
    for line in text.splitlines()[:LEASES_MAX]:
        words = line.split()
        if len(words) < 4 or not words[0].isdigit():
            continue
        mac = client_mac(words[1])
        try:
            address = str(ipaddress.ip_address(words[2]))
        except ValueError:
            continue
        if mac is not None:
            leases.append(Lease(int(words[0]), mac, address))
    return leases

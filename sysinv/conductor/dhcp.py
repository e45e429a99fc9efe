# SPDX-License-Identifier: Apache-2.0
"""dnsmasq's files: pure rendering of its configuration and host lists, and reading of its lease file."""
from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sysinv.conductor.pxe import PXE_NAME
from sysinv.model.addressing import PoolView, in_pool
from sysinv.model.host import client_mac

LEASE_TIME = "1d"
DOMAIN = "internal"
LEASES_MAX = 4096
FLOATING_ALIASES = ("controller.internal", "controller", "registry.local", "controller-platform-nfs")


@dataclass(frozen=True, slots=True)
class DnsmasqPaths:
    """Absolute paths of dnsmasq's files, and the user that reads them; empty: dnsmasq's own default."""

    directory: str
    tftp_root: str
    lease_script: str
    user: str = ""

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
    client_id: str | None


def render_conf(paths: DnsmasqPaths, pxeboot: PoolView, pxeboot_interface: str, mgmt_interface: str) -> str:
    """Return ``dnsmasq.conf``: DHCP and TFTP on the pxeboot network, DNS on pxeboot and management."""
    netmask = ipaddress.ip_network(f"{pxeboot.network}/{pxeboot.prefix}").netmask
    server = pxeboot.floating_address or pxeboot.controller0_address
    lines = [
        f"interface={pxeboot_interface}", f"interface={mgmt_interface}", "except-interface=lo", "bind-dynamic",
        f"no-dhcp-interface={mgmt_interface}", "no-resolv", "no-hosts", f"domain={DOMAIN}", f"local=/{DOMAIN}/",
        "dhcp-authoritative", "dhcp-ignore-names", "dhcp-option=3", "dhcp-option=6",
        # No probe (three seconds per host) before an address is given out: no other server uses this pool.
        "no-ping",
        *(f"dhcp-range=set:pxeboot,{start},{end},{netmask},{LEASE_TIME}" for start, end in pxeboot.ranges),
        f"dhcp-boot=tag:pxeboot,pxelinux.0,{PXE_NAME},{server}",
        f"enable-tftp={pxeboot_interface}", f"tftp-root={paths.tftp_root}",
        f"dhcp-hostsfile={paths.hosts}", f"addn-hosts={paths.addn_hosts}", f"dhcp-leasefile={paths.leases}",
        f"dhcp-script={paths.lease_script}", f"pid-file={paths.pid}", "log-facility=-",
        *([f"user={paths.user}"] if paths.user else [])]
    return "\n".join(lines) + "\n"


def render_hosts(pxeboot: PoolView, controllers: Iterable[tuple[str, str]], leases: Iterable[Lease]) -> str:
    """Return ``dnsmasq.hosts``: fixed pxeboot addresses.

    ``controllers`` are (mac, hostname) and have fixed addresses in the pool; other hosts keep their first lease.
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
    for lease in sorted(leases, key=lambda one: (one.mac, -one.expires_s)):
        if lease.mac in fixed or lease.ip_address in fixed | pxeboot.reserved:
            continue
        if in_pool(pxeboot, lease.ip_address):
            fixed |= {lease.mac, lease.ip_address}
            lines.append(f"{lease.mac},{lease.ip_address},{LEASE_TIME}")
    return "\n".join(lines) + "\n"


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
            client = words[4] if len(words) > 4 and words[4] != "*" else None
            leases.append(Lease(int(words[0]), mac, address, client))
    return leases

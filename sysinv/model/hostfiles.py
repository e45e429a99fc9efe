# SPDX-License-Identifier: Apache-2.0
"""Files that bootstrap and installer both write on a host: names, networks, platform facts."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

PRIVATE, PUBLIC = 0o600, 0o644
DOMAIN = "internal"
TLS_DIRECTORY = "/etc/flock/tls"
AUTHORITIES_FILE = f"{TLS_DIRECTORY}/ca.crt"
HOST_CERTIFICATE_FILE, HOST_KEY_FILE = f"{TLS_DIRECTORY}/host.crt", f"{TLS_DIRECTORY}/host.key"
# [oslo_messaging_rabbit] of every host: TLS, the broker's name verified, the host's certificate shown.
BUS_TLS = {"ssl": "true", "ssl_ca_file": AUTHORITIES_FILE, "ssl_cert_file": HOST_CERTIFICATE_FILE,
           "ssl_key_file": HOST_KEY_FILE}
PLATFORM_CONF = "/etc/platform/platform.conf"
# Keys of platform.conf, and the network types whose interfaces they name.
_INTERFACES = {"management_interface": "mgmt", "cluster_host_interface": "cluster-host", "oam_interface": "oam"}
_DHCP = ("DHCP=ipv4", "", "[DHCPv4]", "UseDNS=no", "UseRoutes=no", "UseHostname=no", "UseNTP=no",
         "ClientIdentifier=mac")


@dataclass(frozen=True, slots=True)
class RenderedFile:
    """A complete file: absolute path, permission bits, text."""

    path: str
    mode: int
    content: str


def bundle_purpose(host_uuid: str) -> str:
    """Return the purpose for which a host's bundle is sealed; a bundle of another host does not open."""
    return f"install bundle of host {host_uuid}"


def configuration_purpose(host_uuid: str) -> str:
    """Return the purpose for which the secrets of a host's configuration are sealed; see ``bundle_purpose``."""
    return f"configuration of host {host_uuid}"


def user_purpose(host_uuid: str) -> str:
    """Return the purpose for which a controller seals a changed password of the platform's user."""
    return f"user of host {host_uuid}"


def hosts_file(names: Iterable[tuple[str, str]]) -> RenderedFile:
    """Return /etc/hosts: the loopback names, then one line for each ``(address, names)``."""
    lines = [("127.0.0.1", "localhost"), ("::1", "localhost ip6-localhost"), *names]
    return RenderedFile("/etc/hosts", PUBLIC, "".join(f"{address} {given}\n" for address, given in lines))


def network_file(network_type: str, interface: str, addresses: Iterable[str], prefix: int,
                 gateway: str | None = None, *, required: bool = True, floating: bool = False) -> RenderedFile:
    """Return systemd-networkd's file for one interface; without ``addresses`` the interface uses DHCP.

    The boot waits for the interface when it is ``required``. ``floating``: addresses that systemd-networkd does
    not know come and go on the interface.
    """
    lines = ["[Match]", f"Name={interface}"]
    if not required:
        lines += ["", "[Link]", "RequiredForOnline=no"]
    lines += ["", "[Network]", "LinkLocalAddressing=no", "LLDP=no"]
    given = list(addresses)
    if not given:
        lines += _DHCP
    else:
        lines.append("ConfigureWithoutCarrier=yes")
        if gateway:
            lines.append(f"Gateway={gateway}")
        if floating:
            # Otherwise a restart of systemd-networkd removes them.
            lines.append("KeepConfiguration=static")
    for address in given:
        # systemd-networkd would probe link-local addresses (as on pxeboot) for some seconds before it sets them.
        lines += ["", "[Address]", f"Address={address}/{prefix}", "DuplicateAddressDetection=none"]
    return RenderedFile(f"/etc/systemd/network/10-flock-{network_type}.network", PUBLIC, "\n".join(lines) + "\n")


def platform_file(facts: Mapping[str, str]) -> RenderedFile:
    """Return /etc/platform/platform.conf in StarlingX's ``key=value`` form."""
    return RenderedFile(PLATFORM_CONF, PUBLIC, "".join(f"{key}={value}\n" for key, value in facts.items()))


def interfaces_in(platform_text: str) -> dict[str, str]:
    """Return the interface of each network type that the text of a platform.conf names."""
    pairs = (line.partition("=") for line in platform_text.splitlines())
    return {_INTERFACES[key]: value for key, _, value in pairs if key in _INTERFACES and value}

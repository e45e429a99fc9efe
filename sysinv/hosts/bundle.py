# SPDX-License-Identifier: Apache-2.0
"""Pure rendering of the bundle that an installing host fetches: its files and the units it enables."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mtce.contract.pulsekey import derive
from sysinv.contract.enums import NetworkType, Personality, SystemType
from sysinv.contract.records import IssuedCertificate, SharedFile
from sysinv.model.busaccounts import host_url
from sysinv.model.hostfiles import (
    AUTHORITIES_FILE,
    BUS_TLS,
    DOMAIN,
    HOST_CERTIFICATE_FILE,
    PRIVATE,
    PUBLIC,
    RenderedFile,
    hosts_file,
    network_file,
    platform_file,
)

UNITS = ("flock-config.service", "flock-sysinv-agent.service", "flock-mtce-agent.service",
         "flock-mtce-heartbeat.service", "flock-patching-boot.service", "flock-patching-agent.service")

CONTROLLER_UNITS = (*UNITS, "flock-join.service", "flock-sm.service")


@dataclass(frozen=True, slots=True)
class Leg:
    """A host's interface in one network; ``address`` None means DHCP."""

    network_type: str
    address: str | None
    prefix: int
    gateway: str | None = None


@dataclass(frozen=True, slots=True)
class HostFacts:
    """The installing host."""

    uuid: str
    hostname: str
    personality: str
    subfunctions: str
    software_version: str
    legs: tuple[Leg, ...]


@dataclass(frozen=True, slots=True)
class CloudFacts:
    """Configuration that all hosts of the cloud share. ``names`` are (address, names…) lines for /etc/hosts.

    ``heartbeat_key`` is the cluster key; only keys derived from it leave this module. ``agent_transport_url`` is the
    URL of the bus without an account.
    """

    system_uuid: str
    system_type: str
    system_mode: str
    region_name: str
    floating_mgmt: str
    names: tuple[tuple[str, str], ...]
    interfaces: Mapping[str, str]
    agent_transport_url: str
    heartbeat_key: bytes


def render_bundle(host: HostFacts, cloud: CloudFacts, bus_password: str, certificate: IssuedCertificate,
                  shared: Sequence[SharedFile] = ()) -> dict[str, Any]:
    """Return the bundle: hostname, personality, files (path, mode, content) and units.

    ``bus_password`` is that of the host's own account of the message bus. ``shared``: what a controller has in common
    with the active one; from this it makes the rest at its first boot, and says then that it is configured.

    ``{"hostname", "personality", "files": [{"path", "mode", "content"}], "units": [...]}``; modes are octal text.
    """
    files = [
        hosts_file(_with_own(host, cloud.names)),
        RenderedFile("/etc/resolv.conf", PUBLIC, f"search {DOMAIN}\nnameserver {cloud.floating_mgmt}\n"),
        platform_file(_platform_facts(host, cloud)),
        RenderedFile("/etc/flock/flock.conf", PRIVATE, _flock_conf(host.hostname, cloud, bus_password)),
        RenderedFile(AUTHORITIES_FILE, PUBLIC, certificate.authorities),
        RenderedFile(HOST_CERTIFICATE_FILE, PUBLIC, certificate.certificate),
        RenderedFile("/etc/flock/heartbeat.key", PRIVATE,
                     derive(cloud.heartbeat_key, host.hostname).hex() + "\n"),
    ]
    is_controller = host.personality == Personality.CONTROLLER
    if not is_controller:
        files.append(RenderedFile("/etc/platform/.initial_config_complete", PUBLIC, ""))
    files += [RenderedFile(file.path, file.mode, file.content) for file in shared]
    files += [_network_file(leg, cloud.interfaces[leg.network_type]) for leg in host.legs
              if leg.network_type in cloud.interfaces]
    return {
        "hostname": host.hostname, "personality": host.personality,
        "files": [{"path": file.path, "mode": f"{file.mode:04o}", "content": file.content} for file in files],
        "units": list(CONTROLLER_UNITS if is_controller else UNITS),
    }


def _with_own(host: HostFacts, names: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    own = [(leg.address, f"{host.hostname} {host.hostname}.{DOMAIN}") for leg in host.legs
           if leg.network_type == NetworkType.MGMT and leg.address]
    taken = {address for address, _ in own}
    return [*own, *(entry for entry in names if entry[0] not in taken)]


def _platform_facts(host: HostFacts, cloud: CloudFacts) -> dict[str, str]:
    values = {
        "nodetype": host.personality,
        "subfunction": host.subfunctions,
        "system_type": cloud.system_type,
        "system_mode": cloud.system_mode,
        "region_name": cloud.region_name,
        "sw_version": host.software_version,
        "hostname": host.hostname,
        "UUID": host.uuid,
        "INSTALL_UUID": cloud.system_uuid,
        "management_interface": cloud.interfaces.get(NetworkType.MGMT, ""),
        "cluster_host_interface": cloud.interfaces.get(NetworkType.CLUSTER_HOST, ""),
    }
    if cloud.system_type == SystemType.ALL_IN_ONE or host.personality == "controller":
        values["oam_interface"] = cloud.interfaces.get(NetworkType.OAM, "")
    return values


def _flock_conf(hostname: str, cloud: CloudFacts, bus_password: str) -> str:
    # oslo.config expands "$", which a URL may contain.
    url = host_url(cloud.agent_transport_url, hostname, bus_password).replace("$", "$$")
    return f"[DEFAULT]\ntransport_url = {url}\n\n[oslo_messaging_rabbit]\n" + "".join(
        f"{name} = {value}\n" for name, value in BUS_TLS.items())


def _network_file(leg: Leg, interface: str) -> RenderedFile:
    addresses = () if leg.address is None else (leg.address,)
    return network_file(leg.network_type, interface, addresses, leg.prefix, leg.gateway, required=False)

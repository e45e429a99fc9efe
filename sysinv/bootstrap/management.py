# SPDX-License-Identifier: Apache-2.0
"""Renders service management's files on a controller: its settings, and the site for its catalogue."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from sm.contract.mirror import PORT
from sysinv.bootstrap.answers import Answers, NetworkAnswer
from sysinv.model.hostfiles import PRIVATE, RenderedFile
from sysinv.model.hostname import CONTROLLER_0, CONTROLLER_1, CONTROLLER_NAMES

SETTINGS, SITE, DATABASE = "/etc/sm/sm.conf", "/etc/flock/sm/site.yaml", "/etc/sm/postgres.conf"
PEERS_ONLY = "/etc/sm/peers.nft"
DATABASE_PORT = 5432
BEAT_PORT = 2222
API_GROUP = "flock-sm"
"""Of sm-api, which asks the daemon."""
CONFIGURED, TESTED = "/etc/platform/.initial_config_complete", "/run/goenabled"
NETWORKS = {"pxeboot": "pxeboot", "mgmt": "management", "cluster-host": "cluster-host", "oam": "oam"}
"""Names of the answers, and of the catalogue."""
MODES = {"All-in-one": "duplex", "Standard": "standard"}
"""Of a system with two controllers, by its type."""
Fencing = Mapping[str, Mapping[str, Any]]
"""By controller, how it is switched off: ``sm.daemon.settings.FenceDevice``."""


def management_files(answers: Answers, hostname: str, *, pair: bool = False,
                     fencing: Fencing | None = None) -> list[RenderedFile]:
    """Return the files of a controller. While it is the only one, service management runs it as simplex."""
    files = [_yaml(SETTINGS, settings(answers, hostname, pair=pair, fencing=fencing)),
             _yaml(SITE, site(answers, hostname, pair=pair)),
             RenderedFile(PEERS_ONLY, PRIVATE, peers_only(answers, hostname) if pair else _NO_PEERS)]
    if answers.database == "postgresql":
        files.append(_yaml(DATABASE, database(answers, hostname, pair=pair)))
    return files


def database(answers: Answers, hostname: str, *, pair: bool = False) -> dict[str, Any]:
    """The content of postgres.conf. The databases are copied over the management network."""
    mgmt, other = answers.network("mgmt"), CONTROLLER_0 if hostname == CONTROLLER_1 else CONTROLLER_1
    if not pair:
        return {"node": hostname}
    return {"node": hostname, "peers": {other: mgmt.own_address(other)}, "listen": [mgmt.own_address(hostname)]}


def peers_only(answers: Answers, hostname: str) -> str:
    """The script for nftables that lets only the other controller reach the database and the mirror of this one.

    Each has places for few connections, and gives one to a stranger before it asks who that is. The kernel does not
    track what the controllers say to each other, because its table of connections may be full.
    """
    mgmt = answers.network("mgmt")
    peer = mgmt.own_address(CONTROLLER_0 if hostname == CONTROLLER_1 else CONTROLLER_1)
    return _PEERS_ONLY.format(interface=mgmt.interface, peer=peer, family="ip6" if ":" in mgmt.subnet else "ip",
                              ports=f"{DATABASE_PORT}, {PORT}", beats=BEAT_PORT)


def is_paired(path: Path) -> bool:
    """Whether the settings in ``path`` name two controllers; False without such a file."""
    try:
        found = yaml.safe_load(path.read_text())
    except (OSError, ValueError, yaml.YAMLError):
        return False
    return isinstance(found, dict) and len(found.get("nodes") or ()) > 1


def settings(answers: Answers, hostname: str, *, pair: bool = False, fencing: Fencing | None = None) -> dict[str, Any]:
    """The content of sm.conf. Groups of the answers' ``overrides.sm``, such as ``timing``, are part of it."""
    given: Mapping[str, Mapping[str, Any]] = answers.overrides.get("sm", {})
    found: dict[str, Any] = {"node": hostname, "nodes": [hostname], "ready_files": [CONFIGURED], "group": API_GROUP}
    if pair:
        # The only one serves even if its tests fail; of two, the other one does.
        found |= {"nodes": list(CONTROLLER_NAMES), "ready_files": [CONFIGURED, TESTED]}
        found["fencing"] = {name: dict(device) for name, device in (fencing or {}).items() if name != hostname}
    return {**found, **{group: dict(options) for group, options in given.items()}}


def site(answers: Answers, hostname: str, *, pair: bool = False) -> dict[str, Any]:
    """The description of this controller for the catalogue."""
    features = [] if answers.database == "postgresql" else ["sqlite"]
    return {"mode": MODES[answers.system_type] if pair else "simplex", "unit": hostname, "features": features,
            "networks": {NETWORKS[network.name]: _network(network, hostname, pair=pair)
                         for network in answers.networks if network.name in NETWORKS}}


def _network(network: NetworkAnswer, hostname: str, *, pair: bool) -> dict[str, Any]:
    other = CONTROLLER_0 if hostname == CONTROLLER_1 else CONTROLLER_1
    addresses = {"own": network.own_address(hostname), "peer": network.own_address(other) if pair else None}
    if network.floating_address:
        addresses["floating"] = f"{network.floating_address}/{network.prefix}"
    return {"device": network.interface, "ipv6" if ":" in network.subnet else "ipv4": {
        name: text for name, text in addresses.items() if text}}


_NO_PEERS = """\
# Written by flock-bootstrap.
table inet flock_peers
delete table inet flock_peers
"""
_PEERS_ONLY = _NO_PEERS + """\
table inet flock_peers {{
    chain arriving {{
        type filter hook prerouting priority raw; policy accept;
        iifname "lo" accept
        udp dport {beats} notrack
        iifname "{interface}" {family} saddr {peer} tcp dport {{ {ports} }} notrack accept
        iifname "{interface}" {family} saddr {peer} tcp sport {{ {ports} }} notrack accept
        tcp dport {{ {ports} }} counter drop
    }}
    chain leaving {{
        type filter hook output priority raw; policy accept;
        udp sport {beats} notrack
        {family} daddr {peer} tcp dport {{ {ports} }} notrack
        {family} daddr {peer} tcp sport {{ {ports} }} notrack
    }}
}}
"""


def _yaml(path: str, content: Mapping[str, Any]) -> RenderedFile:
    return RenderedFile(path, PRIVATE, yaml.safe_dump(content, sort_keys=False))

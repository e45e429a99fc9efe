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
MULTICAST = {"ipv4": "239.1.1.1", "ipv6": "ff12::1:1"}
"""Where the controllers speak with each other on networks that hosts share. A switch learns the way to an address from
what is sent in its name, true or false; what is sent to a group goes to all ports."""
SHARED = frozenset({"mgmt", "cluster-host"})
MODES = {"All-in-one": "duplex", "Standard": "standard"}
"""Of a system with two controllers, by its type."""
Fencing = Mapping[str, Mapping[str, Any]]
"""By controller, how it is switched off: ``sm.daemon.settings.FenceDevice``."""


def management_files(answers: Answers, hostname: str, *, pair: bool = False,
                     fencing: Fencing | None = None) -> list[RenderedFile]:
    """Return the files of a controller. While it is the only one, service management runs it as simplex.

    The settings are the last, and are written last: they say how many controllers there are (``is_paired``).
    """
    files = [_yaml(SITE, site(answers, hostname, pair=pair)),
             RenderedFile(PEERS_ONLY, PRIVATE, peers_only(answers, hostname, pair=pair))]
    if answers.database == "postgresql":
        files.append(_yaml(DATABASE, database(answers, hostname, pair=pair)))
    return [*files, _yaml(SETTINGS, settings(answers, hostname, pair=pair, fencing=fencing))]


def database(answers: Answers, hostname: str, *, pair: bool = False) -> dict[str, Any]:
    """The content of postgres.conf. The databases are copied over the management network.

    The server reads only at its start where it listens, so it listens there before there is a second controller.
    Without a peer nobody may log in there.
    """
    mgmt, other = answers.network("mgmt"), CONTROLLER_0 if hostname == CONTROLLER_1 else CONTROLLER_1
    found: dict[str, Any] = {"node": hostname}
    if not answers.lacks_for_two:
        found["listen"] = [mgmt.own_address(hostname)]
    return found | {"peers": {other: mgmt.own_address(other)}} if pair else found


def peers(path: Path) -> dict[str, str]:
    """The other controllers in the settings of the database in ``path``, with their addresses on the management
    network; none without such a file."""
    try:
        found = yaml.safe_load(path.read_text())
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    named = found.get("peers") if isinstance(found, dict) else None
    return {str(name): str(address) for name, address in named.items()} if isinstance(named, dict) else {}


def peers_only(answers: Answers, hostname: str, *, pair: bool = False) -> str:
    """The script for nftables that lets only the other controller reach the database and the mirror of this one;
    without ``pair`` nobody.

    Each has places for few connections, and gives one to a stranger before it asks who that is. The kernel does not
    track what the controllers say to each other, because its table of connections may be full.
    """
    mgmt = answers.network("mgmt")
    peer = mgmt.own_address(CONTROLLER_0 if hostname == CONTROLLER_1 else CONTROLLER_1) if pair else None
    family, ports = "ip6" if ":" in mgmt.subnet else "ip", f"{{ {DATABASE_PORT}, {PORT} }}"
    arriving = [f'iifname "{mgmt.interface}" {family} saddr {peer} tcp {end} {ports} notrack accept'
                for end in ("dport", "sport")] if peer else []
    leaving = [f"{family} daddr {peer} tcp {end} {ports} notrack" for end in ("dport", "sport")] if peer else []
    lines = ["# Written by flock-bootstrap.", "table inet flock_peers", "delete table inet flock_peers",
             "table inet flock_peers {",
             "    chain arriving {",
             "        type filter hook prerouting priority raw; policy accept;",
             '        iifname "lo" accept',
             f"        udp dport {BEAT_PORT} notrack",
             *(f"        {line}" for line in arriving),
             f"        tcp dport {ports} counter drop",
             "    }",
             "    chain leaving {",
             "        type filter hook output priority raw; policy accept;",
             f"        udp sport {BEAT_PORT} notrack",
             *(f"        {line}" for line in leaving),
             "    }",
             "}"]
    return "\n".join(lines) + "\n"


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
    family = "ipv6" if ":" in network.subnet else "ipv4"
    addresses = {"own": network.own_address(hostname), "peer": network.own_address(other) if pair else None,
                 "multicast": MULTICAST[family] if pair and network.name in SHARED else None}
    if network.floating_address:
        addresses["floating"] = f"{network.floating_address}/{network.prefix}"
    return {"device": network.interface, family: {name: text for name, text in addresses.items() if text}}


def _yaml(path: str, content: Mapping[str, Any]) -> RenderedFile:
    return RenderedFile(path, PRIVATE, yaml.safe_dump(content, sort_keys=False))

# SPDX-License-Identifier: Apache-2.0
"""Renders service management's files on a controller: its settings, and the site for its catalogue."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from sysinv.bootstrap.answers import Answers, NetworkAnswer
from sysinv.model.hostfiles import PRIVATE, RenderedFile

SETTINGS, SITE = "/etc/sm/sm.conf", "/etc/flock/sm/site.yaml"
CONFIGURED = "/etc/platform/.initial_config_complete"
NETWORKS = {"pxeboot": "pxeboot", "mgmt": "management", "cluster-host": "cluster-host", "oam": "oam"}
"""Names of the answers, and of the catalogue."""


def management_files(answers: Answers, hostname: str) -> list[RenderedFile]:
    """Return the files of a controller that is the only one; service management runs it as simplex."""
    return [_yaml(SETTINGS, settings(answers, hostname)), _yaml(SITE, site(answers, hostname))]


def settings(answers: Answers, hostname: str) -> dict[str, Any]:
    """The content of sm.conf. Groups of the answers' ``overrides.sm``, such as ``timing``, are part of it."""
    given: Mapping[str, Mapping[str, Any]] = answers.overrides.get("sm", {})
    return {"node": hostname, "nodes": [hostname], "ready_files": [CONFIGURED],
            **{group: dict(options) for group, options in given.items()}}


def site(answers: Answers, hostname: str) -> dict[str, Any]:
    """The description of this controller for the catalogue."""
    return {"mode": "simplex", "unit": hostname, "features": ["unmanaged-database"],
            "networks": {NETWORKS[network.name]: _network(network) for network in answers.networks
                         if network.name in NETWORKS}}


def _network(network: NetworkAnswer) -> dict[str, Any]:
    addresses = {"own": network.controller0_address}
    if network.floating_address:
        addresses["floating"] = f"{network.floating_address}/{network.prefix}"
    return {"device": network.interface, "ipv6" if ":" in network.subnet else "ipv4": addresses}


def _yaml(path: str, content: Mapping[str, Any]) -> RenderedFile:
    return RenderedFile(path, PRIVATE, yaml.safe_dump(content, sort_keys=False))

# SPDX-License-Identifier: Apache-2.0
"""Applies the configuration that the agent saved. The agent itself does not load this: it has Puppet run elsewhere."""
from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from flock import tls
from flock.core.errors import FlockError
from sysinv.agent import puppet
from sysinv.agent.configured import Exchange
from sysinv.contract.records import ClassFailure, ConfigurationResult, WantedConfiguration
from sysinv.model.hostfiles import configuration_purpose


def apply(exchange: Exchange, run: puppet.Run, key_file: Path, *, boot: bool,
          local: Mapping[str, Any]) -> ConfigurationResult | None:
    """Apply the saved configuration: all of it at a ``boot``, else what its orders name. Stores the result.

    ``local`` are hiera keys that this host itself knows; they come before all others. None when there is nothing to
    apply. Raises Unusable for a saved configuration that cannot be read.
    """
    with exchange.alone():
        saved = exchange.wanted()
        if saved is None:
            return None
        host_uuid, wanted = saved
        whole = boot or wanted.whole
        classes, names = (wanted.boot_classes, wanted.boot_uuids) if whole else (wanted.classes, wanted.config_uuids)
        if boot and not classes:
            return None
        result = ConfigurationResult(config_uuids=names, whole=whole)
        try:
            data = _data(host_uuid, wanted, key_file)
        except (FlockError, ValueError, OSError) as error:
            result = replace(result, error=f"the secrets cannot be opened: {error}")
        else:
            # In a rolling upgrade a host boots with its own release while the controllers have the next one.
            done = puppet.apply(exchange.directory, classes, {**data, "local": local}, run, lacks_none=not whole)
            result = replace(
                result, error=done.error, resources=done.resources, changed=done.changed, duration_ms=done.duration_ms,
                failures=[ClassFailure(name, error) for name, error in done.failures.items()])
        exchange.finish(result)
        return result


def _data(host_uuid: str, wanted: WantedConfiguration, key_file: Path) -> dict[str, Mapping[str, Any]]:
    plain = json.loads(wanted.hiera)
    data: dict[str, Mapping[str, Any]] = {level: plain[level] for level in ("host", "system")}
    if wanted.sealed:
        secrets = json.loads(tls.open_sealed(key_file.read_bytes(), wanted.sealed, configuration_purpose(host_uuid)))
        data |= {f"secure_{level}": secrets[level] for level in ("host", "system")}
    return data

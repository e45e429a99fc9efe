# SPDX-License-Identifier: Apache-2.0
"""What a driver of instances can do, and the drivers by name."""
from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from patching.core.strategy.picture import Instance


@dataclass(frozen=True, slots=True)
class Workload:
    """All instances by id, and the hosts of each aggregate by its name."""

    instances: Mapping[str, Instance] = field(default_factory=dict)
    aggregates: Mapping[str, frozenset[str]] = field(default_factory=dict)


class InstanceDriver(Protocol):
    """One platform on which instances run.

    Each call returns soon: what takes longer is begun, and ``look`` shows how far it is. A call for something that is
    done already succeeds. Refused: the platform does not do it now, with its reason; Unavailable: it does not answer.
    """

    def look(self) -> Workload:
        """All instances. Those that the platform starts on every host by itself are none."""

    def close_host(self, hostname: str) -> None:
        """Have no new instance come to the host. A host that the platform does not know has none."""

    def open_host(self, hostname: str) -> None:
        """Take back ``close_host``; a host that somebody else has closed stays closed."""

    def move(self, instance_id: str) -> None:
        """Begin to move the instance to another host, which the platform chooses."""

    def confirm_move(self, instance_id: str) -> None:
        """Accept a move that has ended in the state ``moved``."""

    def stop(self, instance_id: str) -> None:
        """Begin to stop the instance."""

    def start(self, instance_id: str) -> None:
        """Begin to start the instance again."""


DRIVERS = {"none": "patching.instances.none", "kubernetes": "patching.instances.kubernetes",
           "nova": "patching.instances.nova"}
"""Name of a driver to its module, which is imported only when it is chosen: a client library takes much memory. Each
has ``driver(conf)``."""


def load(name: str, conf: Any) -> InstanceDriver:
    """The driver of this name, with the options of ``conf``."""
    return cast(InstanceDriver, importlib.import_module(DRIVERS[name]).driver(conf))

# SPDX-License-Identifier: Apache-2.0
"""The server as its management controller knows it, as one immutable value."""

from __future__ import annotations

from dataclasses import dataclass

from devstack.virtualcloud.boot import Override
from devstack.virtualcloud.sensors import Reading


@dataclass(frozen=True, slots=True)
class Nic:
    """A port of the server: its name and permanent hardware address."""

    name: str
    mac: str


@dataclass(frozen=True, slots=True)
class ServerView:
    """Identity, power, boot settings, size, ports and sensor readings; `media` is an image address or ''."""

    name: str
    uuid: str
    power: bool
    booted: bool
    override: Override
    media: str
    processors: int
    memory_mib: int
    nics: tuple[Nic, ...]
    bmc_mac: str
    bmc_address: str
    readings: tuple[Reading, ...]

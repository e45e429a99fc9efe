# SPDX-License-Identifier: Apache-2.0
"""Typed, versioned calls between processes over the message bus.

Loads names at first use: ``contract`` packages import ``flock.rpc.interface`` and must not import a messaging library.
"""
from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flock.rpc.bus import Transport, transport
    from flock.rpc.errors import VersionMismatch
    from flock.rpc.interface import call, cast, rpc_interface
    from flock.rpc.proxy import client
    from flock.rpc.server import Server
    from flock.rpc.serverwatch import ServerWatch

__all__ = [
    "Server", "ServerWatch", "Transport", "VersionMismatch", "call", "cast", "client", "rpc_interface", "transport",
]

_HOMES = {
    "Server": "server", "ServerWatch": "serverwatch", "Transport": "bus", "transport": "bus",
    "VersionMismatch": "errors", "call": "interface", "cast": "interface", "rpc_interface": "interface",
    "client": "proxy",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)

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
    from flock.rpc.reachable import ReplyWatch
    from flock.rpc.server import Server
    from flock.rpc.versions import VersionWatch, check_versions

__all__ = [
    "ReplyWatch", "Server", "Transport", "VersionMismatch", "VersionWatch", "call", "cast", "check_versions",
    "client", "rpc_interface", "transport",
]

_HOMES = {
    "ReplyWatch": "reachable", "Server": "server", "Transport": "bus", "transport": "bus", "VersionMismatch": "errors",
    "call": "interface", "cast": "interface", "rpc_interface": "interface", "check_versions": "versions",
    "VersionWatch": "versions", "client": "proxy",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)

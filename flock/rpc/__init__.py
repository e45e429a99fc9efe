# SPDX-License-Identifier: Apache-2.0
"""Typed, versioned calls between processes over the message bus.

Loads names at first use: ``contract`` packages import ``flock.rpc.interface`` and must not import a messaging library.
"""
from __future__ import annotations

from typing import TYPE_CHECKING

from flock.core.lazy import names_of

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

__getattr__ = names_of(__name__, {
    "bus": ("Transport", "transport"), "errors": ("VersionMismatch",), "interface": ("call", "cast", "rpc_interface"),
    "proxy": ("client",), "server": ("Server",), "serverwatch": ("ServerWatch",)})

# SPDX-License-Identifier: Apache-2.0
"""Compares interfaces with the servers that serve them, as ``flock.rpc.ServerWatch`` does."""
from __future__ import annotations

from flock.rpc import Transport
from flock.rpc.interface import interface_spec
from flock.rpc.versions import compare, describe


def differences(bus: Transport, *interfaces: type, deadline_s: float = 5.0) -> list[str]:
    """The differences that are compatible; VersionMismatch for one that is not, Unavailable without a server."""
    found = []
    for interface in interfaces:
        reply = describe(bus, interface_spec(interface).topic, deadline_s)
        found.append(compare(interface, reply["interfaces"], reply["server"]))
    return [one for one in found if one is not None]

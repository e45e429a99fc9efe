# SPDX-License-Identifier: Apache-2.0
"""The health of an API whose requests other processes carry out over the bus."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flock.auth import tokens
from flock.auth.keystone import KeystoneWatch
from flock.core.health import Health
from flock.rpc.bus import Transport
from flock.rpc.serverwatch import ServerWatch


def watched_health(conf: Any, bus: Transport, interfaces: Iterable[type]) -> Health:
    """Checks that servers of ``interfaces`` reply, and fit in version, and that Keystone checks tokens."""
    tokens.register(conf)
    servers, keystone = ServerWatch(bus, interfaces, for_replies=True), KeystoneWatch(conf)
    servers.start()
    keystone.start()
    health = Health()
    health.add("versions", servers.mismatch)
    health.add("bus", servers.silence)
    health.add("keystone", keystone.trouble)
    return health

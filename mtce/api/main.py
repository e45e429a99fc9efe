# SPDX-License-Identifier: Apache-2.0
"""Builds mtce-api inside each worker process."""
from __future__ import annotations

from typing import Any

from flock import rpc
from flock.api import build_app
from flock.auth.keystone import KeystoneWatch
from flock.core.health import Health
from mtce.contract.rpc import MtceHosts


def application(conf: Any) -> Any:
    """Return the WSGI application of one worker; it gets all data from mtce-conductor."""
    bus = rpc.transport(conf)
    servers = rpc.ServerWatch(bus, [MtceHosts], for_replies=True)
    servers.start()
    health = Health()
    health.add("versions", servers.mismatch)
    health.add("bus", servers.silence)
    keystone = KeystoneWatch(conf)
    keystone.start()
    health.add("keystone", keystone.trouble)
    return build_app(conf, "mtce", deps=[(MtceHosts, rpc.client(MtceHosts, bus))], health=health)

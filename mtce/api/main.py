# SPDX-License-Identifier: Apache-2.0
"""Builds mtce-api inside each worker process."""
from __future__ import annotations

from typing import Any

from flock import rpc
from flock.api import build_app
from flock.api.watching import watched_health
from mtce.contract.rpc import MtceHosts


def application(conf: Any) -> Any:
    """Return the WSGI application of one worker; it gets all data from mtce-conductor."""
    bus = rpc.transport(conf)
    return build_app(conf, "mtce", deps=[(MtceHosts, rpc.client(MtceHosts, bus))],
                     health=watched_health(conf, bus, [MtceHosts]))

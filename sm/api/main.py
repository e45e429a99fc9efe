# SPDX-License-Identifier: Apache-2.0
"""Builds sm-api inside each worker process."""
from __future__ import annotations

from typing import Any

from flock.api import build_app
from flock.core.health import Health
from sm.api.daemon import Daemon
from sm.conf import options


def application(conf: Any) -> Any:
    """The WSGI application of one worker; all it knows comes from the daemon of this node."""
    chosen = options.register(conf)
    daemon = Daemon(chosen.control_socket, float(chosen.answer_s))
    health = Health()
    health.add("daemon", daemon.trouble)
    return build_app(conf, "sm", deps=[daemon], health=health)

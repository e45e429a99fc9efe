# SPDX-License-Identifier: Apache-2.0
"""Runs processes. Imports ``run_daemon`` and ``run_api`` at first use, so that agents load no web server.

A ``cmd`` module must import ``flock.service`` first, because that chooses oslo.service's thread backend.
"""
from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from flock.core.health import Health

if TYPE_CHECKING:
    from flock.service.daemon import Daemon, run_daemon
    from flock.service.starting import until_ready
    from flock.service.web import run_api

__all__ = ["Daemon", "Health", "run_api", "run_daemon", "until_ready"]
_HOMES = {"Daemon": "daemon", "run_daemon": "daemon", "run_api": "web", "until_ready": "starting"}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)

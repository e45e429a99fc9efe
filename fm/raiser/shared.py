# SPDX-License-Identifier: Apache-2.0
"""The raiser of a process that was given none: made at first use from the configuration files of this host.

It reads them into a configuration of its own; ``cfg.CONF`` and the command line of the process are left alone.
"""
from __future__ import annotations

import atexit
import os
import threading
from pathlib import Path

from oslo_config import cfg

from flock import rpc
from flock.conf import default_files
from flock.conf.options import DAEMON_OPTS
from flock.core.errors import Unavailable
from fm.raiser import options
from fm.raiser.api import Raiser


class _Shared:
    """One per process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.raiser: Raiser | None = None
        self.exit_flush_s = 0.0


_SHARED = _Shared()


def shared_raiser() -> Raiser:
    """The one of this process; Unavailable when the configuration cannot be read."""
    with _SHARED.lock:
        if _SHARED.raiser is None:
            conf = _configuration()
            chosen = options.register(conf)
            bus = rpc.transport(conf)
            spool_dir = chosen.spool_dir or Path(conf.state_dir) / "fm" / "spool" / str(os.geteuid())
            _SHARED.raiser = Raiser(bus, spool_dir, limit_mib=chosen.spool_limit_mib)
            _SHARED.exit_flush_s = chosen.exit_flush_s
        return _SHARED.raiser


def configured_bus() -> rpc.Transport:
    """A connection to the bus of the configuration files of this host; Unavailable when they cannot be read."""
    return rpc.transport(_configuration())


def forget() -> None:
    """Stop the raiser of this process; the next use makes one from the files as they are then."""
    with _SHARED.lock:
        raiser, _SHARED.raiser = _SHARED.raiser, None
    if raiser is not None:
        raiser.stop()


def _configuration() -> cfg.ConfigOpts:
    conf = cfg.ConfigOpts()
    try:
        conf([], project="fm", prog="fm-raiser", default_config_files=default_files("fm"), default_config_dirs=[])
        conf.register_opts(DAEMON_OPTS)
    except (cfg.Error, OSError) as error:
        raise Unavailable(service="fault management", reason=f"configuration: {error}") from error
    return conf


def _before_exit() -> None:
    """Give what a short-lived process spooled a chance to arrive now; the rest waits for the next process."""
    raiser = _SHARED.raiser
    if raiser is not None:
        if raiser.backlog()[0]:
            raiser.flush(_SHARED.exit_flush_s)
        raiser.stop(0.5)


def _after_fork() -> None:
    _SHARED.lock = threading.Lock()


atexit.register(_before_exit)
os.register_at_fork(after_in_child=_after_fork)

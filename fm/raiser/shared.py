# SPDX-License-Identifier: Apache-2.0
"""The default raiser of a process, made at first use from the configuration files of this host.

Reads them into a separate configuration object; does not touch ``cfg.CONF`` or the command line of the process.
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
    """The default raiser of this process and its lock."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.raiser: Raiser | None = None
        self.exit_flush_s = 0.0


_SHARED = _Shared()


def shared_raiser() -> Raiser:
    """The default raiser of this process; Unavailable when the configuration cannot be read."""
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
    """A connection to the bus that this host's configuration files name; Unavailable when they cannot be read."""
    return rpc.transport(_configuration())


def forget() -> None:
    """Stop the default raiser of this process; the next use reads the files again and makes a new one."""
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
    """Wait up to ``exit_flush_s`` for delivery; requests left after that wait for the next process."""
    raiser = _SHARED.raiser
    if raiser is not None:
        if raiser.backlog()[0]:
            raiser.flush(_SHARED.exit_flush_s)
        raiser.stop(0.5)


def _after_fork() -> None:
    _SHARED.lock = threading.Lock()


atexit.register(_before_exit)
os.register_at_fork(after_in_child=_after_fork)

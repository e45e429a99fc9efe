# SPDX-License-Identifier: Apache-2.0
"""Reads the configuration: flock.conf, <subsystem>.conf, <program>.conf, <subsystem>.d/*.conf, then --config-file and
the command line. Files in <subsystem>.d are those of the platform's configuration; a reload finds new ones."""
from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from oslo_config import cfg
from oslo_log import log

from flock.conf import options
from flock.conf.repeats import limit_repeats
from flock.core import lines

DEFAULT_CONF_DIR = "/etc/flock"
QUIET_LOGGERS = ("amqp=WARN", "keystonemiddleware=WARN", "keystoneauth=WARN", "urllib3=WARN", "oslo.messaging=INFO",
                 "oslo_messaging=INFO", "stevedore=WARN", "dogpile=WARN", "sqlalchemy=WARN", "oslo_policy=WARN")


def conf_dir() -> Path:
    """The directory of configuration files: ``$FLOCK_CONF_DIR`` or /etc/flock."""
    return Path(os.environ.get("FLOCK_CONF_DIR", DEFAULT_CONF_DIR))


def default_files(subsystem: str, prog: str | None = None) -> list[str]:
    """The existing files in ``conf_dir()`` for ``subsystem`` and its program, in the order in which they are read."""
    names = ("flock", subsystem) if prog in (None, subsystem) else ("flock", subsystem, prog)
    candidates = [conf_dir() / f"{name}.conf" for name in names]
    return [str(path) for path in candidates if path.is_file()]


def setup(prog: str, subsystem: str, argv: Sequence[str] | None = None, *, conf: Any = None,
          logging_too: bool = True) -> Any:
    """Read the configuration of daemon ``prog`` and set up logging; returns the ``ConfigOpts``.

    ``argv`` excludes the program name; None means no command line. Without ``conf`` it uses the global ``cfg.CONF``,
    where oslo.messaging registers some options.
    """
    conf = cfg.CONF if conf is None else conf
    with contextlib.suppress(cfg.ArgsAlreadyParsedError):  # a repeated setup has registered them already
        log.register_options(conf)
    options.register(conf)
    conf.set_default("default_log_levels", list(QUIET_LOGGERS))
    conf(list(argv or []), project=subsystem, prog=prog, default_config_files=default_files(subsystem, prog),
         default_config_dirs=[str(conf_dir() / f"{subsystem}.d")])
    if conf.database.connection is None:
        path = Path(conf.state_dir) / subsystem / f"{subsystem}.sqlite"
        conf.set_default("connection", f"sqlite:///{path}", group="database")
    if logging_too:
        lines.escape_all()
        log.setup(conf, prog)
        limit_repeats()
        logging.captureWarnings(True)
    return conf

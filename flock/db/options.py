# SPDX-License-Identifier: Apache-2.0
"""Options of group ``[database]`` other than ``connection``: numbers of connections and timeouts."""
from __future__ import annotations

from oslo_config import cfg

from flock.conf.options import DATABASE_OPTS

GROUP = cfg.OptGroup("database", title="Database of this subsystem")

OPTIONS = [
    cfg.IntOpt("max_pool_size", default=10, min=1, help="Connections kept open to a database server."),
    cfg.IntOpt("max_overflow", default=10, min=0, help="Connections beyond max_pool_size under load."),
    cfg.IntOpt("pool_timeout_s", default=10, min=1, help="Seconds to wait for a free connection."),
    cfg.IntOpt("busy_timeout_s", default=15, min=1, help="SQLite: seconds a writer waits for another writer."),
    cfg.BoolOpt("sqlite_synchronous", default=True,
                help="SQLite: force each commit to disk. Without it a power failure may lose completed requests."),
]


def register(conf: cfg.ConfigOpts) -> None:
    """Register the group in ``conf``; may be called more than once."""
    conf.register_group(GROUP)
    conf.register_opts(DATABASE_OPTS, group=GROUP)
    conf.register_opts(OPTIONS, group=GROUP)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """``[(group, options)]`` for the sample configuration generator; ``flock.conf`` lists ``connection``."""
    return [("database", OPTIONS)]

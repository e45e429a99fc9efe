# SPDX-License-Identifier: Apache-2.0
"""fm-dbsync: creates and migrates the tables of fm and loads the alarm ids of the catalogue."""
from __future__ import annotations

import sys

from oslo_config import cfg

from flock.db import from_conf
from flock.db.dbsync import ACTIONS, dbsync_main
from fm.conf import options
from fm.manager.catalogue import synchronise


def main() -> None:
    """See ``flock.db.dbsync``; an upgrade also loads the catalogue."""
    code = dbsync_main("fm")
    upgraded = not any(word in sys.argv[1:] for word in ACTIONS if word != "upgrade")
    if code == 0 and upgraded:
        database = from_conf(cfg.CONF)
        synchronise(database, options.register(cfg.CONF).catalogue)
        database.dispose()
    sys.exit(code)

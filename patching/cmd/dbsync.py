# SPDX-License-Identifier: Apache-2.0
"""patching-dbsync: creates and migrates the tables of software management."""
from __future__ import annotations

import sys

from flock.db.dbsync import dbsync_main


def main() -> None:
    """See ``flock.db.dbsync``."""
    sys.exit(dbsync_main("patching"))

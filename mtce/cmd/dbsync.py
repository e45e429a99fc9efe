# SPDX-License-Identifier: Apache-2.0
"""mtce-dbsync: creates and migrates mtce's tables."""
from __future__ import annotations

import sys

from flock.db.dbsync import dbsync_main


def main() -> None:
    """Run ``mtce-dbsync [upgrade | downgrade revision | version | draft]``."""
    sys.exit(dbsync_main("mtce"))

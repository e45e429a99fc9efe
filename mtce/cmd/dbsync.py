# SPDX-License-Identifier: Apache-2.0
"""mtce-dbsync: creates and migrates mtce's tables."""
from __future__ import annotations

import sys

from flock.db import migrate


def main() -> None:
    """Run ``mtce-dbsync [upgrade | downgrade revision | version | draft]``."""
    sys.exit(migrate.dbsync_main("mtce"))

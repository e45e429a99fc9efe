# SPDX-License-Identifier: Apache-2.0
"""patching-dbsync: creates and migrates the tables of software management."""
from __future__ import annotations

import sys

from flock.db import migrate


def main() -> None:
    """``patching-dbsync [upgrade | downgrade revision | version | draft]``."""
    sys.exit(migrate.dbsync_main("patching"))

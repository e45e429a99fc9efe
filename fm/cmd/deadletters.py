# SPDX-License-Identifier: Apache-2.0
"""fm-dead-letters: shows, retries and drops messages that their receiver refused for good."""
from __future__ import annotations

import sys

from flock.db import deadletters
from fm.db.tables import NOTIFICATION


def main() -> None:
    """Run ``fm-dead-letters [list | retry id... | drop id...]``."""
    sys.exit(deadletters.main("fm", NOTIFICATION))

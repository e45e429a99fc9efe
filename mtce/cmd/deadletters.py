# SPDX-License-Identifier: Apache-2.0
"""mtce-dead-letters: shows, retries and drops messages that their receiver refused for good."""
from __future__ import annotations

import sys

from flock.db import deadletters
from mtce.db.tables import OUTBOX


def main() -> None:
    """Run ``mtce-dead-letters [list | retry id... | drop id...]``."""
    sys.exit(deadletters.main("mtce", OUTBOX))

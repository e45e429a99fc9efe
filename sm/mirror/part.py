# SPDX-License-Identifier: Apache-2.0
"""The mirror as a part of the replicated data that the guard of service management watches."""
from __future__ import annotations

import json
import logging
from pathlib import Path

LOG = logging.getLogger(__name__)


def read_required(path: Path) -> frozenset[str] | None:
    try:
        return frozenset(json.loads(path.read_text())["nodes"])
    except (OSError, ValueError, KeyError):
        return None

# SPDX-License-Identifier: Apache-2.0
"""Which release of this product the running code belongs to."""
from __future__ import annotations

import importlib.metadata

DISTRIBUTION = "stx-flock"
UNKNOWN = "0.0"


def major_version() -> str:
    """``MM.mm`` of the installed distribution; ``0.0`` where the code is not installed as one."""
    try:
        version = importlib.metadata.version(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return UNKNOWN
    return ".".join(version.split(".")[:2])

# SPDX-License-Identifier: Apache-2.0
"""What a test of networks needs from the machine."""
from __future__ import annotations

import os
import shutil

import pytest


def need_root(*programs: str) -> None:
    """Skip the test without root or one of the programs; with FLOCK_REQUIRE_SERVICES it fails."""
    missing = [name for name in programs if shutil.which(name) is None]
    if os.geteuid() == 0 and not missing:
        return
    reason = f"needs root and {', '.join(missing or programs)}"
    if os.environ.get("FLOCK_REQUIRE_SERVICES"):
        pytest.fail(reason)
    pytest.skip(reason)

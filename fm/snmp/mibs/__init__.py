# SPDX-License-Identifier: Apache-2.0
"""The MIB modules as they are shipped, one file per module, named like it."""
from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).resolve().parent

# SPDX-License-Identifier: Apache-2.0
"""The shipped MIB modules; each file has the name of its module."""
from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).resolve().parent

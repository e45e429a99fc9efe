# SPDX-License-Identifier: Apache-2.0
"""All tables of sysinv: ``METADATA`` with the ``table.py`` of every resource in it."""
from __future__ import annotations

from flock.core import slices
from sysinv.db.schema import METADATA

TABLES = tuple(slices.modules("sysinv.resources", "table"))
__all__ = ["METADATA", "TABLES"]

# SPDX-License-Identifier: Apache-2.0
"""``operations``: the stored operations."""
from __future__ import annotations

from flock.jobs.store import operations_table
from sysinv.db.schema import METADATA

OPERATIONS = operations_table(METADATA, "operations")

# SPDX-License-Identifier: Apache-2.0
"""Work outside of requests: stored operations, periodic tasks, worker threads, bounded pools.

Loads names at first use: agents use pools and periodics, and have no database package.
"""
from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flock.jobs.operations import OperationActive, Operations
    from flock.jobs.periodics import Periodics
    from flock.jobs.pool import BoundedPool
    from flock.jobs.steps import OperationRecord, OperationView, State, Step, Steps, Wait
    from flock.jobs.store import operations_table
    from flock.jobs.worker import Worker

__all__ = [
    "BoundedPool", "OperationActive", "OperationRecord", "OperationView", "Operations", "Periodics", "State", "Step",
    "Steps", "Wait", "Worker", "operations_table",
]

_HOMES = {
    "BoundedPool": "pool", "OperationActive": "operations", "OperationRecord": "steps", "OperationView": "steps",
    "Operations": "operations", "Periodics": "periodics", "State": "steps", "Step": "steps", "Steps": "steps",
    "Wait": "steps", "operations_table": "store", "Worker": "worker",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)

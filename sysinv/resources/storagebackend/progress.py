# SPDX-License-Identifier: Apache-2.0
"""Pure: how far a host-based Ceph back end is, from the results of the changes of configuration that make it."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sysinv.config.model import WAITING, OrderState
from sysinv.contract.enums import BackendState

ALARM_ID = "800.104"
APPLYING = "applying-manifests"


@dataclass(frozen=True, slots=True)
class HostResult:
    """The order of one host: its state, and why it failed."""

    hostname: str
    state: OrderState
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """State, task by host (None: none) and reason of a failure."""

    state: BackendState
    task: Mapping[str, str] | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class StoredBackend:
    """A back end as alarms need it."""

    name: str
    state: BackendState
    error: str | None = field(default=None)


def progress(results: Sequence[HostResult]) -> Progress | None:
    """Return how far the back end is; None when no host has an order, so nothing is known.

    One host that cannot make its part is enough for a failure: half a cluster stores nothing.
    """
    failed = [one for one in results if one.state is OrderState.FAILED]
    if failed:
        reasons = "; ".join(f"{one.hostname}: {one.error or 'failed'}" for one in failed)
        return Progress(BackendState.FAILED, None, reasons)
    waiting = [one for one in results if one.state in WAITING]
    if waiting:
        return Progress(BackendState.CONFIGURING, {one.hostname: APPLYING for one in waiting})
    return Progress(BackendState.CONFIGURED) if results else None


def wanted_alarms(backends: Sequence[StoredBackend]) -> dict[str, str]:
    """Return the reason of alarm 800.104 by entity."""
    return {f"storage_backend={one.name}":
            f"Storage Backend configuration failed: {one.name}. {one.error or 'The reason is not known.'}"
            for one in backends if one.state is BackendState.FAILED}


def task_text(task: object) -> str | None:
    """Return a task as StarlingX writes it: a text, or that of a dictionary of Python."""
    if isinstance(task, Mapping):
        return "{" + ", ".join(f"'{host}': '{what}'" for host, what in sorted(task.items())) + "}"
    return None if task is None else str(task)

# SPDX-License-Identifier: Apache-2.0
"""An agent of a small machine, and a conductor that stores what arrives."""
from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from flock.core.errors import FlockError
from flock.exec import Root
from sysinv.agent.daemon import Agent, Timing
from sysinv.agent.machine import Machine
from sysinv.contract.records import HostRef

HOST = "6e6f6465-0000-4000-8000-000000000001"
MAC = "02:aa:00:00:00:01"
TIMING = Timing(audit_interval_s=60, retry_interval_s=7, lookup_interval_s=30, lookup_retry_s=5)


class Conductor:
    """Stores what arrives; ``failures`` maps a method to the errors it raises next, one per call."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.host: HostRef | None = HostRef(uuid=HOST, hostname="worker-0", personality="worker")
        self.failures: dict[str, list[FlockError]] = {}
        self.complete = threading.Event()

    def _take(self, name: str, **arguments: Any) -> None:
        self.calls.append((name, arguments))
        if self.failures.get(name):
            raise self.failures[name].pop(0)

    def get_host_by_macs(self, *, macs: list[str], hostname: str) -> HostRef | None:
        self._take("lookup", macs=macs, hostname=hostname)
        return self.host

    def report(self, *, host_uuid: str, kind: str, items: list[Any]) -> None:
        self._take(kind, host_uuid=host_uuid, items=items)

    def inventory_completed(self, *, host_uuid: str) -> None:
        self._take("completed", host_uuid=host_uuid)
        self.complete.set()

    def named(self) -> list[str]:
        """Names of the calls since the last look."""
        names = [name for name, _ in self.calls]
        self.calls.clear()
        return names


def make_agent(conductor: Any, system: Root, tmp_path: Path, **more: Any) -> Agent:
    machine = Machine(more.pop("hardware", system), system, tmp_path / "state" / "last_boot")
    return Agent(conductor, machine, "worker-0", tmp_path / "platform.conf", more.pop("timing", TIMING), **more)

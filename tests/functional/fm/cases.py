# SPDX-License-Identifier: Apache-2.0
"""What the numbered acceptance cases have in common: faults to raise, and the views to look at afterwards."""
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import requests

from flock.testing.services.process import wait_for
from fm.raiser.compat import Fault, FaultAPIs, FaultAPIsV2
from tests.functional.fm.service import FaultManagement
from tests.functional.fm.traps import TrapReceiver

FM_PROGRAM = str(Path(sys.prefix) / "bin" / "fm")


def fault(alarm_id: str, entity: str, severity: str = "major", **changes: Any) -> Fault:
    """A fault record with valid other fields; ``changes`` are attributes."""
    made = Fault(alarm_id, "set", "host", entity, severity, "reason", "operational-violation", "unknown", "repair")
    for name, value in changes.items():
        setattr(made, name, value)
    return made


class Seen:
    """The library in both versions, the REST API (A, E and S of the cases), the command line, and the traps sent."""

    def __init__(self, fm: FaultManagement) -> None:
        self.fm = fm
        self.http = fm.http()
        self.v1, self.v2 = FaultAPIs(fm.raiser()), FaultAPIsV2(fm.raiser())
        assert fm.traps is not None
        self.traps: TrapReceiver = fm.traps

    def get(self, path: str, **query: Any) -> Any:
        """The body of a GET that must succeed."""
        reply = self.http.get(f"{self.fm.base}/v1/{path}", params=query)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def alarms(self, **query: Any) -> list[dict[str, Any]]:
        """A."""
        found: list[dict[str, Any]] = self.get("alarms", **query)["alarms"]
        return found

    def events(self, **query: Any) -> list[dict[str, Any]]:
        """E, newest first."""
        found: list[dict[str, Any]] = self.get("event_log", **query)["event_log"]
        return found

    def summary(self, **query: Any) -> dict[str, Any]:
        """S."""
        found: dict[str, Any] = self.get("alarms/summary", **query)
        return found

    def post(self, **changes: Any) -> requests.Response:
        """POST of an alarm that is valid but for ``changes``."""
        body = {"alarm_id": "200.004", "alarm_state": "set", "entity_instance_id": "host=w", "severity": "critical",
                "alarm_type": "operational-violation", "probable_cause": "unknown", **changes}
        return self.http.post(f"{self.fm.base}/v1/alarms", json=body)

    def entry(self, alarm_id: str) -> dict[str, Any]:
        """The suppression entry of one alarm id."""
        found = self.get("event_suppression", **{"q.field": "alarm_id", "q.op": "eq", "q.value": alarm_id})
        (entry,) = found["event_suppression"]
        return dict(entry)

    def patch(self, uuid: str, path: str, value: str) -> requests.Response:
        """PATCH of one field of a suppression entry."""
        patch = [{"path": path, "value": value, "op": "replace"}]
        return self.http.patch(f"{self.fm.base}/v1/event_suppression/{uuid}", json=patch)

    def suppress(self, alarm_id: str, status: str = "suppressed") -> None:
        """Hide or show one alarm id."""
        reply = self.patch(self.entry(alarm_id)["uuid"], "/suppression_status", status)
        assert reply.status_code == 200, reply.text

    def cli(self, *argv: str) -> str:
        """What the command ``fm`` prints; it must succeed."""
        assert self.fm.keystone is not None
        env = {**os.environ, **self.fm.keystone.credentials("configurator", "services"), "FM_URL": self.fm.base}
        return subprocess.run([FM_PROGRAM, *argv], env=env, capture_output=True, text=True, timeout=60,
                              check=True).stdout

    def delivered(self) -> None:
        """Wait until nothing is left to be sent to any output."""
        wait_for(lambda: not self.fm.waiting_notices(), 20, "the outputs to have everything")

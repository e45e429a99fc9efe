# SPDX-License-Identifier: Apache-2.0
"""Fault management as a running service: its two daemons as processes, started, stopped and killed at will."""
from __future__ import annotations

import contextlib
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests
import sqlalchemy as sa

from flock.testing.services.keystone import KeystoneServer
from flock.testing.services.process import Process
from flock.testing.subsystem import RunningSubsystem
from fm.contract import catalogue
from fm.db.tables import APPLIED_REQUEST, EVENT_LOG, NOTIFICATION
from fm.raiser import Raiser
from tests.functional.fm.traps import TrapReceiver

WARM_START_HOLD_S = 3.0


class FaultManagement(RunningSubsystem):
    """One fm with its files below ``folder``; start, stop and kill its daemons at will."""

    def __init__(self, folder: Path, url: str, rabbit_url: str, keystone: KeystoneServer | None,
                 options: dict[str, Any] | None = None, traps: TrapReceiver | None = None) -> None:
        super().__init__("fm", folder, url, rabbit_url, keystone)
        self.traps = traps
        self.catalogue = folder / "events.yaml"
        shutil.copy(catalogue.DEFAULT_PATH, self.catalogue)
        self.options = {"housekeeping_interval_s": 1, "catalogue": self.catalogue,
                        "warm_start_hold_s": WARM_START_HOLD_S, **(options or {})}
        if traps is not None:
            self.options |= {"trap_agent_host": "127.0.0.1", "trap_agent_port": traps.port}
        self.manager: Process | None = None
        self._raisers: dict[str, Raiser] = {}
        self.write_conf()

    def write_conf(self, **changes: Any) -> None:
        """Write fm.conf anew, with changed [fm] options."""
        self.options.update(changes)
        self.configure({"fm": self.options})

    def start(self) -> None:
        """Make the tables and start both daemons; returns when they serve."""
        self.make_tables()
        self.start_manager()
        self.start_api()

    def start_manager(self) -> None:
        """Start fm-manager; returns when it answers on the bus."""
        raiser = self.raiser()
        # Short, because a question asked before the manager's queue exists is never answered.
        self.manager = self.daemon("fm-manager", lambda: raiser.active(timeout_s=0.3) is not None)

    def restart_manager(self) -> None:
        """End fm-manager in good order and start it again."""
        assert self.manager is not None
        self.manager.stop()
        self.start_manager()

    @contextlib.contextmanager
    def mutated(self, **changes: Any) -> Iterator[None]:
        """For the time of the block the running manager has other values of options that it re-reads upon SIGHUP."""
        assert self.manager is not None
        before = dict(self.options)
        self.write_conf(**changes)
        self.manager.send_signal(signal.SIGHUP)
        try:
            yield
        finally:
            self.options = before
            self.write_conf()
            self.manager.send_signal(signal.SIGHUP)

    def kill_manager(self) -> None:
        """SIGKILL."""
        assert self.manager is not None
        self.manager.kill()

    def stop(self) -> None:
        """End everything."""
        for raiser in self._raisers.values():
            raiser.stop()
        super().stop()

    def raiser(self, name: str = "test", **options: Any) -> Raiser:
        """A raiser of this process with a spool below ``folder``."""
        if name not in self._raisers:
            self._raisers[name] = Raiser(self.bus(), self.folder / "spool" / name, **options)
        return self._raisers[name]

    def http(self, role: str = "configurator", project: str = "services") -> requests.Session:
        """A session with a token of ``role`` in ``project``."""
        return super().http(role, project)

    def clean(self) -> None:
        """Clear every alarm and undo every operator's choice as a client would, then empty the log of all that."""
        http = self.http()
        everything = {"q.field": "alarm_id", "q.op": "ge", "q.value": "0", "include_suppress": "True"}
        # Once more after alarms went, because one that is masked shows only then.
        while self._done(http.delete(f"{self.base}/v1/alarms", params=everything)).json()["deleted"]:
            continue
        suppressed = {"q.field": "suppression_status", "q.op": "eq", "q.value": "suppressed"}
        entries = self._done(http.get(f"{self.base}/v1/event_suppression", params=suppressed)).json()
        show = [{"path": "/suppression_status", "value": "unsuppressed", "op": "replace"}]
        for entry in entries["event_suppression"]:
            self._done(http.patch(f"{self.base}/v1/event_suppression/{entry['uuid']}", json=show))
        for silence in self._done(http.get(f"{self.base}/v1/silences")).json()["silences"]:
            self._done(http.delete(f"{self.base}/v1/silences/{silence['uuid']}"))
        with self.db.writer() as conn:
            for table in (EVENT_LOG, APPLIED_REQUEST, NOTIFICATION):
                conn.execute(sa.delete(table))
        if self.traps is not None:
            # Some that are being sent just now may still come: tests look at entities of their own.
            self.traps.clear()

    def waiting_notices(self) -> int:
        """How many stored notices no output has taken yet."""
        with self.db.reader() as conn:
            return int(conn.execute(sa.select(sa.func.count()).select_from(NOTIFICATION)).scalar_one())

    @staticmethod
    def _done(reply: requests.Response) -> requests.Response:
        assert reply.ok, reply.text
        return reply

# SPDX-License-Identifier: Apache-2.0
"""Fault management as a running service: its two daemons as processes, started, stopped and killed at will."""
from __future__ import annotations

import contextlib
import shutil
import signal
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests
import sqlalchemy as sa

from flock.core.errors import DeadlineExceeded, Unavailable
from flock.db import Database, migrate
from flock.rpc import Transport, transport
from flock.testing.daemons import api_serves, start_daemon, write_conf
from flock.testing.fixtures import private_conf
from flock.testing.services.keystone import KeystoneServer
from flock.testing.services.process import Process, free_port
from fm.contract import catalogue
from fm.db.tables import APPLIED_REQUEST, EVENT_LOG, NOTIFICATION
from fm.raiser import Raiser
from tests.functional.fm.traps import TrapReceiver

WARM_START_HOLD_S = 3.0


class FaultManagement:
    """One fm with its files below ``folder``; start, stop and kill its daemons at will."""

    def __init__(self, folder: Path, url: str, rabbit_url: str, keystone: KeystoneServer | None,
                 options: dict[str, Any] | None = None, traps: TrapReceiver | None = None) -> None:
        self.folder = folder
        self.url = url
        self.rabbit_url = rabbit_url
        self.keystone = keystone
        self.exchange = f"fm-{uuid.uuid4().hex[:8]}"
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.conf_dir = folder / "conf"
        self.traps = traps
        self.catalogue = folder / "events.yaml"
        shutil.copy(catalogue.DEFAULT_PATH, self.catalogue)
        self.options = {"housekeeping_interval_s": 1, "catalogue": self.catalogue,
                        "warm_start_hold_s": WARM_START_HOLD_S, **(options or {})}
        if traps is not None:
            self.options |= {"trap_agent_host": "127.0.0.1", "trap_agent_port": traps.port}
        self.db = Database(url)
        self.manager: Process | None = None
        self.api: Process | None = None
        self._raisers: dict[str, Raiser] = {}
        self._buses: list[Transport] = []
        self.write_conf()

    def write_conf(self, **changes: Any) -> None:
        """Write fm.conf anew, with changed [fm] options."""
        self.options.update(changes)
        sections: dict[str, dict[str, Any]] = {
            "DEFAULT": {"transport_url": self.rabbit_url, "state_dir": self.folder / "state"},
            "rpc": {"exchange": self.exchange},
            "database": {"connection": self.url},
            "api": {"bind_host": "127.0.0.1", "bind_port": self.port},
            "fm": self.options}
        if self.keystone is not None:
            sections["keystone_authtoken"] = self.keystone.authtoken_options()
        write_conf(self.conf_dir / "fm.conf", sections)

    def start(self) -> None:
        """Make the tables and start both daemons; returns when they serve."""
        migrate.upgrade(self.url, "fm")
        self.start_manager()
        self.start_api()

    def start_api(self) -> None:
        """Start fm-api; returns when it serves."""
        self.api = self._daemon("fm-api")
        self.api.wait_until(lambda: api_serves(self.base), 40, "fm-api to serve")

    def start_manager(self) -> None:
        """Start fm-manager; returns when it answers on the bus."""
        self.manager = self._daemon("fm-manager")
        raiser = self.raiser()
        self.manager.wait_until(lambda: _answers(raiser), 40, "fm-manager to answer")

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
        # All at once: each waits for a thread of its own.
        with ThreadPoolExecutor() as pool:
            list(pool.map(Transport.close, self._buses))
        for process in (self.api, self.manager):
            if process is not None:
                process.stop()
        self.db.dispose()

    def bus(self) -> Transport:
        """A connection to the same exchange."""
        conf = private_conf()
        bus = transport(conf, self.rabbit_url, exchange=self.exchange)
        self._buses.append(bus)
        return bus

    def raiser(self, name: str = "test", **options: Any) -> Raiser:
        """A raiser of this process with a spool below ``folder``."""
        if name not in self._raisers:
            self._raisers[name] = Raiser(self.bus(), self.folder / "spool" / name, **options)
        return self._raisers[name]

    def http(self, role: str = "configurator", project: str = "services") -> requests.Session:
        """A session with a token of ``role`` in ``project``."""
        assert self.keystone is not None, "made without Keystone: only public operations answer"
        session = requests.Session()
        session.headers["X-Auth-Token"] = self.keystone.token(role, project)
        return session

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

    def _daemon(self, name: str) -> Process:
        return start_daemon(name, self.folder, self.conf_dir)


def _answers(raiser: Raiser) -> bool:
    try:
        # Short, because a question asked before the manager's queue exists is never answered.
        raiser.active(timeout_s=0.3)
    except (Unavailable, DeadlineExceeded):
        return False
    return True

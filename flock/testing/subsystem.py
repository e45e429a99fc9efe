# SPDX-License-Identifier: Apache-2.0
"""Runs a subsystem in a test: its configuration, tables, daemons as processes, its API and a separate bus."""
from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import amqp
import requests

from flock.core.errors import DeadlineExceeded, Unavailable
from flock.db import Database, migrate
from flock.rpc import Transport, transport
from flock.testing.daemons import api_serves, start_daemon, write_conf
from flock.testing.fixtures import private_conf
from flock.testing.services.keystone import KeystoneServer
from flock.testing.services.process import Process, free_port
from flock.testing.services.rabbitmq import declare_exchange

START_S = 40.0


class RunningSubsystem:
    """One subsystem with its files below ``folder``; tests may start, stop and kill its daemons.

    ``name`` is the name of its configuration file and the prefix of its programs. Without ``keystone``, only the API's
    public operations work. Uses a new exchange on the bus unless ``exchange`` is given.
    """

    def __init__(self, name: str, folder: Path, url: str, rabbit_url: str, keystone: KeystoneServer | None = None, *,
                 exchange: str | None = None) -> None:
        self.name, self.folder, self.url, self.rabbit_url, self.keystone = name, folder, url, rabbit_url, keystone
        self.exchange = exchange or f"{name}-{uuid.uuid4().hex[:8]}"
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.conf_dir = folder / "conf"
        folder.mkdir(parents=True, exist_ok=True)
        self.db = Database(url)
        self.api: Process | None = None
        self._daemons: list[Process] = []
        self._buses: list[Transport] = []

    def configure(self, sections: Mapping[str, Mapping[str, Any]]) -> None:
        """Write the configuration file: the options that every subsystem needs, then ``{section: {option: value}}``."""
        merged: dict[str, dict[str, Any]] = {
            "DEFAULT": {"transport_url": self.rabbit_url, "state_dir": self.folder / "state",
                        "run_dir": self.folder / "run"},
            "rpc": {"exchange": self.exchange},
            "database": {"connection": self.url},
            "api": {"bind_host": "127.0.0.1", "bind_port": self.port}}
        if self.keystone is not None:
            merged["keystone_authtoken"] = self.keystone.authtoken_options()
        for section, options in sections.items():
            merged.setdefault(section, {}).update(options)
        write_conf(self.conf_dir / f"{self.name}.conf", merged)

    def make_tables(self) -> None:
        """Upgrade the database to the newest revision."""
        migrate.upgrade(self.url, self.name)

    def daemon(self, program: str, serves: Callable[[], bool] | None = None) -> Process:
        """Start a program; returns when ``serves()`` becomes true. ``stop`` stops the program."""
        self._declare_exchange()
        process = self._launch(program)
        self._daemons.append(process)
        if serves is not None:
            process.wait_until(lambda: _answers(serves), START_S, f"{program} to serve")
        return process

    def _launch(self, program: str) -> Process:
        """Start a program of this tree; another release overrides this."""
        return start_daemon(program, self.folder, self.conf_dir)

    def start_api(self) -> None:
        """Start the API; returns when it is healthy."""
        self.api = self.daemon(f"{self.name}-api", lambda: api_serves(self.base))

    def bus(self) -> Transport:
        """A new bus connection to the subsystem's exchange."""
        self._declare_exchange()
        bus = transport(private_conf(), self.rabbit_url, exchange=self.exchange)
        self._buses.append(bus)
        return bus

    def _declare_exchange(self) -> None:
        """Make the exchange if the broker is there and the account may.

        A test that starts the broker later makes the exchange itself, as do the definitions that made the account.
        """
        with contextlib.suppress(OSError, amqp.AccessRefused):
            declare_exchange(self.rabbit_url, self.exchange)

    def http(self, role: str = "admin", project: str = "admin") -> requests.Session:
        """A session with a token of ``role`` in ``project``; without a token if ``role`` is empty."""
        session = requests.Session()
        if role:
            if self.keystone is None:
                raise ValueError("made without Keystone: only public operations work")
            session.headers["X-Auth-Token"] = self.keystone.token(role, project)
        return session

    def log(self) -> str:
        """The logs of all daemons."""
        return "".join(path.read_text() for path in sorted(self.folder.glob(f"{self.name}-*.log")))

    def stop(self) -> None:
        """Close all buses and stop all daemons."""
        # In parallel, because each close waits for its own thread, and each daemon for what it does.
        with ThreadPoolExecutor() as pool:
            list(pool.map(Transport.close, self._buses))
            list(pool.map(Process.stop, self._daemons))
        self.db.dispose()


def _answers(serves: Callable[[], bool]) -> bool:
    """``serves()``; False when the bus is not available yet or no reply comes in time."""
    try:
        return serves()
    except (Unavailable, DeadlineExceeded):
        return False

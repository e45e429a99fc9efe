# SPDX-License-Identifier: Apache-2.0
"""A manager on SQLite and the session's RabbitMQ for tests of the raising library; no API, no Keystone."""
from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from flock.db import migrate
from flock.testing.services.rabbitmq import RabbitNode
from fm.db.tables import ALARM, EVENT_LOG
from tests.functional.fm.service import FaultManagement

ROOT = Path(__file__).resolve().parents[3]


class Raising:
    """The service, and programs on its host that raise."""

    def __init__(self, service: FaultManagement) -> None:
        self.service = service
        # What a host has: nothing about databases.
        self.host_conf = service.folder / "host-conf"
        self.host_conf.mkdir(exist_ok=True)
        (self.host_conf / "flock.conf").write_text(
            f"[DEFAULT]\ntransport_url = {service.rabbit_url}\nstate_dir = {service.folder / 'host-state'}\n"
            f"[rpc]\nexchange = {service.exchange}\n")

    def environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(ROOT), "FLOCK_CONF_DIR": str(self.host_conf),
                "PYTHONWARNINGS": "ignore"}

    def program(self, *argv: object) -> subprocess.Popen[str]:
        """``raising_programs.py`` as a process of its own."""
        path = Path(__file__).with_name("raising_programs.py")
        return subprocess.Popen([sys.executable, str(path), *map(str, argv)], env=self.environment(), text=True,
                                stdout=subprocess.PIPE)

    def cli(self, *argv: str) -> tuple[int, list[str]]:
        """fmClientCli: its status and what it printed."""
        done = subprocess.run([sys.executable, "-m", "fm.cmd.client_cli", *argv], env=self.environment(), check=False,
                              text=True, capture_output=True, timeout=60, cwd=self.service.folder)
        return done.returncode, done.stdout.splitlines()

    def active(self) -> list[str]:
        """Entities of the active alarms, oldest first."""
        with self.service.db.reader() as conn:
            return list(conn.execute(sa.select(ALARM.c.entity_instance_id).order_by(ALARM.c.id)).scalars())

    def events(self) -> list[tuple[str, str]]:
        """State and entity of every event, in the order of the log."""
        with self.service.db.reader() as conn:
            return [(state, entity) for state, entity in conn.execute(
                sa.select(EVENT_LOG.c.state, EVENT_LOG.c.entity_instance_id).order_by(EVENT_LOG.c.id))]

    def empty(self) -> None:
        """No alarm, no event."""
        with self.service.db.writer() as conn:
            for table in (ALARM, EVENT_LOG):
                conn.execute(sa.delete(table))


def begin(folder: Path, rabbit_url: str) -> FaultManagement:
    """Tables and a running manager."""
    service = FaultManagement(folder, f"sqlite:///{folder}/fm.sqlite", rabbit_url, None,
                              options={"event_log_max_size": 1_000_000})
    migrate.upgrade(service.url, "fm")
    service.start_manager()
    return service


@pytest.fixture(scope="session")
def raising_service(tmp_path_factory: pytest.TempPathFactory, rabbit: RabbitNode) -> Iterator[FaultManagement]:
    service = begin(tmp_path_factory.mktemp("fm-raiser"), rabbit.new_vhost_url())
    yield service
    service.stop()


@pytest.fixture
def raising(raising_service: FaultManagement) -> Raising:
    """The shared service, running and empty."""
    assert raising_service.manager is not None
    if not raising_service.manager.running:
        raising_service.start_manager()
    made = Raising(raising_service)
    made.empty()
    return made

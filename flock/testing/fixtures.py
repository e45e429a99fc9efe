# SPDX-License-Identifier: Apache-2.0
"""pytest fixtures for all subsystems: a database per engine, an in-memory bus. ``tests/conftest.py`` loads them."""
from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from oslo_config import cfg

from flock.db import Database
from flock.rpc import Transport, transport


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty SQLite database in a file of its own; make the tables with ``METADATA.create_all(database.engine)``."""
    db = Database(f"sqlite:///{tmp_path}/test-{uuid.uuid4().hex[:8]}.sqlite", sqlite_synchronous=False)
    yield db
    db.dispose()


@pytest.fixture
def fake_transport() -> Iterator[Transport]:
    """An in-memory bus of its own for each test: servers and clients of one process."""
    conf = cfg.ConfigOpts()
    conf([], default_config_files=[], default_config_dirs=[])
    # The in-memory broker is one per process; a private exchange keeps tests apart.
    bus = transport(conf, "fake://", exchange=f"test-{uuid.uuid4().hex}")
    yield bus
    bus.close()

# SPDX-License-Identifier: Apache-2.0
"""pytest fixtures for all subsystems: a database per engine, an in-memory bus, real services for the whole session.

``tests/conftest.py`` loads them. If a service is not installed, the test is skipped, or fails if the environment
variable FLOCK_REQUIRE_SERVICES is set.
"""
from __future__ import annotations

import atexit
import functools
import os
import shutil
import signal
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from oslo_config import cfg

from flock.conf.options import RUN_DIR
from flock.db import Database
from flock.rpc import Transport, transport
from flock.testing.services.keystone import KeystoneServer
from flock.testing.services.kubernetes import KubernetesCluster
from flock.testing.services.nova import NovaServer
from flock.testing.services.postgresql import PostgresServer
from flock.testing.services.rabbitmq import RabbitNode


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every test with ``database`` once per engine, except in tests/unit."""
    if "database" in metafunc.fixturenames and "unit" not in Path(metafunc.definition.path).parts:
        metafunc.parametrize("database", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database; create the tables with ``METADATA.create_all(database.engine)`` or by migration.

    Unit tests run on SQLite; all others run on SQLite and on PostgreSQL.
    """
    if getattr(request, "param", "sqlite") == "sqlite":
        db = Database(f"sqlite:///{tmp_path}/test-{uuid.uuid4().hex[:8]}.sqlite", sqlite_synchronous=False)
        yield db
        db.dispose()
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.create_database()
    db = Database(url)
    yield db
    db.dispose()
    server.drop_database(url)


def private_conf(**overrides: Any) -> cfg.ConfigOpts:
    """A separate configuration that reads no files."""
    conf = cfg.ConfigOpts()
    conf([], default_config_files=[], default_config_dirs=[])
    conf.register_opt(RUN_DIR)
    conf.set_override("run_dir", _run_dir())
    for name, value in overrides.items():
        conf.set_override(name, value)
    return conf


@functools.cache
def _run_dir() -> str:
    made = tempfile.mkdtemp(prefix="flock-run-")
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


@pytest.fixture
def fake_transport() -> Iterator[Transport]:
    """A separate in-memory bus for each test: servers and clients of one process."""
    # There is one in-memory broker per process; a private exchange separates the tests.
    bus = transport(private_conf(), "fake://service.tests@memory/", exchange=f"test-{uuid.uuid4().hex}")
    yield bus
    bus.close()


@pytest.fixture(scope="session")
def services_folder() -> Iterator[Path]:
    """The folder of all real services of this session; removed at the end of the session, also after SIGTERM."""
    before = signal.signal(signal.SIGTERM, lambda *_: pytest.exit("ended by SIGTERM", returncode=143))
    # Not pytest's own folder, because PostgreSQL runs without root's rights and could not read it.
    folder = Path(tempfile.mkdtemp(prefix="flock-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
    signal.signal(signal.SIGTERM, before)


def _require(available: bool, name: str) -> None:
    if not available:
        if os.environ.get("FLOCK_REQUIRE_SERVICES"):
            pytest.fail(f"{name} is not installed")
        pytest.skip(f"{name} is not installed")


def _folder(parent: Path, name: str) -> Path:
    folder = parent / f"{name}-{uuid.uuid4().hex[:6]}"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def rabbit(services_folder: Path) -> Iterator[RabbitNode]:
    """A running RabbitMQ for the whole session. Do not kill it; use ``own_rabbit`` for that."""
    _require(RabbitNode.available(), "RabbitMQ")
    node = RabbitNode(_folder(services_folder, "rabbit"), management=True)
    try:
        node.start()
        yield node
    finally:
        node.stop()


@pytest.fixture
def own_rabbit(services_folder: Path) -> Iterator[RabbitNode]:
    """A private RabbitMQ of one test, not yet started; the test may start, kill and freeze it."""
    _require(RabbitNode.available(), "RabbitMQ")
    node = RabbitNode(_folder(services_folder, "own-rabbit"))
    try:
        yield node
    finally:
        node.stop()


@pytest.fixture
def rabbit_transport(rabbit: RabbitNode) -> Iterator[Transport]:
    """A bus on the session's RabbitMQ in a separate virtual host (URL: ``rabbit_transport.url``)."""
    bus = transport(private_conf(), rabbit.new_vhost_url())
    yield bus
    bus.close()


@pytest.fixture(scope="session")
def postgres(services_folder: Path) -> Iterator[PostgresServer]:
    """A running PostgreSQL for the whole session."""
    _require(PostgresServer.available(), "PostgreSQL")
    server = PostgresServer(_folder(services_folder, "postgres"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def own_postgres(services_folder: Path) -> Iterator[PostgresServer]:
    """A private, durable PostgreSQL of one test, not yet started; the test may start, stop and kill it."""
    _require(PostgresServer.available(), "PostgreSQL")
    server = PostgresServer(_folder(services_folder, "own-postgres"), durable=True)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def keystone(services_folder: Path) -> Iterator[KeystoneServer]:
    """A running Keystone with memcached for the whole session."""
    _require(KeystoneServer.available(), "Keystone")
    server = KeystoneServer(_folder(services_folder, "keystone"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def kubernetes(services_folder: Path) -> Iterator[KubernetesCluster]:
    """A running Kubernetes without nodes for the whole session; a test that kills its API server starts it again."""
    _require(KubernetesCluster.available(), "Kubernetes (devstack/prepare.sh --scenarios)")
    cluster = KubernetesCluster(_folder(services_folder, "kubernetes"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(scope="module")
def nova(services_folder: Path, keystone: KeystoneServer, postgres: PostgresServer,
         rabbit: RabbitNode) -> Iterator[NovaServer]:
    """A Nova that is not started."""
    _require(NovaServer.available(), "Nova (devstack/prepare.sh --scenarios)")
    server = NovaServer(_folder(services_folder, "nova"), keystone, postgres, rabbit.new_vhost_url())
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def member_alone(keystone: KeystoneServer) -> Iterator[None]:
    """Remove the implied role reader from member: in StarlingX a member may not read, but Keystone implies reader."""
    keystone.ensure_user("member", "services")
    with keystone.without_implied_role("member", "reader"):
        yield

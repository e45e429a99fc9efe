# SPDX-License-Identifier: Apache-2.0
"""A real broker with the accounts and permissions of the bootstrap, and root on worker-0, who has its account."""
from __future__ import annotations

import contextlib
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import amqp
import pytest

from flock.db import Database
from flock.rpc import Server, Transport, client, transport
from flock.rpc.accounts import EXCHANGE, host_account, service_account
from flock.rpc.admin import BusAdmin
from flock.rpc.interface import interface_spec
from flock.testing.fixtures import private_conf
from flock.testing.services.rabbitmq import SERVES_S, RabbitNode
from mtce.contract.rpc import MtceAgent
from sysinv.bootstrap import bus
from sysinv.bootstrap.secrets import generate
from sysinv.conductor.accounts import HostAccounts
from sysinv.db.tables import METADATA
from sysinv.model import busaccounts
from tests.security.hostaccounts import give_account, permit_as_before, permit_as_now
from tests.security.served import front  # noqa: F401 - a fixture

HOSTS = ("worker-0", "worker-1")


@dataclass
class SecuredBus:
    """The broker, its administrator, and the transport_url of every account."""

    node: RabbitNode
    admin: BusAdmin
    urls: dict[str, str]

    def host(self, hostname: str) -> str:
        """The transport_url of a host's agents."""
        return self.urls[host_account(hostname)]

    def service(self, daemon: str) -> str:
        """The transport_url of a daemon."""
        return self.urls[service_account(daemon)]


@pytest.fixture(scope="session")
def secured(services_folder: Path) -> Iterator[SecuredBus]:
    """One for the session; tests that damage it must repair it."""
    with _secured_bus(services_folder) as made:
        yield made


@pytest.fixture(scope="module")
def earlier(secured: SecuredBus) -> Iterator[SecuredBus]:
    """worker-0 has the account of an earlier release, whose agents made queues and exchanges themselves."""
    permit_as_before(secured.node, "worker-0")
    yield secured
    permit_as_now(secured.node, secured.admin, "worker-0")


@pytest.fixture
def secured_alone(services_folder: Path) -> Iterator[SecuredBus]:
    """One for a single test, which may leave it in any state."""
    with _secured_bus(services_folder) as made:
        yield made


@contextlib.contextmanager
def _secured_bus(services_folder: Path) -> Iterator[SecuredBus]:
    folder = services_folder / f"secured-{uuid.uuid4().hex[:6]}"
    folder.mkdir()
    node, secrets = RabbitNode(folder, management=True), generate()
    try:
        node.start()
        (folder / "definitions.json").write_text(json.dumps(bus.definitions(secrets, b"salt", "controller-0")))
        node.control("import_definitions", str(folder / "definitions.json"))
        base = f"rabbit://127.0.0.1:{node.port}/"
        urls = {name: busaccounts.account_url(base, name, password)
                for name, password in bus.passwords(secrets, "controller-0").items()}
        admin = BusAdmin(node.admin_url, service_account(busaccounts.ADMIN), bus.admin_password(secrets))
        for hostname in HOSTS:
            give_account(admin, hostname, "word")
            urls[host_account(hostname)] = busaccounts.account_url(base, host_account(hostname), "word")
        yield SecuredBus(node, admin, urls)
    finally:
        node.stop()


@pytest.fixture
def transports() -> Iterator[Any]:
    """``transports(url)``: a bus connection that is closed at the end."""
    made: list[Transport] = []

    def make(url: str, **options: Any) -> Transport:
        conf = private_conf()
        one = transport(conf, url)
        for name, value in options.items():
            conf.set_override(name, value, group="rpc")
        if options:
            one = transport(conf, url)
        made.append(one)
        return one

    yield make
    for one in made:
        one.close()


@pytest.fixture
def auditor(secured: SecuredBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
            ) -> Iterator[Callable[..., HostAccounts]]:
    """``auditor(hostname, told, clock)``: the conductor's care for one host, whose refusals go into ``told``.

    No host is known to its database, and other tests need the other accounts.
    """
    db = Database(f"sqlite:///{tmp_path}/sysinv.sqlite")
    with db.writer() as conn:
        METADATA.create_all(conn)

    def make(hostname: str, told: list[str] | None = None, clock: Callable[[], float] = time.monotonic) -> HostAccounts:
        names = [] if told is None else told
        monkeypatch.setattr(secured.admin, "hosts", lambda: [hostname])
        return HostAccounts(db, secured.admin, EXCHANGE, hostname, lambda name, reason: names.append(name), clock)

    yield make
    db.dispose()


class ListeningAgent:
    """The agent of a host, which notes that a command has arrived."""

    def __init__(self, hostname: str, bus: Transport, conductor: Transport) -> None:
        self._heard = threading.Event()
        agent = SimpleNamespace(**{name: lambda **_: self._heard.set() for name in interface_spec(MtceAgent).methods})
        self.server = Server(bus, hostname, {MtceAgent: agent}, echo_interval_s=0.2)
        assert self.server.start(SERVES_S)
        self._commands = client(MtceAgent, conductor, hostname)

    def hears(self, within_s: float = 0.5) -> bool:
        """Whether it gets a command that is sent now."""
        self._commands.reboot(host_uuid="", boot_id="", request_id="1", delay_s=0)
        return self._heard.wait(within_s)


@pytest.fixture
def listening(secured: SecuredBus, transports: Any) -> Iterator[Callable[[str], ListeningAgent]]:
    """``listening(hostname)``: the host's agent, which ends with the test."""
    made: list[ListeningAgent] = []

    def make(hostname: str) -> ListeningAgent:
        made.append(ListeningAgent(hostname, transports(secured.host(hostname)),
                                   transports(secured.service("mtce-conductor"))))
        return made[-1]

    yield make
    for agent in made:
        agent.server.stop(5)


def connect(url: str) -> amqp.Connection:
    """A plain connection of the account in ``url``, as an attacker uses it."""
    parts = urlsplit(url)
    made = amqp.Connection(f"127.0.0.1:{parts.port}", userid=parts.username, password=parts.password,
                           confirm_publish=True, connect_timeout=15, read_timeout=30)
    made.connect()
    return made


def refused(secured: SecuredBus, attack: Callable[[amqp.Channel], Any], account: str = "worker-0") -> bool:
    """Whether the broker answers ``attack`` with 403."""
    connection = connect(secured.host(account))
    try:
        attack(connection.channel())
    except amqp.AccessRefused:
        return True
    finally:
        connection.close()
    return False

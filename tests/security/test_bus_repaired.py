# SPDX-License-Identifier: Apache-2.0
"""Queues, bindings and the exchange of a running daemon are deleted on a real broker: calls work again soon after, and
the health page names the trouble meanwhile. Only the broker's administrator can delete them, also by mistake."""
from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import amqp
import pytest
import requests
import sqlalchemy as sa

from flock.core.errors import DeadlineExceeded, Unavailable
from flock.rpc import client
from flock.rpc.accounts import EXCHANGE
from flock.testing.services.process import Process, free_port, wait_for
from flock.testing.services.rabbitmq import RabbitNode, declare_exchange
from flock.testing.subsystem import RunningSubsystem
from fm.contract.rpc import FmManager
from fm.db.tables import ALARM
from mtce.contract.rpc import MtceHosts
from tests.security.conftest import connect

TOPIC = "mtce.conductor"
REPAIRED_S = 45.0
QUIET_S = 12.0


class Daemon:
    """mtce-conductor on its own broker."""

    def __init__(self, folder: Path, node: RabbitNode) -> None:
        self.node = node
        self.health_port = free_port()
        self.runs = RunningSubsystem("mtce", folder, f"sqlite:///{folder}/mtce.sqlite", node.url, exchange=EXCHANGE)
        self.runs.configure({
            "DEFAULT": {"metrics_host": "127.0.0.1", "metrics_port": self.health_port},
            "conductor": {"hostname": "controller-0", "platform_conf": "/nonexistent"}})
        self.runs.make_tables()
        self.hosts = client(MtceHosts, self.runs.bus(), deadline_s=2.0)
        self.process: Process = self.runs.daemon("mtce-conductor", self.answers)
        self.runs.start_api()
        self.fm = RunningSubsystem("fm", folder / "fm", f"sqlite:///{folder}/fm.sqlite", node.url, exchange=EXCHANGE)
        self.fm.configure({"DEFAULT": {"metrics_port": 0}})
        self.fm.make_tables()
        faults = client(FmManager, self.fm.bus(), deadline_s=2.0)
        self.fm.daemon("fm-manager", lambda: faults.get_faults(alarm_id="100.101", entity_instance_id=None,
                                                              below=True) == [])

    def answers(self) -> bool:
        try:
            return self.hosts.list_hosts() == []
        except (DeadlineExceeded, Unavailable):
            return False

    def bus_health(self) -> str:
        """What the health page of the daemon says about the bus."""
        return bus_check(f"http://127.0.0.1:{self.health_port}")

    def alarms(self) -> set[str]:
        """The entities of fm's alarms about processes, from its database: the bus may be broken."""
        with self.fm.db.reader() as conn:
            return set(conn.execute(sa.select(ALARM.c.entity_instance_id).where(
                ALARM.c.alarm_id == "200.006")).scalars())

    def stop(self) -> None:
        self.fm.stop()
        self.runs.stop()

    def break_with(self, attack: Callable[[amqp.Channel], object]) -> None:
        connection = connect(self.node.url)
        attack(connection.channel())
        connection.close()


def bus_check(base: str) -> str:
    return str(requests.get(f"{base}/healthz", timeout=5).json()["checks"]["bus"])


@pytest.fixture(scope="module")
def daemon(services_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("repaired")
    node = RabbitNode(folder / "rabbit")
    node.start()
    made = Daemon(folder / "mtce", node)
    yield made
    made.stop()
    node.stop()


ATTACKS: dict[str, Callable[[amqp.Channel], object]] = {
    "shared queue": lambda channel: channel.queue_delete(TOPIC),
    "own queue": lambda channel: channel.queue_delete(f"{TOPIC}.controller-0"),
    "binding of the shared queue": lambda channel: channel.queue_unbind(TOPIC, EXCHANGE, TOPIC),
    "binding of the own queue": lambda channel: channel.queue_unbind(
        f"{TOPIC}.controller-0", EXCHANGE, f"{TOPIC}.controller-0"),
}


def is_routed(daemon: Daemon, key: str) -> bool:
    """Whether the broker has a queue for messages with this routing key."""
    connection = connect(daemon.node.url)
    returned: list[object] = []
    channel = connection.channel()
    channel.events["basic_return"].add(lambda *arguments: returned.append(arguments))
    channel.basic_publish(amqp.Message("{}"), EXCHANGE, key, mandatory=True)
    connection.close()
    return not returned


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_is_deleted_is_made_again(daemon: Daemon, attack: str) -> None:
    wait_for(daemon.answers, 30, "the daemon to serve")
    daemon.break_with(ATTACKS[attack])
    wait_for(lambda: is_routed(daemon, TOPIC) and is_routed(daemon, f"{TOPIC}.controller-0"), REPAIRED_S,
             "queues and bindings")
    wait_for(daemon.answers, 5, "calls to work")
    wait_for(lambda: daemon.bus_health() == "ok", 30, "the health page to say so")


def test_the_health_page_names_a_missing_exchange_and_calls_work_after_it_is_back(daemon: Daemon) -> None:
    wait_for(lambda: daemon.answers() and daemon.bus_health() == "ok", 30, "the daemon to serve")
    daemon.break_with(lambda channel: channel.exchange_delete(EXCHANGE))
    began = time.monotonic()
    wait_for(lambda: "mtce.conductor" in daemon.bus_health(), QUIET_S + 15, "the health page to name the trouble")
    wait_for(lambda: "has not replied" in bus_check(daemon.runs.base), REPAIRED_S, "the API's health page to name it")
    assert time.monotonic() - began < 2 * REPAIRED_S and not daemon.answers()
    wait_for(lambda: any(entity.endswith(".process=fm-manager") for entity in daemon.alarms()), 120,
             "fm-manager's alarm, which needs no bus")
    declare_exchange(daemon.node.url)
    wait_for(daemon.answers, REPAIRED_S, "calls to work")
    wait_for(lambda: daemon.bus_health() == bus_check(daemon.runs.base) == "ok", 30, "the health pages to say so")
    wait_for(lambda: not daemon.alarms(), 60, "the alarms to clear")

# SPDX-License-Identifier: Apache-2.0
"""Root on worker-0 asks for replies that its queue does not take: no server may stop for that.

Its account is of an earlier release, and makes its queues itself.
"""
from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import amqp
import pytest
from prometheus_client import REGISTRY

from flock.core.errors import DeadlineExceeded, Unavailable
from flock.foreign.messaging import REPLY_S, Delivery
from flock.rpc import Server, client, text
from flock.rpc.accounts import EXCHANGE, host_account, reply_prefix, requests_exchange
from flock.testing.services.process import wait_for
from flock.testing.services.rabbitmq import SERVES_S
from fm.contract.rpc import FmManager
from mtce.contract.records import CommandResult, MtcAlive
from mtce.contract.rpc import AgentEvents, MtceAgent
from tests.security.conftest import SecuredBus, connect

ATTACKER = host_account("worker-0")
REQUESTS = requests_exchange(ATTACKER)
POISONOUS = 60
PROMPT_S = 3.0
PAUSED = "while others wait for their queue"
REFUSING = {"x-max-length": 0, "x-overflow": "reject-publish"}
pytestmark = pytest.mark.usefixtures("earlier")


class NoFaults(FmManager):
    """Replies that there are no alarms; ``served`` counts its requests."""

    def __init__(self) -> None:
        self.served = 0

    def get_faults(self, **_arguments: Any) -> list[Any]:
        self.served += 1
        return []

    def apply(self, **_arguments: Any) -> Any:
        raise AssertionError("not a request of this test")


def request(reply_queue: str, method: str = "get_faults", namespace: str = "FmManager", **body: Any) -> amqp.Message:
    """A request as oslo.messaging sends it, with the attacker's reply queue."""
    inner = {"method": method, "namespace": namespace, "version": "1.0", "_unique_id": uuid.uuid4().hex,
             "_msg_id": uuid.uuid4().hex, "_reply_q": reply_queue, "_timeout": None,
             "args": {"body": text.pack(json.dumps(body).encode(), 10_000, "arguments")}}
    return amqp.Message(json.dumps({"oslo.version": "2.0", "oslo.message": json.dumps(inner)}),
                        content_type="application/json", content_encoding="utf-8", user_id=ATTACKER)


class Attack:
    """One connection of worker-0 with a reply queue of its own."""

    def __init__(self, bus: SecuredBus) -> None:
        self._connection = connect(bus.host("worker-0"))
        self.channel = self._connection.channel()
        self.queue = reply_prefix(ATTACKER) + uuid.uuid4().hex

    def declare(self, arguments: dict[str, Any] | None = None) -> None:
        self.channel.queue_declare(self.queue, auto_delete=False, arguments=arguments)

    def send(self, number: int = POISONOUS, topic: str = "fm.manager", **options: Any) -> None:
        for _ in range(number):
            self.channel.basic_publish_confirm(request(self.queue, **options), REQUESTS, topic)

    def replies(self) -> int:
        """How many replies wait in its queue."""
        return int(self.channel.queue_declare(self.queue, passive=True).message_count)

    def end(self) -> None:
        self.channel.queue_delete(self.queue)
        self._connection.close()


@pytest.fixture
def attack(secured: SecuredBus) -> Iterator[Attack]:
    made = Attack(secured)
    yield made
    made.end()


ABOUT_ITSELF = {"alarm_id": None, "entity_instance_id": "host=worker-0", "below": True}
KINDS = ["refusing", "missing", "deleted meanwhile", "dead letters"]


def prepare(attack: Attack, kind: str) -> None:
    if kind == "refusing":
        attack.declare(REFUSING)
    elif kind == "deleted meanwhile":
        attack.declare()
    elif kind == "dead letters":
        attack.declare({"x-max-length-bytes": 0, "x-overflow": "reject-publish-dlx", "x-dead-letter-exchange": REQUESTS,
                        "x-dead-letter-routing-key": "fm.manager"})


def slowest(bus: SecuredBus, transports: Any, until: threading.Event) -> float:
    """The longest time of another client's calls until ``until`` is set, and of ten more."""
    faults, longest, left = client(FmManager, transports(bus.service("mtce-conductor"))), 0.0, 10
    faults.get_faults(alarm_id=None, entity_instance_id=None, below=True)
    while left:
        left -= until.is_set()
        begun = time.monotonic()
        faults.get_faults(alarm_id=None, entity_instance_id=None, below=True)
        longest = max(longest, time.monotonic() - begun)
    return longest


@pytest.mark.parametrize("kind", KINDS)
def test_replies_that_a_hosts_queue_does_not_take_delay_nobody(
        secured: SecuredBus, transports: Any, attack: Attack, kind: str) -> None:
    bus, faults = transports(secured.service("fm-manager")), NoFaults()
    server = Server(bus, "controller-0", {FmManager: faults})
    assert server.start(SERVES_S)
    try:
        prepare(attack, kind)
        sent = threading.Event()

        def poison() -> None:
            attack.send(**ABOUT_ITSELF)
            if kind == "deleted meanwhile":
                attack.channel.queue_delete(attack.queue)
                attack.send(**ABOUT_ITSELF)
            sent.set()

        attacker = threading.Thread(target=poison)
        attacker.start()
        assert slowest(secured, transports, sent) < PROMPT_S
        attacker.join(10)
        wait_for(lambda: "worker-0" in bus.gate.refusals.take(), 10, "the refused replies to be counted")
        wait_for(lambda: faults.served >= POISONOUS, 10, "the attacker's requests to be served")
    finally:
        server.stop(5)


def test_a_server_that_starts_with_such_requests_in_its_queue_serves_the_others_at_once(
        secured: SecuredBus, transports: Any, attack: Attack) -> None:
    first = Server(transports(secured.service("fm-manager")), "controller-0", {FmManager: NoFaults()})
    assert first.start(SERVES_S)
    first.stop(5)
    attack.declare(REFUSING)
    attack.send(**ABOUT_ITSELF)
    second = Server(transports(secured.service("fm-manager")), "controller-0", {FmManager: NoFaults()})
    assert second.start(SERVES_S)
    try:
        ended = threading.Event()
        ended.set()
        assert slowest(secured, transports, ended) < PROMPT_S
    finally:
        second.stop(5)


class Signs(AgentEvents):
    """Notes who reported."""

    def __init__(self) -> None:
        self.reports: list[str] = []

    def mtc_alive(self, *, alive: MtcAlive) -> None:
        self.reports.append(alive.host_uuid)

    def command_result(self, *, result: CommandResult) -> None:
        raise AssertionError("not a message of this test")


def test_a_cast_that_asks_for_a_reply_is_served_and_gets_none(
        secured: SecuredBus, transports: Any, attack: Attack) -> None:
    bus, signs = transports(secured.service("mtce-conductor")), Signs()
    server = Server(bus, "controller-0", {AgentEvents: signs}, hostname_of={"1": "worker-0"}.get)
    assert server.start(SERVES_S)
    try:
        attack.declare()
        attack.send(5, "mtce.conductor", method="mtc_alive", namespace="agent_events", alive=alive_about("1"))
        wait_for(lambda: len(signs.reports) == 5, 10, "the messages to be served")
        count = Count(bus)
        wait_for(lambda: count() == 5, 10, "each of the replies to be refused")
        assert attack.channel.basic_get(attack.queue, no_ack=True) is None
    finally:
        server.stop(5)


def test_a_host_that_the_server_does_not_know_yet_breaks_no_rule(
        secured: SecuredBus, transports: Any, attack: Attack) -> None:
    """Its agent may start before the server is told of it; what it says then is not taken, and that is no attack."""
    bus, signs = transports(secured.service("mtce-conductor")), Signs()
    server = Server(bus, "controller-0", {AgentEvents: signs}, hostname_of={"1": "worker-0", "2": "worker-1"}.get)
    assert server.start(SERVES_S)
    try:
        attack.declare()
        for uuid in ("9", "9", "9", "2", "1"):
            attack.send(1, "mtce.conductor", method="mtc_alive", namespace="agent_events", alive=alive_about(uuid))
        wait_for(lambda: signs.reports == ["1"], 10, "the last message to be served")
        # The replies that the sender wants are refused too: one for each message.
        count = Count(bus)
        wait_for(lambda: count() >= 6, 10, "what is about another host to be refused")
        assert count() == 6
    finally:
        server.stop(5)


class Count:
    """How many messages of worker-0 have been refused since this was made."""

    def __init__(self, bus: Any) -> None:
        self._bus, self._counted = bus, 0

    def __call__(self) -> int:
        refused = self._bus.gate.refusals.take().get("worker-0")
        self._counted += refused.number if refused else 0
        return self._counted


def alive_about(uuid: str) -> dict[str, Any]:
    """A mtcAlive about a host."""
    return asdict(MtcAlive(host_uuid=uuid, hostname="worker-0", boot_id="b", uptime_s=1, sequence=1, configured=True,
                           healthy=True, locked=False, goenabled=True, goenabled_failed=None, services_failed=False))


def test_a_reply_that_the_broker_does_not_confirm_holds_its_thread_for_a_moment_only(
        secured: SecuredBus, transports: Any, attack: Attack) -> None:
    bus = transports(secured.service("fm-manager"))
    server = Server(bus, "controller-0", {FmManager: Freezing(secured)})
    assert server.start(SERVES_S)
    faults = client(FmManager, transports(secured.service("mtce-conductor")))
    try:
        attack.declare()
        # The server has a connection for replies then.
        faults.get_faults(alarm_id=None, entity_instance_id=None, below=True)
        late, paused = dropped(Delivery.LATE.value), dropped(PAUSED)
        attack.send(1, **ABOUT_ITSELF)
        begun = time.monotonic()
        wait_for(lambda: dropped(Delivery.LATE.value) > late, 15, "the reply to be given up")
        assert time.monotonic() - begun < 3 * REPLY_S
        secured.node.thaw()
        wait_for(lambda: answered(faults), 30, "calls to be answered again")
        before = attack.replies()
        attack.send(1, **ABOUT_ITSELF)
        wait_for(lambda: attack.replies() > before, 30, "the next reply")
        assert dropped(PAUSED) == paused, "the broker stood still for all, so no host lost its replies"
        assert "worker-0" not in bus.gate.refusals.take(), "it is not known whose fault that was"
    finally:
        secured.node.thaw()
        server.stop(5)


def dropped(why: str) -> float:
    """How many replies to hosts were dropped for this reason."""
    return float(REGISTRY.get_sample_value("flock_rpc_replies_dropped_total",
                                           {"receiver_kind": "host", "reason": why}) or 0.0)


def answered(faults: FmManager) -> bool:
    try:
        return faults.get_faults(alarm_id=None, entity_instance_id=None, below=True) == []
    except (DeadlineExceeded, Unavailable):
        return False


class Freezing(NoFaults):
    """Freezes the broker before the second reply."""

    def __init__(self, bus: SecuredBus) -> None:
        super().__init__()
        self._bus = bus

    def get_faults(self, **arguments: Any) -> list[Any]:
        if self.served == 1:
            self._bus.node.freeze()
        return super().get_faults(**arguments)


def test_a_command_to_a_queue_that_refuses_it_fails_at_once(
        secured: SecuredBus, transports: Any, attack: Attack) -> None:
    """The same with requests: a host makes the queue of its own agent so that it refuses."""
    queue = "mtce.agent.worker-0"
    attack.channel.queue_delete(queue)
    attack.channel.queue_declare(queue, auto_delete=False, arguments=REFUSING)
    attack.channel.queue_bind(queue, EXCHANGE, queue)
    try:
        agent = client(MtceAgent, transports(secured.service("mtce-conductor")), "worker-0")
        begun = time.monotonic()
        for _ in range(10):
            with pytest.raises(Unavailable, match="a queue refuses"):
                agent.request_mtcalive(host_uuid="1")
        assert time.monotonic() - begun < 2
    finally:
        attack.channel.queue_delete(queue)

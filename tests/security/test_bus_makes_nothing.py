# SPDX-License-Identifier: Apache-2.0
"""Root on worker-0 finds nothing in the broker that it could make, bind or delete; its programs need none of it."""
from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from typing import Any

import amqp
import pytest

from flock.core.errors import Unavailable
from flock.rpc import Server, client
from flock.rpc.accounts import EXCHANGE, host_account, inlet, reply_queues, requests_exchange
from flock.testing.services.process import wait_for
from flock.testing.services.rabbitmq import SERVES_S
from fm.contract.rpc import FmManager
from sysinv.conductor.accounts import BINDINGS_EVERY_S
from sysinv.model import busaccounts
from tests.security.conftest import HOSTS, SecuredBus, connect, refused

ACCESS = busaccounts.of_host("worker-0", EXCHANGE)
QUEUE, REPLIES = ACCESS.agents[0], reply_queues(ACCESS.account)
NAMES = (QUEUE, f"{QUEUE}_fanout", f"{QUEUE}_fanout_0a", f"{QUEUE}.worker-0", REPLIES[0], f"{REPLIES[0]}0a1b",
         "amq.gen-0a1b", "anything")
ATTACKS: dict[str, Callable[[amqp.Channel], Any]] = {
    **{f"{kind} exchange {name}": lambda channel, kind=kind, name=name: channel.exchange_declare(  # type: ignore[misc]
        name, kind, durable=False, auto_delete=False)
       for kind, name in itertools.product(("topic", "fanout", "headers"), NAMES)},
    **{f"queue {name}": lambda channel, name=name: channel.queue_declare(  # type: ignore[misc]
        name, durable=False, auto_delete=False) for name in NAMES},
    "a queue that the broker names": lambda channel: channel.queue_declare("", exclusive=True),
    "a binding of many words": lambda channel: channel.queue_bind(QUEUE, ACCESS.requests, "#." * 24 + "b"),
    "a binding of the replies": lambda channel: channel.queue_bind(REPLIES[0], ACCESS.requests, "k"),
    "no binding": lambda channel: channel.queue_unbind(QUEUE, EXCHANGE, QUEUE),
    "a binding of exchanges": lambda channel: channel.exchange_bind(ACCESS.requests, EXCHANGE, "#"),
    "no queue": lambda channel: channel.queue_delete(QUEUE),
    "no reply queue": lambda channel: channel.queue_delete(REPLIES[0]),
    "no exchange": lambda channel: channel.exchange_delete(ACCESS.requests),
    "the replies of another": lambda channel: channel.basic_consume("reply_host.worker-1_0"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_host_can_neither_make_nor_bind_nor_delete(secured: SecuredBus, attack: str) -> None:
    assert refused(secured, ATTACKS[attack])


@pytest.mark.parametrize("key", [*ACCESS.queues, "mtce.agent.worker-1"])
def test_nothing_leads_from_a_host_to_its_own_queues(secured: SecuredBus, key: str) -> None:
    """What it takes from them and does not acknowledge would fill the broker, a thousand bytes for each ninety."""
    returned: list[object] = []
    connection = connect(secured.host("worker-0"))
    channel = connection.channel()
    channel.events["basic_return"].add(lambda *arguments: returned.append(arguments))
    for headers in ({}, {"CC": [key]}, {"BCC": [key]}):
        channel.basic_publish_confirm(amqp.Message("x", user_id=ACCESS.account, application_headers=headers),
                                      ACCESS.requests, key, mandatory=True)
    connection.close()
    assert len(returned) == 3


class Faults(FmManager):
    """Replies that there are none."""

    def get_faults(self, **arguments: Any) -> list[Any]:
        return []


def test_a_host_hears_its_commands_and_gets_its_replies(secured: SecuredBus, transports: Any, listening: Any) -> None:
    own, agent = transports(secured.host("worker-0")), listening("worker-0")
    manager = Server(transports(secured.service("fm-manager")), "controller-0", {FmManager: Faults()})
    assert manager.start(SERVES_S)
    before = {queue.name for queue in secured.admin.queues()}
    try:
        for bus in (own, transports(secured.host("worker-0"))):
            assert client(FmManager, bus, deadline_s=SERVES_S).get_faults(
                alarm_id=None, entity_instance_id="host=worker-0", below=True) == []
        assert agent.hears(30)
        made = {queue.name for queue in secured.admin.queues()} - before
        assert not [name for name in made if not name.startswith("reply_service.")], "nobody made a queue of a host"
        assert agent.server.trouble() is None
    finally:
        manager.stop(5)


def test_one_program_too_many_is_told_why(secured: SecuredBus, transports: Any) -> None:
    buses = [transports(secured.host("worker-0")) for _ in range(len(REPLIES) + 1)]
    for bus in buses[:-1]:
        bus.wait_for_replies(SERVES_S)
    with pytest.raises(Unavailable, match="12 programs of this host already wait for replies; end one of them"):
        buses[-1].wait_for_replies(2)
    buses[0].close()
    buses[-1].wait_for_replies(SERVES_S)


def test_the_way_to_a_service_is_made_again(secured: SecuredBus, transports: Any, auditor: Any) -> None:
    """The exchange in front of a service's queue is deleted, or its binding: the service hears itself all the same."""
    manager = Server(transports(secured.service("fm-manager")), "controller-0", {FmManager: Faults()})
    assert manager.start(SERVES_S)
    boss = connect(secured.node.url).channel()
    clock = [0.0]
    accounts = auditor("worker-0", clock=lambda: clock[0])
    own, entrance = transports(secured.host("worker-0")), inlet("fm.manager")
    for lost in (lambda: boss.exchange_delete(entrance), lambda: boss.queue_unbind("fm.manager", entrance),
                 lambda: boss.exchange_unbind(entrance, ACCESS.requests, "fm.manager")):
        lost()
        for _ in range(2):
            clock[0] += BINDINGS_EVERY_S
            accounts.audit()
        assert client(FmManager, own, deadline_s=10).get_faults(
            alarm_id=None, entity_instance_id="host=worker-0", below=True) == []
    manager.stop(5)
    # The audit of this test knows one host only, and the ways of all have gone with the exchange.
    for hostname in HOSTS:
        secured.admin.prepare(busaccounts.of_host(hostname, EXCHANGE))


@pytest.mark.parametrize("lost", ["queue", "binding", "exchange", "reply queue"])
def test_what_a_host_lacks_is_made_again_and_its_agent_hears(secured: SecuredBus, auditor: Any, listening: Any,
                                                             lost: str) -> None:
    agent = listening("worker-0")
    boss = connect(secured.node.url).channel()
    {"queue": lambda: boss.queue_delete(QUEUE), "binding": lambda: boss.queue_unbind(QUEUE, EXCHANGE, QUEUE),
     "exchange": lambda: boss.exchange_delete(ACCESS.requests), "reply queue": lambda: boss.queue_delete(REPLIES[0])}[
        lost]()
    auditor("worker-0").audit()
    wait_for(agent.hears, 60, "a command to reach the agent")
    wait_for(lambda: agent.server.trouble() is None, 60, "the agent's own messages to reach it")
    assert set(ACCESS.queues) <= {queue.name for queue in secured.admin.queues()}


def test_a_flood_of_refused_declarations_leaves_nothing_and_delays_nobody(secured: SecuredBus) -> None:
    """As many connections and channels as the account may have, for some seconds."""
    end_s = time.monotonic() + 8
    refusals = [0] * 30

    def flood(number: int) -> None:
        connection = connect(secured.host("worker-0"))
        while time.monotonic() < end_s:
            try:
                connection.channel(1).exchange_declare(f"{QUEUE}_fanout", "topic", durable=False, auto_delete=False)
            except amqp.AccessRefused:
                refusals[number] += 1
        connection.close()

    before = secured.admin.exchanges()
    attackers = [threading.Thread(target=flood, args=(number,)) for number in range(len(refusals))]
    for attacker in attackers:
        attacker.start()
    exchange, slowest_s = requests_exchange(host_account("worker-1")), 0.0
    while time.monotonic() < end_s:
        begun_s = time.monotonic()
        other = connect(secured.host("worker-1"))
        other.channel().basic_publish_confirm(
            amqp.Message("x", user_id=host_account("worker-1")), exchange, "fm.manager", timeout=10)
        other.close()
        slowest_s = max(slowest_s, time.monotonic() - begun_s)
    for attacker in attackers:
        attacker.join(60)
    assert min(refusals) > 0 and slowest_s < 5
    assert secured.admin.exchanges() == before and not secured.admin.is_full()

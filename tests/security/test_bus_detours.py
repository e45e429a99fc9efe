# SPDX-License-Identifier: Apache-2.0
"""Root on worker-0 looks for a way around the permissions: exchanges, bindings, dead letters, and what piles up.

Its account is of an earlier release, and may make queues and exchanges (``test_bus_makes_nothing`` has one of today).
"""
from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import amqp
import pytest

from flock.core.errors import Unavailable
from flock.rpc.accounts import EXCHANGE, FRAME_BYTES_MAX, host_account, inlet, requests_exchange
from flock.testing.services.process import wait_for
from sysinv.conductor.busguard import SEARCH_AFTER_S, BusGuard
from sysinv.model import busaccounts, busguard
from tests.security.conftest import SecuredBus, connect, refused
from tests.security.hostaccounts import permit_as_before

VICTIM = "mtce.agent.worker-1"
REQUESTS = requests_exchange(host_account("worker-0"))


pytestmark = pytest.mark.usefixtures("earlier")


@pytest.fixture
def victim(secured: SecuredBus) -> Iterator[amqp.Channel]:
    """The queue of worker-1's agent, empty; somebody else's until the end."""
    owner = connect(secured.node.url)
    channel = owner.channel()
    channel.queue_purge(VICTIM)
    yield channel
    owner.close()


def next_message(channel: amqp.Channel) -> Any:
    """What arrives in the victim's queue before a message sent now, or that message."""
    channel.basic_publish_confirm(amqp.Message("sent by the system"), EXCHANGE, VICTIM)
    return channel.basic_get(VICTIM, no_ack=True).body


@pytest.mark.parametrize("key", [VICTIM, "sysinv.agent_manager.worker-1", "mtce.agent", "mtce.agent.controller-0",
                                 "reply_service.fm-api_0a", "fm.manager"])
def test_a_host_cannot_write_to_the_exchange_of_all_topics(secured: SecuredBus, key: str) -> None:
    assert refused(secured, lambda channel: channel.basic_publish_confirm(amqp.Message("x"), EXCHANGE, key))


OWN = "reply_host.worker-0_d0"
DETOURS: dict[str, Callable[[amqp.Channel], Any]] = {
    "exchange bound to all topics": lambda channel: channel.exchange_bind(EXCHANGE, OWN, "#"),
    "dead letters to all topics": lambda channel: channel.queue_declare(
        f"{OWN}1", auto_delete=True, arguments={"x-dead-letter-exchange": EXCHANGE, "x-message-ttl": 0,
                                                "x-dead-letter-routing-key": VICTIM}),
    "alternate to all topics": lambda channel: channel.exchange_declare(
        f"{OWN}2", "topic", arguments={"alternate-exchange": EXCHANGE}),
    "own exchange's bindings": lambda channel: channel.exchange_bind(EXCHANGE, REQUESTS, "mtce.agent.#"),
    "removal of its bindings": lambda channel: channel.exchange_unbind(inlet("fm.manager"), REQUESTS, "fm.manager"),
    "binding to an inlet": lambda channel: channel.exchange_bind(inlet("fm.manager"), OWN, "#"),
    "an inlet of another": lambda channel: channel.exchange_declare(
        inlet("mtce.agent.worker-1"), "fanout", durable=True, auto_delete=False),
    "removal of its exchange": lambda channel: channel.exchange_delete(REQUESTS),
}


@pytest.mark.parametrize("detour", DETOURS)
def test_no_exchange_or_dead_letter_of_a_host_leads_to_others(secured: SecuredBus, detour: str) -> None:
    def attack(channel: amqp.Channel) -> None:
        channel.exchange_declare(OWN, "topic", durable=False, auto_delete=False)
        DETOURS[detour](channel)

    assert refused(secured, attack)


PASSED_ON: dict[str, Callable[[amqp.Channel], Any]] = {
    "its exchange": lambda channel: channel.basic_publish_confirm(message(), REQUESTS, VICTIM),
    "carbon copy": lambda channel: channel.basic_publish_confirm(
        message(application_headers={"CC": [VICTIM], "BCC": [VICTIM]}), REQUESTS, "fm.manager"),
    "carbon copy to itself": lambda channel: channel.basic_publish_confirm(
        message(application_headers={"CC": [VICTIM]}), REQUESTS, "mtce.agent.worker-0"),
    "an exchange before its exchange": lambda channel: (
        channel.exchange_declare(OWN, "topic", durable=False, auto_delete=False),
        channel.exchange_bind(REQUESTS, OWN, "#"), channel.basic_publish_confirm(message(), OWN, VICTIM)),
    "dead letters": lambda channel: (
        channel.queue_declare(f"{OWN}3", auto_delete=False, arguments={
            "x-dead-letter-exchange": REQUESTS, "x-message-ttl": 0, "x-dead-letter-routing-key": VICTIM}),
        channel.queue_bind(f"{OWN}3", OWN, "#"), channel.basic_publish_confirm(message(), OWN, "any")),
}


def message(**properties: Any) -> amqp.Message:
    return amqp.Message("forged", user_id=host_account("worker-0"), **properties)


@pytest.mark.parametrize("way", PASSED_ON)
def test_agents_of_others_cannot_be_reached(secured: SecuredBus, victim: amqp.Channel, way: str) -> None:
    connection = connect(secured.host("worker-0"))
    channel = connection.channel()
    channel.exchange_declare(OWN, "topic", durable=False, auto_delete=False)
    PASSED_ON[way](channel)
    assert next_message(victim) == "sent by the system"
    connection.close()


def test_what_a_host_leaves_in_the_broker_is_removed(secured: SecuredBus, auditor: Any) -> None:
    told: list[str] = []
    accounts = auditor("worker-0", told)
    channel = connect(secured.host("worker-0")).channel()
    channel.exchange_declare(f"{OWN}4", "topic", durable=True, auto_delete=False)
    channel.queue_declare("reply_host.worker-0_aa", durable=True, auto_delete=False,
                          arguments={"x-queue-type": "stream"})
    channel.queue_declare("reply_host.worker-0_ab", auto_delete=False, arguments={"x-expires": 60_000})
    for number, arguments in enumerate(({"x-max-length": 0, "x-overflow": "reject-publish"},
                                        {"x-dead-letter-exchange": REQUESTS}, {"x-max-length-bytes": 0})):
        channel.queue_declare(f"reply_host.worker-0_ac{number}", auto_delete=False, arguments=arguments)
    accounts.audit()
    names = {queue.name for queue in secured.admin.queues()}
    assert "reply_host.worker-0_ab" in names and "reply_host.worker-0_aa" not in names
    assert not [name for name in names if name.startswith("reply_host.worker-0_ac")]
    assert f"{OWN}4" not in secured.admin.exchanges() and REQUESTS in secured.admin.exchanges()
    for number in range(busaccounts.HOST_QUEUES_MAX + 1):
        channel.queue_declare(f"reply_host.worker-0_{number:03x}", auto_delete=False)
    accounts.audit()
    assert not [queue for queue in secured.admin.queues() if queue.name.startswith("reply_host.worker-0_")]
    assert told == ["worker-0", "worker-0"]


def test_agents_are_reached_again_when_the_exchange_was_missing(secured: SecuredBus, auditor: Any, listening: Any
                                                                ) -> None:
    agent = listening("worker-1")
    connect(secured.node.url).channel().exchange_delete(EXCHANGE)
    auditor("worker-1").audit()
    wait_for(agent.hears, 60, "a command to reach the agent")


@pytest.mark.parametrize("limit", ["connections", "channels"])
def test_connections_and_channels_of_a_host_are_limited(secured: SecuredBus, limit: str) -> None:
    opened = []
    with pytest.raises((amqp.AMQPError, OSError)):
        for _ in range(busaccounts.HOST_CONNECTIONS_MAX + 1):
            opened.append(connect(secured.host("worker-1")))
            if limit == "channels":
                for _ in range(busaccounts.HOST_CHANNELS_MAX + 1):
                    opened[-1].channel()
    for connection in opened:
        with contextlib.suppress(amqp.AMQPError, OSError):
            connection.close()


def unfinished(url: str, size: int) -> socket.socket:
    """A connection that sends a message of ``size`` bytes but for its end, and answers nothing."""
    connection = connect(url)
    channel = connection.channel()
    channel.basic_publish_confirm(message(), REQUESTS, "fm.manager")
    raw: socket.socket = connection.transport.sock
    frame = FRAME_BYTES_MAX - 8
    method = struct.pack(">HHH", 60, 40, 0) + bytes([len(REQUESTS)]) + REQUESTS.encode() + b"\x0afm.manager\x00"
    raw.settimeout(20)
    with contextlib.suppress(OSError):
        raw.sendall(frame_of(1, method) + frame_of(2, struct.pack(">HHQH", 60, 0, size, 0)))
        part, many = frame_of(3, b"x" * frame), 16
        for _ in range(size // frame // many - 1):
            raw.sendall(part * many)
    return raw


def test_who_fills_the_memory_of_the_bus_slowly_is_found(secured: SecuredBus) -> None:
    """A slow sender is no suspect: the guard finds it by closing the connections of one host after the other."""
    told: list[str] = []
    guard = BusGuard(secured.admin, secured.node.port, 64, lambda hostname, reason: told.append(hostname),
                     clock=lambda: time.monotonic() + ahead_s)
    ahead_s = 0.0
    others = [connect(secured.host(name)) for name in ("worker-1",)]
    attackers = [threading.Thread(target=unfinished, args=(secured.host("worker-0"), 120_000_000), daemon=True)
                 for _ in range(6)]
    for attacker in attackers:
        attacker.start()
    wait_for(secured.admin.is_full, 90, "the memory of the broker to be full")
    # The guard begins only now, as if all had come slowly before.
    guard._before = guard._received()
    guard.audit()
    assert told == []
    ahead_s = SEARCH_AFTER_S
    guard.audit()
    assert told == ["worker-0"]
    wait_for(lambda: not secured.admin.is_full(), 60, "the memory of the broker to be free")
    assert secured.admin.barred() == [host_account("worker-0")]
    connect(secured.host("worker-1")).close()
    secured.admin.limit_connections(host_account("worker-0"), 64)
    for other in others:
        with contextlib.suppress(amqp.AMQPError, OSError):
            other.close()


def frame_of(kind: int, payload: bytes) -> bytes:
    return struct.pack(">BHL", kind, 1, len(payload)) + payload + b"\xce"


def test_who_fills_the_memory_of_the_bus_is_barred_and_the_others_go_on(secured: SecuredBus) -> None:
    told: list[str] = []
    now_s = [0.0]
    guard = BusGuard(secured.admin, secured.node.port, 64, lambda hostname, reason: told.append(hostname),
                     clock=time.monotonic)
    other = connect(secured.host("worker-1"))
    guard.audit()
    attackers = [threading.Thread(target=unfinished, args=(secured.host("worker-0"), 120_000_000), daemon=True)
                 for _ in range(6)]
    for attacker in attackers:
        attacker.start()
    wait_for(secured.admin.is_full, 90, "the memory of the broker to be full")
    assert told == []
    guard.audit()
    assert told == ["worker-0"]
    wait_for(lambda: not secured.admin.is_full(), 60, "the memory of the broker to be free")
    with pytest.raises((amqp.AMQPError, OSError)):
        connect(secured.host("worker-0"))
    exchange = requests_exchange(host_account("worker-1"))
    other.channel().basic_publish_confirm(
        amqp.Message("x", user_id=host_account("worker-1")), exchange, "fm.manager", timeout=10)
    # A conductor that starts anew knows who is barred, and readmits in time.
    again = BusGuard(secured.admin, secured.node.port, 64, lambda hostname, reason: told.append(hostname),
                     clock=lambda: now_s[0])
    again.audit()
    assert secured.admin.barred() == [host_account("worker-0")]
    now_s[0] += busguard.BARRED_S
    again.audit()
    assert secured.admin.barred() == []
    connect(secured.host("worker-0")).close()


OWN_QUEUE = "reply_host.worker-0_b0b0"


def short(text: str) -> bytes:
    return bytes([len(text)]) + text.encode()


def binds(channel: amqp.Channel, number: int) -> bytes:
    """So many requests to bind the own queue, none of which wants a reply."""
    payloads = (struct.pack(">HHH", 50, 20, 0) + short(OWN_QUEUE) + short(REQUESTS) + short(f"k.{each}.{'x' * 20}")
                + b"\x01" + struct.pack(">I", 0) for each in range(number))
    return b"".join(struct.pack(">BHL", 1, channel.channel_id, len(each)) + each + b"\xce" for each in payloads)


def flood_of_binds(secured: SecuredBus, number: int) -> amqp.Connection:
    connection = connect(secured.host("worker-0"))
    channel = connection.channel()
    channel.queue_declare(OWN_QUEUE, durable=False, auto_delete=False)
    raw: socket.socket = connection.transport.sock
    raw.settimeout(60)
    with contextlib.suppress(OSError):
        raw.sendall(binds(channel, number))
    return connection


def test_commands_that_the_broker_has_not_carried_out_are_no_way_to_fill_its_memory(secured_alone: SecuredBus) -> None:
    """400,000 bindings, 39 MB within seconds: too few bytes for a suspect, hundreds of megabytes in the broker."""
    secured, told = secured_alone, list[str]()
    permit_as_before(secured.node, "worker-0")
    guard = BusGuard(secured.admin, secured.node.port, 64, lambda hostname, reason: told.append(hostname))
    other = connect(secured.host("worker-1"))
    guard.audit()
    kept = flood_of_binds(secured, 400_000)

    def after_an_audit(is_so: Callable[[], bool]) -> bool:
        # A broker that is busy does not answer its management in time; the next audit finds it able to.
        with contextlib.suppress(Unavailable):
            guard.audit()
            return is_so()
        return False

    # The broker samples its processes every five seconds, and the guard looks as often; other tests run meanwhile.
    wait_for(lambda: after_an_audit(lambda: bool(told)), 60, "the guard to bar the host")
    assert told == ["worker-0"]
    assert secured.admin.barred() == [host_account("worker-0")]
    wait_for(lambda: after_an_audit(lambda: not secured.admin.is_full()), 90, "the memory of the broker to be free")
    assert told == ["worker-0"]
    other.channel().basic_publish_confirm(amqp.Message("x", user_id=host_account("worker-1")),
                                          requests_exchange(host_account("worker-1")), "fm.manager", timeout=10)
    for each in (kept, other):
        with contextlib.suppress(amqp.AMQPError, OSError):
            each.close()


def declares(channel: amqp.Channel, number: int) -> bytes:
    """So many requests to make an exchange with 7,000 bytes of arguments, none of which wants a reply."""
    arguments = short("junk") + b"S" + struct.pack(">I", 7_000) + b"x" * 7_000
    payloads = (struct.pack(">HHH", 40, 10, 0) + short(f"reply_host.worker-0_{each}") + short("fanout") + b"\x10"
                + struct.pack(">I", len(arguments)) + arguments for each in range(number))
    return b"".join(struct.pack(">BHL", 1, channel.channel_id, len(each)) + each + b"\xce" for each in payloads)


def test_who_makes_exchanges_without_end_is_barred_and_they_go(secured: SecuredBus) -> None:
    """The broker holds their arguments in its memory, many times as long, and has no limit on their number."""
    told = list[str]()
    guard = BusGuard(secured.admin, secured.node.port, 64, lambda hostname, reason: told.append(hostname))
    guard.audit()
    assert told == []
    attacker = connect(secured.host("worker-0"))
    channel = attacker.channel()
    channel.exchange_declare("reply_host.worker-0_e", "fanout", durable=True, auto_delete=False)
    assert "reply_host.worker-0_e" in secured.admin.exchanges()
    kept = [one["name"] for one in secured.admin.definitions(EXCHANGE, [])["exchanges"]]
    assert REQUESTS in kept and "reply_host.worker-0_e" not in kept, "the next broker does not begin with it"
    raw: socket.socket = attacker.transport.sock
    raw.settimeout(60)
    # As many as nftables lets through at once, from another machine.
    raw.sendall(declares(channel, 1_000))

    def barred() -> bool:
        guard.audit()
        return bool(told)

    wait_for(barred, 45, "the guard to bar the host")
    assert told == ["worker-0"]
    assert secured.admin.barred() == [host_account("worker-0")]

    def gone() -> bool:
        guard.audit()
        return not any(name.startswith("reply_host.worker-0_") for name in secured.admin.exchanges())

    wait_for(gone, 60, "the exchanges to be removed")
    secured.admin.limit_connections(host_account("worker-0"), 64)
    with contextlib.suppress(amqp.AMQPError, OSError):
        attacker.close()


def bound_to(secured: SecuredBus, queue: str) -> int:
    return sum(binding.destination == queue for binding in secured.admin.bindings())


def test_arguments_of_a_host_do_not_fill_the_broker(secured: SecuredBus) -> None:
    """They stay in its memory, twelve times as long, and in its definitions, which the conductor reads."""
    for what in ("queue", "binding"):
        attacker = connect(secured.host("worker-0"))
        channel = attacker.channel()
        queue = f"reply_host.worker-0_{what}"
        with pytest.raises((amqp.AMQPError, OSError)):
            if what == "queue":
                channel.queue_declare(queue, arguments={"junk": "x" * FRAME_BYTES_MAX})
            else:
                channel.queue_declare(queue)
                channel.queue_bind(queue, REQUESTS, "k", arguments={"junk": "x" * FRAME_BYTES_MAX})
        with contextlib.suppress(amqp.AMQPError, OSError):
            attacker.close()
        assert bound_to(secured, queue) <= 1, "its binding to the default exchange"


def test_bindings_of_a_host_do_not_pile_up(secured: SecuredBus, auditor: Any) -> None:
    told: list[str] = []
    accounts = auditor("worker-0", told)
    attacker = flood_of_binds(secured, 2 * busaccounts.HOST_BINDINGS_MAX)
    wait_for(lambda: bound_to(secured, OWN_QUEUE) > busaccounts.HOST_BINDINGS_MAX, 60, "the bindings")
    accounts.audit()
    assert told == ["worker-0"]
    wait_for(lambda: not bound_to(secured, OWN_QUEUE), 30, "the bindings to be removed")
    attacker.close()

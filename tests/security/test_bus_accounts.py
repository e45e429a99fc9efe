# SPDX-License-Identifier: Apache-2.0
"""Attacks of root on worker-0 with its account: on the broker's objects, and with requests in another's name."""
from __future__ import annotations

import json
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import amqp
import pytest
import requests

from flock.core.errors import Forbidden, NotFound
from flock.rpc import Server, client, text
from flock.rpc.accounts import EXCHANGE, host_account, service_account
from flock.rpc.errors import SenderRefused
from fm.contract.enums import AlarmState, AlarmType, Severity
from fm.contract.fault import AlarmKey, Fault
from fm.contract.rpc import FaultOutcome, FaultRequest, FmManager
from fm.contract.silence import SilenceRequest
from mtce.contract.records import CommandResult, MtcAlive
from mtce.contract.rpc import AgentEvents, MtceAgent, MtceHosts
from sysinv.contract.records import HostStateUpdate
from sysinv.contract.rpc import Discovery, HostStates, InventoryReports
from sysinv.model import busaccounts
from tests.security.conftest import SecuredBus, connect

UUIDS = {"controller-0": str(uuid.uuid4()), "worker-0": str(uuid.uuid4()), "worker-1": str(uuid.uuid4())}
NAMES = {value: name for name, value in UUIDS.items()}
TOPICS = ("fm.manager", "mtce.conductor", "sysinv.conductor_manager")


class Recorder:
    """Implements every method of every interface: notes the call."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.noted = threading.Condition()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)

        def method(**arguments: Any) -> Any:
            with self.noted:
                self.calls.append(name)
                self.noted.notify_all()
            if name == "apply":
                return [FaultOutcome(one.request_id) for one in arguments["requests"]]
            return [] if name in ("get_faults", "list_hosts") else None

        return method

    def wait(self, name: str) -> bool:
        with self.noted:
            return self.noted.wait_for(lambda: name in self.calls, 10)


@pytest.fixture
def served(secured: SecuredBus, transports: Any) -> Iterator[Recorder]:
    """The conductors and fm-manager, and the agent of worker-1, each with its account."""
    recorder = Recorder()
    made = []
    for daemon, interfaces in (("mtce-conductor", (MtceHosts, AgentEvents)), ("fm-manager", (FmManager,)),
                               ("sysinv-conductor", (InventoryReports, Discovery, HostStates))):
        made.append(Server(transports(secured.service(daemon)), "controller-0",
                           dict.fromkeys(interfaces, recorder), hostname_of=NAMES.get))
    made.append(Server(transports(secured.host("worker-1")), "worker-1", {MtceAgent: recorder}, threads_max=1))
    assert all([server.start(20) for server in made])
    yield recorder
    for server in made:
        server.stop(5)


def alive(hostname: str, boot_id: str = "foreign") -> MtcAlive:
    return MtcAlive(UUIDS[hostname], hostname, boot_id, 60, 1, True, True, False, True, None, False)


def packed(arguments: dict[str, Any]) -> str:
    """The body of a request as the client makes it."""
    return text.pack(json.dumps(arguments).encode(), 10_000, "arguments")


def fault(entity: str) -> Fault:
    return Fault("100.101", AlarmState.SET, "host", entity, Severity.MAJOR, "text", AlarmType.OPERATIONAL_VIOLATION,
                 "unknown")


# What the broker itself refuses.

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


@pytest.mark.parametrize("key", ["#", "*.*", "mtce.#", "fm.manager", "mtce.conductor", "mtce.agent.worker-1",
                                 "sysinv.agent_manager.worker-1", "mtce.agent.#", "mtce.agent.*"])
def test_a_queue_cannot_be_bound_to_the_requests_of_others(secured: SecuredBus, key: str) -> None:
    def attack(channel: amqp.Channel) -> None:
        channel.queue_declare("mtce.agent.worker-0", durable=False, auto_delete=True)
        channel.queue_bind("mtce.agent.worker-0", EXCHANGE, key)

    assert refused(secured, attack)


@pytest.mark.parametrize("queue", ["reply_service.fm-api_0a", "reply_host.worker-1_0a", "mtce.conductor", "fm.manager",
                                   "mtce.agent.worker-1", "mtce.agent", "anything", "reply_host.worker-01_0a",
                                   "mtce.agent.worker-0.worker-1"])
def test_queues_of_others_cannot_be_made_read_emptied_or_deleted(secured: SecuredBus, queue: str) -> None:
    owner = connect(secured.node.url)
    owner.channel().queue_declare(queue, durable=False, auto_delete=False)
    for attack in (lambda channel: channel.basic_get(queue), lambda channel: channel.basic_consume(queue),
                   lambda channel: channel.queue_purge(queue), lambda channel: channel.queue_delete(queue),
                   lambda channel: channel.queue_declare(queue, durable=False, auto_delete=False),
                   lambda channel: channel.queue_bind(queue, EXCHANGE, "mtce.agent.worker-0")):
        assert refused(secured, attack)
    owner.channel().queue_delete(queue)
    owner.close()


@pytest.mark.parametrize("queue", ["reply_service.fm-api_0a", "reply_host.worker-0_0a", "mtce.conductor"])
def test_nothing_can_be_put_into_a_queue_directly(secured: SecuredBus, queue: str) -> None:
    assert refused(secured, lambda channel: channel.basic_publish(amqp.Message("forged"), routing_key=queue))


def test_the_exchange_can_neither_be_deleted_nor_made(secured: SecuredBus) -> None:
    assert refused(secured, lambda channel: channel.exchange_delete(EXCHANGE))
    assert refused(secured, lambda channel: channel.exchange_declare(EXCHANGE, "topic", durable=True,
                                                                     auto_delete=False))
    connect(secured.host("worker-0")).channel().exchange_declare(EXCHANGE, "topic", passive=True)


@pytest.mark.parametrize("key", ["mtce.agent.worker-1", "sysinv.agent_manager.worker-1", "mtce.agent",
                                 "mtce.agent.controller-0", "reply_service.fm-api_0a"])
def test_agents_of_others_cannot_be_reached(secured: SecuredBus, key: str) -> None:
    assert refused(secured, lambda channel: channel.basic_publish(amqp.Message("x"), EXCHANGE, key))


def test_the_sender_cannot_be_disguised(secured: SecuredBus) -> None:
    connection = connect(secured.host("worker-0"))
    with pytest.raises(amqp.PreconditionFailed, match="user_id"):
        connection.channel().basic_publish(amqp.Message("x", user_id="service.mtce-conductor"), EXCHANGE, "fm.manager")
        connection.drain_events(timeout=5)


def test_management_is_closed_to_hosts_and_services(secured: SecuredBus) -> None:
    for url in (secured.host("worker-0"), secured.service("fm-api")):
        parts = urlsplit(url)
        answer = requests.get(f"{secured.node.admin_url}/api/users", auth=(parts.username, parts.password), timeout=5)
        assert answer.status_code == 401


# What the servers refuse.

ATTACKS: dict[str, Callable[[Any], Any]] = {
    "state of controller-0": lambda bus: client(HostStates, bus).update_host_state(
        update=HostStateUpdate(host_uuid=UUIDS["controller-0"], sequence=2**53)),
    "reboot": lambda bus: client(MtceHosts, bus).host_action(host_uuid=UUIDS["worker-1"], action="reboot",
                                                             request_id="1"),
    "deletion": lambda bus: client(MtceHosts, bus).delete_host(host_uuid=UUIDS["worker-1"]),
    "empty disks": lambda bus: client(InventoryReports, bus).report(host_uuid=UUIDS["worker-1"], kind="disk",
                                                                    items=[]),
    "inventory of no host": lambda bus: client(InventoryReports, bus).inventory_completed(host_uuid="x"),
    "another's name": lambda bus: client(InventoryReports, bus).get_host_by_macs(macs=[], hostname="worker-1"),
    "new host": lambda bus: client(Discovery, bus).handle_dhcp_lease(
        tags=["pxeboot"], mac="52:54:00:00:00:01", ip_address="192.0.2.9", client_id=None, expires_s=0),
    "alarm of a controller": lambda bus: client(FmManager, bus).apply(
        requests=[FaultRequest("1", fault=fault("host=controller-0"))]),
    "alarm of the system": lambda bus: client(FmManager, bus).apply(
        requests=[FaultRequest("1", fault=fault("system=flock"))]),
    "alarm of a similar name": lambda bus: client(FmManager, bus).apply(
        requests=[FaultRequest("1", fault=fault("host=worker-01"))]),
    "one of two": lambda bus: client(FmManager, bus).apply(
        requests=[FaultRequest("1", fault=fault("host=worker-0")), FaultRequest("2", fault=fault("host=worker-1"))]),
    "clear": lambda bus: client(FmManager, bus).apply(
        requests=[FaultRequest("1", clear=AlarmKey("100.101", "host=worker-1"))]),
    "clear of all": lambda bus: client(FmManager, bus).apply(
        requests=[FaultRequest("1", clear_all_below="host=controller-0")]),
    "all alarms": lambda bus: client(FmManager, bus).get_faults(alarm_id=None, entity_instance_id=None, below=True),
    "deletion of an alarm": lambda bus: client(FmManager, bus).delete_alarm(uuid=str(uuid.uuid4())),
    "acknowledgement": lambda bus: client(FmManager, bus).acknowledge(uuid="x", user="admin", comment=""),
    "end of a silence": lambda bus: client(FmManager, bus).delete_silence(uuid="x"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_host_speaks_only_of_itself(secured: SecuredBus, served: Recorder, transports: Any, attack: str) -> None:
    with pytest.raises(SenderRefused, match="host worker-0"):
        ATTACKS[attack](transports(secured.host("worker-0")))
    assert served.calls == []


def test_a_host_makes_no_silence(secured: SecuredBus, served: Recorder, transports: Any) -> None:
    silence = {name: value for name, value in {
        "alarm_id": "100.101", "entity_instance_id": "host=worker-1", "comment": "by admin", "user": "admin",
        "ends_at": "2030-01-01T00:00:00", "starts_at": None, "created_by": "admin"}.items()
        if name in SilenceRequest.__dataclass_fields__}
    missing = {name: "x" for name, field in SilenceRequest.__dataclass_fields__.items()
               if name not in silence and field.default is field.default_factory}
    with pytest.raises(SenderRefused):
        client(FmManager, transports(secured.host("worker-0"))).create_silence(
            silence=SilenceRequest(**silence, **missing))
    assert served.calls == []


def test_messages_of_another_host_change_nothing(secured: SecuredBus, served: Recorder, transports: Any) -> None:
    events = client(AgentEvents, transports(secured.host("worker-0")))
    events.mtc_alive(alive=alive("worker-1"))
    events.command_result(result=CommandResult(UUIDS["worker-1"], "boot", "goenabled", "1", True))
    events.mtc_alive(alive=alive("worker-0"))
    assert served.wait("mtc_alive")
    assert served.calls == ["mtc_alive"]


def test_a_host_is_served_in_its_own_matters(secured: SecuredBus, served: Recorder, transports: Any) -> None:
    bus = transports(secured.host("worker-0"))
    client(InventoryReports, bus).report(host_uuid=UUIDS["worker-0"], kind="disk", items=[])
    client(InventoryReports, bus).get_host_by_macs(macs=[], hostname="worker-0")
    client(FmManager, bus).apply(requests=[
        FaultRequest("1", fault=fault("host=worker-0.disk=sda")), FaultRequest("2", clear_all_below="host=worker-0")])
    assert served.calls == ["report", "get_host_by_macs", "apply"]


def test_a_command_to_another_host_is_refused_by_its_agent(secured: SecuredBus, served: Recorder,
                                                           transports: Any) -> None:
    """The broker checks only the first of a message's routing keys; the agent checks the sender."""
    for account in (host_account("worker-0"), service_account("mtce-conductor")):
        channel = connect(secured.urls[account]).channel()
        body = {"method": "reboot", "namespace": "MtceAgent", "version": "1.0", "_unique_id": uuid.uuid4().hex,
                "args": {"body": packed({"host_uuid": UUIDS["worker-1"], "boot_id": "", "request_id": "1",
                                         "delay_s": 0})}}
        envelope = {"oslo.version": "2.0", "oslo.message": json.dumps(body)}
        channel.basic_publish(amqp.Message(json.dumps(envelope), content_type="application/json",
                                           content_encoding="utf-8", user_id=account,
                                           application_headers={"CC": ["mtce.agent.worker-1"]}),
                              EXCHANGE, "fm.manager")
    # The agent has one thread and takes them in order: the service's message is carried out, the first one was not.
    assert served.wait("reboot")
    assert served.calls.count("reboot") == 1


def test_a_reply_goes_to_nobody_else(secured: SecuredBus, served: Recorder, transports: Any) -> None:
    """A request that names another's reply queue would make the server deliver a forged answer."""
    victim = "reply_service.sysinv-api_0a"
    owner = connect(secured.node.url)
    owner.channel().queue_declare(victim, durable=False, auto_delete=False)
    body = {"method": "get_faults", "namespace": "FmManager", "version": "1.0", "_unique_id": uuid.uuid4().hex,
            "_msg_id": uuid.uuid4().hex, "_reply_q": victim, "_context_flock_sender": "service.fm-api",
            "args": {"body": packed({"alarm_id": None, "entity_instance_id": "host=worker-0", "below": True})}}
    envelope = {"oslo.version": "2.0", "oslo.message": json.dumps(body)}
    channel = connect(secured.host("worker-0")).channel()
    for user_id in (host_account("worker-0"), None):
        properties = {} if user_id is None else {"user_id": user_id}
        channel.basic_publish(amqp.Message(json.dumps(envelope), content_type="application/json",
                                           content_encoding="utf-8", **properties), EXCHANGE, "fm.manager")
    # The queue keeps the order: when this is answered, the forged requests have been looked at.
    client(FmManager, transports(secured.service("sysinv-api"))).get_faults(
        alarm_id=None, entity_instance_id=None, below=True)
    assert served.calls == ["get_faults"]
    assert owner.channel().basic_get(victim) is None
    owner.channel().queue_delete(victim)
    owner.close()


def test_a_flood_of_one_host_delays_only_that_host(secured: SecuredBus, served: Recorder, transports: Any) -> None:
    flood = connect_without_confirm(secured.host("worker-0"))
    body = {"method": "get_faults", "namespace": "FmManager", "version": "1.0", "args": {"body": "{}"}}
    forged = json.dumps({"oslo.version": "2.0", "oslo.message": json.dumps(body)})
    for _ in range(60_000):
        flood.basic_publish(amqp.Message(forged, content_type="application/json", content_encoding="utf-8",
                                         user_id=host_account("worker-0")), EXCHANGE, "fm.manager")
    started = time.monotonic()
    client(FmManager, transports(secured.host("worker-1")), deadline_s=60).apply(
        requests=[FaultRequest("1", fault=fault("host=worker-1"))])
    assert time.monotonic() - started < 60
    assert served.calls == ["apply"]


def connect_without_confirm(url: str) -> amqp.Channel:
    parts = urlsplit(url)
    # The broker stops reading from who floods it; this attacker waits for it instead of giving up after a second.
    made = amqp.Connection(f"127.0.0.1:{parts.port}", userid=parts.username, password=parts.password,
                           socket_settings={socket.TCP_USER_TIMEOUT: 60_000})
    made.connect()
    return made.channel()


# The life of an account.

def test_an_account_ends_with_its_connections(secured: SecuredBus) -> None:
    name = host_account("worker-9")
    secured.admin.renew(name, "word", busaccounts.of_host("worker-9", EXCHANGE), EXCHANGE)
    url = busaccounts.account_url(f"rabbit://127.0.0.1:{secured.node.port}/", name, "word")
    connection = connect(url)
    assert "worker-9" in secured.admin.hosts()
    secured.admin.remove(name)
    with pytest.raises((amqp.AMQPError, OSError)):
        for _ in range(20):
            connection.drain_events(timeout=5)
    with pytest.raises((amqp.AMQPError, OSError)):
        connect(url)
    secured.admin.remove(name)
    assert "worker-9" not in secured.admin.hosts()


def test_refusals_are_errors_that_clients_know() -> None:
    assert issubclass(SenderRefused, Forbidden) and not issubclass(SenderRefused, NotFound)

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
from flock.rpc.accounts import EXCHANGE, host_account, requests_exchange, service_account
from flock.rpc.errors import SenderRefused
from flock.testing.services.rabbitmq import SERVES_S
from fm.contract.enums import AlarmState, AlarmType, Severity
from fm.contract.fault import AlarmKey, Fault
from fm.contract.rpc import FaultOutcome, FaultRequest, FmManager
from fm.contract.silence import SilenceRequest
from mtce.contract.records import ActionReply, CommandResult, MtcAlive
from mtce.contract.rpc import AgentEvents, MtceAgent, MtceHosts, MtceSensors
from sysinv.contract.records import HostStateUpdate
from sysinv.contract.rpc import BusAccounts, Discovery, HostStates, InventoryReports, SensorReports
from sysinv.contract.sensors import SensorReport, SensorSettings
from sysinv.model import busaccounts
from tests.security.conftest import SecuredBus, connect, refused

UUIDS = {"controller-0": str(uuid.uuid4()), "worker-0": str(uuid.uuid4()), "worker-1": str(uuid.uuid4())}
NAMES = {value: name for name, value in UUIDS.items()}
REQUESTS = requests_exchange(host_account("worker-0"))
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
            if name == "renew_host_account":
                return "word"
            if name in ("change_settings", "relearn"):
                return ActionReply("pass")
            if name == "report_sensors":
                return SensorSettings()
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
    for daemon, interfaces in (
            ("mtce-conductor", (MtceHosts, MtceSensors, AgentEvents)), ("fm-manager", (FmManager,)),
            ("sysinv-conductor", (InventoryReports, Discovery, HostStates, BusAccounts, SensorReports))):
        made.append(Server(transports(secured.service(daemon)), "controller-0",
                           dict.fromkeys(interfaces, recorder), hostname_of=NAMES.get))
    made.append(Server(transports(secured.host("worker-1")), "worker-1", {MtceAgent: recorder}, threads_max=1))
    assert all([server.start(SERVES_S) for server in made])
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

@pytest.mark.parametrize("key", ["#", "*.*", "mtce.#", "fm.manager", "mtce.conductor", "mtce.agent.worker-1",
                                 "sysinv.agent_manager.worker-1", "mtce.agent.#", "mtce.agent.*"])
def test_a_queue_cannot_be_bound_to_the_requests_of_others(secured: SecuredBus, key: str) -> None:
    assert refused(secured, lambda channel: channel.queue_bind("mtce.agent.worker-0", EXCHANGE, key))


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
    if queue not in busaccounts.of_host("worker-1", EXCHANGE).queues:
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


def test_the_sender_cannot_be_disguised(secured: SecuredBus) -> None:
    connection = connect(secured.host("worker-0"))
    with pytest.raises(amqp.PreconditionFailed, match="user_id"):
        connection.channel().basic_publish(amqp.Message("x", user_id="service.mtce-conductor"), REQUESTS, "fm.manager")
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
    "sensors": lambda bus: client(SensorReports, bus).report_sensors(
        report=SensorReport(UUIDS["worker-0"], [], [], complete=True)),
    "settings of sensors": lambda bus: client(MtceSensors, bus).change_settings(
        host_uuid=UUIDS["worker-0"], settings=SensorSettings()),
    "new sensors": lambda bus: client(MtceSensors, bus).relearn(host_uuid=UUIDS["worker-0"]),
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


# What a service that was taken over may do: only what its daemon does.

def as_service(account: str, url: str, topic: str, namespace: str, method: str, arguments: dict[str, Any]) -> None:
    """Send a request past the broker's check: its first key is permitted, the header adds another."""
    permitted = {"fm-api": "fm.manager", "mtce-conductor": "mtce.conductor"}[account]
    body = {"method": method, "namespace": namespace, "version": "1.0", "_unique_id": uuid.uuid4().hex,
            "args": {"body": packed(arguments)}}
    envelope = {"oslo.version": "2.0", "oslo.message": json.dumps(body)}
    connect(url).channel().basic_publish(
        amqp.Message(json.dumps(envelope), content_type="application/json", content_encoding="utf-8",
                     user_id=service_account(account), application_headers={"CC": [topic]}), EXCHANGE, permitted)


@pytest.mark.parametrize("key", ["mtce.conductor", "sysinv.conductor_manager", "mtce.agent.worker-1", "anything"])
def test_a_service_sends_only_to_the_topics_that_its_daemon_calls(secured: SecuredBus, key: str) -> None:
    connection = connect(secured.service("fm-api"))
    channel = connection.channel()
    channel.basic_publish(amqp.Message("x", user_id=service_account("fm-api")), EXCHANGE, "fm.manager.nobody")
    with pytest.raises(amqp.AccessRefused):
        channel.basic_publish(amqp.Message("x", user_id=service_account("fm-api")), EXCHANGE, key)
    connection.close()


CONQUERED: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "a host's password": ("sysinv.conductor_manager", "bus_accounts", "renew_host_account",
                          {"host_uuid": UUIDS["worker-1"]}),
    "a lease": ("sysinv.conductor_manager", "discovery", "handle_dhcp_lease",
                {"tags": [], "mac": "52:54:00:00:00:01", "ip_address": "192.0.2.9", "client_id": None, "expires_s": 0}),
    "inventory": ("sysinv.conductor_manager", "inventory", "report",
                  {"host_uuid": UUIDS["worker-1"], "kind": "disk", "items": []}),
    "a state": ("sysinv.conductor_manager", "host_states", "update_host_state",
                {"update": {"host_uuid": UUIDS["worker-1"], "sequence": 2**53}}),
    "a reboot": ("mtce.conductor", "hosts", "host_action",
                 {"host_uuid": UUIDS["worker-1"], "action": "reboot", "request_id": "1"}),
    "a command": ("mtce.agent.worker-1", "MtceAgent", "reboot",
                  {"host_uuid": UUIDS["worker-1"], "boot_id": "", "request_id": "1", "delay_s": 0}),
    "refusals": ("fm.manager", "FmManager", "note_refusals", {"refusals": []}),
}


@pytest.mark.parametrize("attack", CONQUERED)
def test_a_service_that_was_taken_over_is_not_all_services(secured: SecuredBus, served: Recorder, transports: Any,
                                                           attack: str) -> None:
    topic, namespace, method, arguments = CONQUERED[attack]
    as_service("fm-api", secured.service("fm-api"), topic, namespace, method, arguments)
    # The queues keep the order: when these are served, the request before them was looked at.
    if topic == "mtce.agent.worker-1":
        client(MtceAgent, transports(secured.service("mtce-conductor")), server="worker-1").request_mtcalive(
            host_uuid=UUIDS["worker-1"])
        assert served.wait("request_mtcalive")
    else:
        client(HostStates, transports(secured.service("mtce-conductor"))).update_host_state(
            update=HostStateUpdate(host_uuid=UUIDS["worker-0"], sequence=1))
        client(MtceHosts, transports(secured.service("mtce-api"))).list_hosts()
        client(FmManager, transports(secured.service("sysinv-conductor"))).get_faults(
            alarm_id=None, entity_instance_id=None, below=True)
    expected = {"request_mtcalive"} if topic == "mtce.agent.worker-1" else {
        "update_host_state", "list_hosts", "get_faults"}
    assert sorted(served.calls) == sorted(expected)


def test_a_service_is_served_with_what_its_daemon_calls(secured: SecuredBus, served: Recorder,
                                                        transports: Any) -> None:
    client(FmManager, transports(secured.service("fm-api"))).apply(
        requests=[FaultRequest("1", fault=fault("host=worker-0"))])
    client(BusAccounts, transports(secured.service("sysinv-api"))).renew_host_account(host_uuid=UUIDS["worker-0"])
    client(Discovery, transports(secured.service("sysinv-dnsmasq-lease-update"))).handle_dhcp_lease(
        tags=[], mac="52:54:00:00:00:01", ip_address="192.0.2.9", client_id=None, expires_s=0)
    client(MtceHosts, transports(secured.service("sysinv-conductor"))).list_hosts()
    assert served.calls == ["apply", "renew_host_account", "handle_dhcp_lease", "list_hosts"]
    served.calls.clear()
    client(MtceSensors, transports(secured.service("sysinv-api"))).relearn(host_uuid=UUIDS["worker-0"])
    client(SensorReports, transports(secured.service("mtce-conductor"))).report_sensors(
        report=SensorReport(UUIDS["worker-0"], [], []))
    assert served.calls == ["relearn", "report_sensors"]
    with pytest.raises(SenderRefused, match=r"service mtce-api may not send sensor_settings\.relearn"):
        client(MtceSensors, transports(secured.service("mtce-api"))).relearn(host_uuid=UUIDS["worker-0"])
    with pytest.raises(SenderRefused, match="service fm-api may not send FmManager.note_refusals"):
        client(FmManager, transports(secured.service("fm-api"))).note_refusals(refusals=[])


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
                              REQUESTS if account == host_account("worker-0") else EXCHANGE, "fm.manager")
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
                                           content_encoding="utf-8", **properties), REQUESTS, "fm.manager")
    # The queue keeps the order: when this is answered, the forged requests have been looked at.
    client(FmManager, transports(secured.service("mtce-conductor"))).get_faults(
        alarm_id=None, entity_instance_id=None, below=True)
    assert served.calls == ["get_faults"]
    assert owner.channel().basic_get(victim) is None
    owner.channel().queue_delete(victim)
    owner.close()


def test_a_flood_of_one_host_delays_only_that_host(secured: SecuredBus, served: Recorder, transports: Any) -> None:
    flood = connect_without_confirm(secured.host("worker-0"))
    body = {"method": "get_faults", "namespace": "FmManager", "version": "1.0", "args": {"body": "{}"}}
    forged = json.dumps({"oslo.version": "2.0", "oslo.message": json.dumps(body)})
    for _ in range(20_000):
        flood.basic_publish(amqp.Message(forged, content_type="application/json", content_encoding="utf-8",
                                         user_id=host_account("worker-0")), REQUESTS, "fm.manager")
    started = time.monotonic()
    client(FmManager, transports(secured.host("worker-1")), deadline_s=60).apply(
        requests=[FaultRequest("1", fault=fault("host=worker-1"))])
    assert time.monotonic() - started < 60
    assert served.calls == ["apply"]
    # What is left of the flood would delay other tests.
    connect(secured.node.url).channel().queue_purge("fm.manager")


def connect_without_confirm(url: str) -> amqp.Channel:
    parts = urlsplit(url)
    # The broker stops reading from who floods it; this attacker waits for it instead of giving up after a second.
    made = amqp.Connection(f"127.0.0.1:{parts.port}", userid=parts.username, password=parts.password,
                           socket_settings={socket.TCP_USER_TIMEOUT: 60_000})
    made.connect()
    return made.channel()


def test_echoes_arrive_with_the_accounts_of_services_and_hosts(secured: SecuredBus, transports: Any) -> None:
    heard = {"mtce-conductor": threading.Event(), "worker-1": threading.Event()}
    recorder = Recorder()
    servers = [
        Server(transports(secured.service("mtce-conductor")), "controller-0", {MtceHosts: recorder},
               echo_interval_s=0.2, heard=heard["mtce-conductor"].set),
        Server(transports(secured.host("worker-1")), "worker-1", {MtceAgent: recorder}, echo_interval_s=0.2,
               heard=heard["worker-1"].set)]
    assert all([server.start(SERVES_S) for server in servers])
    assert all([event.wait(20) for event in heard.values()])
    assert [server.trouble() for server in servers] == [None, None] and recorder.calls == []
    for server in servers:
        server.stop(5)


# The life of an account.

def test_an_account_ends_with_its_connections(secured: SecuredBus) -> None:
    name = host_account("worker-9")
    access = busaccounts.of_host("worker-9", EXCHANGE)
    secured.admin.renew(access, "word")
    url = busaccounts.account_url(f"rabbit://127.0.0.1:{secured.node.port}/", name, "word")
    connection = connect(url)
    assert "worker-9" in secured.admin.hosts()
    secured.admin.remove(access)
    with pytest.raises((amqp.AMQPError, OSError)):
        for _ in range(20):
            connection.drain_events(timeout=5)
    with pytest.raises((amqp.AMQPError, OSError)):
        connect(url)
    secured.admin.remove(access)
    assert "worker-9" not in secured.admin.hosts()


def test_refusals_are_errors_that_clients_know() -> None:
    assert issubclass(SenderRefused, Forbidden) and not issubclass(SenderRefused, NotFound)

# SPDX-License-Identifier: Apache-2.0
"""Requests to a stub of RabbitMQ's management API: in which order, with which bodies, and what its answers mean."""
from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from flock.core.errors import Unavailable
from flock.rpc.accounts import HASHING, Binding, BusConnection, HostAccess, StoredQueue, host_names, host_permissions
from flock.rpc.admin import ANSWER_MAX, BusAdmin

ACCESS = HostAccess("host.worker-0", "flock", "flock.host.worker-0", ("fm.manager", "mtce.conductor"),
                    ("mtce.agent.worker-0",), host_names("worker-0", ["mtce.agent.worker-0"]),
                    host_permissions("host.worker-0", ["mtce.agent.worker-0"]), connections_max=7, channels_max=9,
                    queues_max=5, bindings_max=6)
OWN_QUEUES = ["reply_host.worker-0_0a", "mtce.agent.worker-0"]
FOREIGN = ["reply_host.worker-01_0a", "fm.manager", "mtce.agent.worker-0x"]


class StubBroker(ThreadingHTTPServer):
    """Answers ``answers[path]`` (status, body), else 204; notes the requests, and the bodies by request."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.answers: dict[str, tuple[int, Any]] = {}
        self.asked: list[str] = []
        self.bodies: dict[str, Any] = {}
        self.authorizations: set[str] = set()


class _Answers(BaseHTTPRequestHandler):
    server: StubBroker

    def _serve(self) -> None:
        request = self.requestline.rpartition(" ")[0]
        self.server.asked.append(request)
        self.server.authorizations.add(self.headers["Authorization"])
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if sent:
            self.server.bodies[request] = json.loads(sent)
        status, found = self.server.answers.get(request, self.server.answers.get(self.path, (204, b"")))
        body = found if isinstance(found, bytes) else json.dumps(found).encode()
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", f"{self.server.url}/elsewhere")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = _serve

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def broker() -> Iterator[StubBroker]:
    server = StubBroker()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture
def admin(broker: StubBroker) -> BusAdmin:
    return BusAdmin(broker.url + "/", "service.bus-admin", "w\u00f6rd:1")


def test_requests_carry_the_account_and_names_of_any_letters(broker: StubBroker) -> None:
    BusAdmin(broker.url, "boss", "word", vhost="a/b").make_exchange("x/y?#")
    assert broker.asked == ["PUT /api/exchanges/a%2Fb/x%2Fy%3F%23"]
    assert broker.bodies[broker.asked[0]] == {"type": "topic", "durable": True, "auto_delete": False}
    assert broker.authorizations == {"Basic " + base64.b64encode(b"boss:word").decode()}


def test_a_host_finds_its_exchange_its_queues_and_all_bindings(broker: StubBroker, admin: BusAdmin) -> None:
    admin.prepare(ACCESS)
    assert broker.asked == [
        "PUT /api/exchanges/%2F/flock.host.worker-0",
        "PUT /api/queues/%2F/mtce.agent.worker-0",
        *(f"PUT /api/queues/%2F/reply_host.worker-0_{number:x}" for number in range(12)),
        "PUT /api/exchanges/%2F/flock.to.fm.manager",
        "PUT /api/exchanges/%2F/flock.to.mtce.conductor",
        "POST /api/bindings/%2F/e/flock.host.worker-0/e/flock.to.fm.manager",
        "POST /api/bindings/%2F/e/flock.host.worker-0/e/flock.to.mtce.conductor",
        "POST /api/bindings/%2F/e/flock/q/mtce.agent.worker-0"]
    exchanges = [broker.bodies[request]["type"] for request in broker.asked if "/exchanges/" in request]
    assert exchanges == ["topic", "fanout", "fanout"]
    assert [broker.bodies[request] for request in broker.asked[-2:]] == [
        {"routing_key": key, "arguments": {}} for key in ("mtce.conductor", "mtce.agent.worker-0")]
    assert broker.bodies[broker.asked[1]] == {"durable": False, "auto_delete": False, "arguments": {}}


def test_a_renewed_account_loses_what_it_had_and_gets_its_limits_before_its_permissions(
        broker: StubBroker, admin: BusAdmin) -> None:
    admin.renew(ACCESS, "secret")
    assert broker.asked[0] == "DELETE /api/users/host.worker-0"
    assert broker.asked[3] == "DELETE /api/exchanges/%2F/flock.host.worker-0"
    assert broker.asked[4] == "PUT /api/exchanges/%2F/flock.host.worker-0"
    made = broker.asked[-5:]
    assert made == ["PUT /api/users/host.worker-0", "PUT /api/user-limits/host.worker-0/max-connections",
                    "PUT /api/user-limits/host.worker-0/max-channels", "PUT /api/topic-permissions/%2F/host.worker-0",
                    "PUT /api/permissions/%2F/host.worker-0"]
    rights = ACCESS.permissions
    assert [broker.bodies[request] for request in made] == [
        {"password": "secret", "tags": ""}, {"value": 7}, {"value": 9},
        {"exchange": "flock", "write": rights.topic_write, "read": rights.topic_read},
        {"configure": rights.configure, "write": rights.write, "read": rights.read}]


def test_a_failure_while_an_account_is_renewed_ends_it_without_permissions(
        broker: StubBroker, admin: BusAdmin) -> None:
    broker.answers["/api/topic-permissions/%2F/host.worker-0"] = (500, b"")
    with pytest.raises(Unavailable, match="PUT topic-permissions/%2F/host.worker-0 is answered with 500"):
        admin.renew(ACCESS, "secret")
    assert not [request for request in broker.asked if request.startswith("PUT /api/permissions")]


def test_a_password_is_set_by_its_hash_alone(broker: StubBroker, admin: BusAdmin) -> None:
    admin.set_password("service.fm-api", "aGFzaA==")
    assert broker.asked == ["PUT /api/users/service.fm-api"]
    assert broker.bodies[broker.asked[0]] == {
        "password_hash": "aGFzaA==", "hashing_algorithm": HASHING, "tags": ""}


def test_removing_takes_the_hosts_queues_and_exchanges_and_no_others(broker: StubBroker, admin: BusAdmin) -> None:
    broker.answers["/api/queues/%2F?columns=name,type,arguments"] = (
        200, [{"name": name, "type": "classic"} for name in OWN_QUEUES + FOREIGN])
    broker.answers["/api/exchanges/%2F?columns=name,type"] = (
        200, [{"name": name, "type": "topic"} for name in ["", "flock", "mtce.agent.worker-0_fanout", *FOREIGN]])
    admin.remove(ACCESS)
    assert [request for request in broker.asked if request.startswith("DELETE")] == [
        "DELETE /api/users/host.worker-0", *(f"DELETE /api/queues/%2F/{name}" for name in OWN_QUEUES),
        "DELETE /api/exchanges/%2F/mtce.agent.worker-0_fanout", "DELETE /api/exchanges/%2F/flock.host.worker-0"]


def test_a_part_of_what_a_host_has_is_removed_at_a_time(broker: StubBroker, admin: BusAdmin) -> None:
    exchanges = [f"reply_host.worker-0_{number:x}" for number in range(50)]
    admin.clear(ACCESS, OWN_QUEUES, ["flock", *exchanges], len(OWN_QUEUES) + 2)
    assert broker.asked == [*(f"DELETE /api/queues/%2F/{name}" for name in OWN_QUEUES),
                            *(f"DELETE /api/exchanges/%2F/{name}" for name in exchanges[:2])]


def test_what_is_gone_already_is_removed_and_what_is_refused_is_not(broker: StubBroker, admin: BusAdmin) -> None:
    places = ["DELETE /api/users/host.worker-0", "DELETE /api/exchanges/%2F/flock.host.worker-0",
              "DELETE /api/queues/%2F/mtce.agent.worker-0", "DELETE /api/connections/1%20-%3E%202"]

    def both() -> None:
        admin.remove(ACCESS)
        admin.clear(ACCESS, ["mtce.agent.worker-0"], [])
        admin.close("1 -> 2")

    broker.answers = dict.fromkeys(places, (404, {"error": "Object Not Found"}))
    both()
    assert set(places) <= set(broker.asked)
    for place in places:
        broker.answers[place] = (403, b"")
        with pytest.raises(Unavailable, match="is answered with 403"):
            both()
        del broker.answers[place]


def test_what_is_missing_is_well_for_deletions_only(broker: StubBroker, admin: BusAdmin) -> None:
    broker.answers["/api/user-limits/host.gone/max-connections"] = (404, b"")
    with pytest.raises(Unavailable, match="is answered with 404"):
        admin.limit_connections("host.gone", 3)
    assert broker.bodies[broker.asked[0]] == {"value": 3}


def test_barred_is_who_may_have_no_connection(broker: StubBroker, admin: BusAdmin) -> None:
    assert admin.barred() == []
    broker.answers["/api/user-limits"] = (200, [
        {"user": "host.a", "value": {"max-connections": 0, "max-channels": 5}},
        {"user": "host.b", "value": {"max-connections": 1}}, {"user": "host.c", "value": {"max-channels": 0}},
        {"user": "host.d", "value": None}, {"user": "host.e"}, "rubbish"])
    assert admin.barred() == ["host.a"]


def test_lists_of_connections_queues_exchanges_and_hosts(broker: StubBroker, admin: BusAdmin) -> None:
    assert (admin.connections(), admin.queues(), admin.exchanges(), admin.hosts()) == ([], [], [], [])
    broker.answers = {
        "/api/connections?columns=name,user": (200, [{"name": "1 -> 2", "user": "host.a"}, {"name": "3"}, 7]),
        "/api/queues/%2F?columns=name,type,arguments": (200, [
            {"name": "q", "type": "stream", "arguments": {"x-max-length": 0}}, {"arguments": {}}, None
        ]),
        "/api/exchanges/%2F?columns=name,type": (200, [{"name": "", "type": "direct"}, {"name": "flock"}, []]),
        "/api/users": (200, [{"name": "host.a"}, {"name": "service.fm-api"}, {"name": "xhost.b"}, {"name": "host.c.d"},
                             {}, "host.e"])}
    assert admin.connections() == [BusConnection("1 -> 2", "host.a"), BusConnection("3", "")]
    assert admin.queues() == [StoredQueue("q", "stream", frozenset(["x-max-length"])), StoredQueue("", "")]
    assert admin.exchanges() == ["", "flock"]
    assert admin.hosts() == ["a", "c.d"]


def test_a_full_memory_or_disk_is_the_failure_of_the_brokers_own_check(broker: StubBroker, admin: BusAdmin) -> None:
    check = "/api/health/checks/local-alarms"
    broker.answers[check] = (200, {"status": "ok"})
    assert not admin.is_full()
    broker.answers[check] = (503, {"status": "failed"})
    assert admin.is_full()
    broker.answers[check] = (503, {"status": "failed", "alarms": [{"node": "rabbit@x", "resource": "memory"}]})
    assert admin.is_full()
    broker.answers[check] = (503, {"status": "failed", "alarms": [{"node": "rabbit@x", "resource": "disk space"}]})
    assert admin.is_full(), "what a host takes and never acknowledges lies on the disk"
    assert broker.asked == [f"GET {check}"] * 4


def test_what_the_processes_of_each_connection_hold(broker: StubBroker, admin: BusAdmin) -> None:
    first, second = "10.0.0.2:1 -> 10.0.0.1:5671", "10.0.0.2:2 -> 10.0.0.1:5671"
    broker.answers["/api/nodes?columns=name"] = (200, [{"name": "rabbit@localhost"}])
    broker.answers["/api/top/rabbit%40localhost?sort=memory&row_count=500"] = (200, {"processes": [
        {"name": {"type": "rabbit_channel", "connection_name": first, "channel_number": 1}, "memory": 700},
        {"name": {"type": "registered", "name": "rabbit_top_worker"}, "memory": 600},
        {"name": {"type": "rabbit_reader", "connection_name": first}, "memory": 50}, {"memory": 3},
        {"name": {"type": "rabbit_amqqueue_process", "queue_name": "q", "vhost": "/"}, "memory": 90},
        {"name": {"connection_name": second}, "memory": 40}]})
    assert admin.held() == {first: 750, second: 40, "q": 90}


def test_a_broker_without_the_plugin_says_nothing_of_what_is_held(broker: StubBroker, admin: BusAdmin) -> None:
    broker.answers["/api/nodes?columns=name"] = (200, [{"name": "rabbit@localhost"}])
    broker.answers["/api/top/rabbit%40localhost?sort=memory&row_count=500"] = (404, b"")
    assert admin.held() == {}


def test_definitions_hold_the_queues_of_hosts_and_no_others(broker: StubBroker, admin: BusAdmin) -> None:
    def bound(source: str, destination: str, kind: str, key: str) -> dict[str, str]:
        return {"source": source, "destination": destination, "destination_type": kind, "routing_key": key}

    own, host = "mtce.agent.worker-0", "flock.host.worker-0"
    well = [bound("flock", own, "queue", own), bound(host, "flock.to.fm.manager", "exchange", "fm.manager"),
            bound(host, own, "queue", own)]
    others = [bound("flock", own, "queue", "#"), bound("odd", own, "queue", own), bound("flock", "q", "queue", "q"),
              bound(host, "mtce.agent.worker-0_fanout", "exchange", "x")]
    exchanges = [{"name": name} for name in ("flock", host, "flock.to.fm.manager")]
    broker.answers["/api/definitions"] = (200, {
        "queues": [{"name": name} for name in ("fm.manager", own, "reply_host.worker-0_0", "reply_host.worker-0_0a1b")],
        "exchanges": [*exchanges, {"name": "mtce.agent.worker-0_fanout"}, {"name": "flocks"}],
        "bindings": [*others, *well], "users": [{"name": "a"}], "parameters": [1], "policies": ["rubbish"]})
    found = admin.definitions("flock", [ACCESS])
    assert found["queues"] == [{"name": own}, {"name": "reply_host.worker-0_0"}]
    assert found["bindings"] == sorted(well, key=lambda row: json.dumps(row, sort_keys=True))
    assert sorted(row["name"] for row in found["exchanges"]) == sorted(row["name"] for row in exchanges)
    assert found["users"] == [{"name": "a"}] and not found["policies"] and "parameters" not in found


def test_bindings_with_their_ends_and_keys(broker: StubBroker, admin: BusAdmin) -> None:
    broker.answers["/api/bindings/%2F?columns=source,destination,destination_type,routing_key"] = (200, [
        {"source": "flock", "destination": "a", "destination_type": "queue", "routing_key": "k"},
        {"source": "", "destination": "b", "destination_type": "exchange"}, 1])
    assert admin.bindings() == [Binding("flock", "a", True, "k"), Binding("", "b", False, "")]


@pytest.mark.parametrize("status", [301, 401, 404, 500])
def test_a_check_that_is_refused_does_not_say_that_there_is_memory(
        broker: StubBroker, admin: BusAdmin, status: int) -> None:
    broker.answers["/api/health/checks/local-alarms"] = (status, b"")
    with pytest.raises(Unavailable, match=f"local-alarms is answered with {status}"):
        admin.is_full()


CALLS: dict[str, Callable[[BusAdmin], Any]] = {
    "exchange": lambda admin: admin.make_exchange("flock"), "limit": lambda admin: admin.limit_connections("a", 1),
    "password": lambda admin: admin.set_password("a", "b"), "close": lambda admin: admin.close("c"),
    "barred": BusAdmin.barred, "connections": BusAdmin.connections, "hosts": BusAdmin.hosts,
    "held": BusAdmin.held, "bindings": BusAdmin.bindings,
    "queues": BusAdmin.queues, "exchanges": BusAdmin.exchanges, "memory": BusAdmin.is_full}


@pytest.mark.parametrize("name", CALLS)
def test_a_broker_that_is_away_is_unavailable(name: str) -> None:
    server = StubBroker()
    server.server_close()
    with pytest.raises(Unavailable) as caught:
        CALLS[name](BusAdmin(server.url, "service.bus-admin", "secret"))
    assert caught.value.params == {"service": "the broker's management", "reason": "ConnectionError"}


@pytest.mark.parametrize("name", ["exchange", "close", "hosts"])
@pytest.mark.parametrize("status", [302, 307, 401, 500])
def test_neither_a_redirect_nor_a_refusal_counts_as_done(
        broker: StubBroker, admin: BusAdmin, name: str, status: int) -> None:
    broker.answers = dict.fromkeys(
        ("/api/exchanges/%2F/flock", "/api/connections/c", "/api/users"), (status, b""))
    with pytest.raises(Unavailable, match=f"is answered with {status}"):
        CALLS[name](admin)
    assert len(broker.asked) == 1


def test_an_answer_that_is_no_json_or_too_long_is_not_used(broker: StubBroker, admin: BusAdmin) -> None:
    broker.answers["/api/users"] = (200, b"<html>")
    with pytest.raises(Unavailable, match="GET users: no JSON"):
        admin.hosts()
    rest = b'[{"name": "host.a"}]'
    broker.answers["/api/users"] = (200, rest.ljust(ANSWER_MAX))
    assert admin.hosts() == ["a"]
    broker.answers["/api/users"] = (200, rest.ljust(ANSWER_MAX + 1))
    with pytest.raises(Unavailable):
        admin.hosts()

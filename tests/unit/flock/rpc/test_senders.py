# SPDX-License-Identifier: Apache-2.0
"""Accounts, the declarations of all interfaces, and how much one host may send."""
import ast
import re
from dataclasses import replace
from pathlib import Path

import pytest

from flock.foreign.messaging import Arrived
from flock.rpc.accounts import (
    Binding,
    SenderKind,
    host_account,
    host_names,
    host_permissions,
    inlet,
    is_prepared,
    is_reply_queue,
    lost_inlets,
    reply_prefix,
    reply_queues,
    requests_exchange,
    sender_of,
    sender_to,
    service_account,
    service_permissions,
)
from flock.rpc.errors import SenderRefused, TooManyMessages
from flock.rpc.gate import OVER, SENDER, Gate, Permit, Rates, fill, is_flood, is_over, refill, spend, take
from flock.rpc.interface import SERVICES_ONLY, call, cast, host_named, interface_spec, number_in, rpc_interface
from flock.rpc.signature import signatures
from sysinv.model import busaccounts
from tests.wire.interfaces import interfaces

INTERFACES = interfaces()
RATES = Rates(messages_per_s=10, messages_burst=100, bytes_per_s=1000, bytes_burst=10_000)


@pytest.mark.parametrize("namespace", INTERFACES)
def test_every_interface_states_who_may_speak(namespace):
    spec = interface_spec(INTERFACES[namespace])
    assert spec.speaks_for in ("system", "host")
    for name, method in spec.methods.items():
        assert (method.about is not None) == (spec.speaks_for == "host"), name
        assert not (spec.per_host and method.timeout_s is not None), name


@pytest.mark.parametrize("namespace", [name for name, kind in INTERFACES.items()
                                       if interface_spec(kind).speaks_for == "host"])
def test_every_path_to_a_host_is_a_path_of_the_arguments(namespace):
    """``about`` must find a host in the arguments as they arrive, else it would refuse what is permitted."""
    for name, signature in signatures(INTERFACES[namespace]).items():
        about = signature.spec.about
        if about is None or about.hosts is None:
            continue
        found = about.hosts(_Everything())
        assert list(found) is not None, name


class _Everything(dict):
    """Arguments in which every path leads to a hostname."""

    def __getitem__(self, key):
        return [] if key == "requests" else _Anything("worker-0")


class _Anything(str):
    def __getattr__(self, name):
        return _Anything("worker-0")


def test_every_topic_is_served_by_an_account():
    served = {topic for service in busaccounts.SERVICES.values() for topic in service.serves}
    for kind in INTERFACES.values():
        spec = interface_spec(kind)
        assert spec.topic in (busaccounts.AGENT_TOPICS if spec.per_host else served), spec.namespace
        if spec.speaks_for == "host":
            assert spec.topic in busaccounts.HOST_SENDS_TO, spec.namespace


def test_an_interface_without_a_declaration_does_not_import():
    with pytest.raises(TypeError, match="speaks_for"):
        rpc_interface(topic="t", version="1.0")

    def declare(mark, **options):
        return rpc_interface(topic="t", version="1.0", **options)(
            type("Made", (), {"send": mark(_method())}))

    with pytest.raises(TypeError, match="about must be given"):
        declare(cast, speaks_for="host")
    with pytest.raises(TypeError, match="about must be given"):
        declare(cast(about=SERVICES_ONLY), speaks_for="system")
    with pytest.raises(TypeError, match="callers must name"):
        declare(cast, speaks_for="system")
    with pytest.raises(TypeError, match="callers must name"):
        declare(cast(about=SERVICES_ONLY), speaks_for="host")
    with pytest.raises(TypeError, match="callers must name"):
        declare(call(timeout_s=1, callers=()), speaks_for="system", callers=("an-api",))
    with pytest.raises(TypeError, match="among those of the interface"):
        declare(call(timeout_s=1, callers=("other",)), speaks_for="system", callers=("an-api",))
    with pytest.raises(TypeError, match="must be a cast"):
        declare(call(timeout_s=1), speaks_for="system", per_host=True)
    with pytest.raises(TypeError, match="must be system or host"):
        declare(cast, speaks_for="everybody", callers=("an-api",))
    assert interface_spec(declare(cast(about=host_named("hostname")), speaks_for="host")).methods["send"].about


CALLS = [(interface_spec(kind), daemon) for kind in INTERFACES.values() for daemon in interface_spec(kind).callers]


def test_the_broker_lets_each_daemon_send_to_the_topics_of_the_interfaces_that_it_calls():
    for daemon, service in busaccounts.SERVICES.items():
        called = [spec for spec, caller in CALLS if caller == daemon]
        assert set(service.calls) == {spec.topic for spec in called if not spec.per_host}, daemon
        assert set(service.agents) == {spec.topic for spec in called if spec.per_host}, daemon
    assert {daemon for _, daemon in CALLS} <= set(busaccounts.SERVICES)


@pytest.mark.parametrize(("daemon", "key", "permitted"), [
    ("fm-api", "fm.manager", True), ("fm-api", "mtce.conductor", False), ("fm-api", "mtce.agent.worker-1", False),
    ("fm-api", "sysinv.conductor_manager", False), ("fm-api", "fmxmanager", False), ("fm-api", "fm.manager.a.b", False),
    ("fm-manager", "fm.manager.controller-0", True), ("fm-manager", "mtce.conductor", False),
    ("mtce-conductor", "mtce.agent.worker-1", True), ("mtce-conductor", "sysinv.agent_manager.worker-1", False),
    ("mtce-conductor", "sysinv.conductor_manager", True), ("mtce-api", "sysinv.conductor_manager", False),
    ("sysinv-conductor", "sysinv.agent_manager.worker-1", True), ("sysinv-conductor", "mtce.agent.worker-1", False),
    ("sysinv-api", "mtce.conductor", True), ("sysinv-api", "mtce.agent.worker-1", False),
    ("sysinv-dnsmasq-lease-update", "fm.manager", False)])
def test_keys_with_which_a_daemon_may_send(daemon, key, permitted):
    assert bool(re.search(busaccounts.of_service(daemon, "flock").topic_write, key)) is permitted


ROOT = Path(__file__).parents[4]
PROGRAMS = {"sysinv-dnsmasq-lease-update": "sysinv.cmd.lease_tell"}


@pytest.mark.parametrize("daemon", busaccounts.SERVICES)
def test_the_declared_callers_are_the_daemons_that_have_a_client(daemon):
    """Each client that a daemon's program makes is permitted, and what it does not make is not."""
    subsystem, _, name = daemon.partition("-")
    made = set().union(*map(_clients, _imported(PROGRAMS.get(daemon, f"{subsystem}.cmd.{name.replace('-', '_')}"))))
    interfaces_ = {kind.__name__: interface_spec(kind) for kind in INTERFACES.values()}
    # What a daemon serves itself, it may also call: its account is the server's.
    served = busaccounts.SERVICES[daemon].serves
    assert ({spec.namespace for name, spec in interfaces_.items() if name in made and spec.topic not in served}
            == {spec.namespace for spec, caller in CALLS if caller == daemon})


def _imported(program):
    """The syntax trees of a program and of all modules of the product that it imports."""
    trees, waiting = {}, [program]
    while waiting:
        module = waiting.pop()
        place = ROOT.joinpath(*module.split("."))
        file = next((one for one in (place.with_suffix(".py"), place / "__init__.py") if one.exists()), None)
        if module in trees or file is None:
            continue
        trees[module] = ast.parse(file.read_text())
        for node in ast.walk(trees[module]):
            if isinstance(node, ast.Import):
                waiting += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                waiting += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    assert trees, program
    return trees.values()


def _clients(tree):
    """The names of the interfaces for which a module makes clients."""
    return {node.args[0].id for node in ast.walk(tree)
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Name)
            and "client" in (getattr(node.func, "attr", None), getattr(node.func, "id", None))}


def _method():
    def send(self, *, hostname: str) -> None:
        """Do nothing."""

    return send


@pytest.mark.parametrize(("user_id", "kind", "name"), [
    ("host.worker-0", SenderKind.HOST, "worker-0"), ("service.fm-api", SenderKind.SERVICE, "fm-api"),
    (None, SenderKind.UNKNOWN, ""), ("flock", SenderKind.UNKNOWN, "flock"), ("host.", SenderKind.UNKNOWN, "host."),
    ("host.a_b", SenderKind.UNKNOWN, "host.a_b"), ("host.-rf", SenderKind.UNKNOWN, "host.-rf"),
    ("Service.fm-api", SenderKind.UNKNOWN, "Service.fm-api")])
def test_the_sender_of_a_user_id(user_id, kind, name):
    sender = sender_of(user_id)
    assert (sender.kind, sender.name) == (kind, name)


@pytest.mark.parametrize("name", ["", "a_b", "a b", "-rf", "a\n", ".*", "a/b", "ä"])
def test_a_name_that_cannot_be_one_has_no_account(name):
    with pytest.raises(ValueError, match="cannot be the name"):
        host_account(name)
    with pytest.raises(ValueError, match="cannot be the name"):
        service_account(name)


def test_names_in_permissions_are_not_patterns():
    made = host_permissions("host.w.1", ("agent.w.1",))
    assert re.search(made.read, "agent.w.1") and not re.search(made.read, "agent.wx1")
    assert re.search(made.write, "flock.host.w.1") and not re.search(made.write, "flock.host.wx1")
    assert not re.search(made.write, "flock")
    names = host_names("w.1", ("agent.w.1",))
    for own in ("agent.w.1", "agent.w.1.w.1", "agent.w.1_fanout", "agent.w.1_fanout_0a", "reply_host.w.1_0a"):
        assert re.search(names, own) and not re.search(names, own.replace("w.1", "wx1"))


def test_a_host_makes_and_binds_nothing():
    access = busaccounts.of_host("w-1", "flock")
    rights = access.permissions
    assert rights.configure == rights.topic_read == rights.topic_write == "^$"
    assert all(re.search(rights.read, queue) and not re.search(rights.write, queue) for queue in access.queues)
    assert [name for name in ("flock", access.requests, *access.queues) if re.search(rights.write, name)] == [
        access.requests]
    assert not [binding for binding in access.bindings if binding.source == access.requests and binding.to_queue]
    assert not re.search(rights.read, "flock") and not re.search(rights.read, access.requests)
    assert all(is_reply_queue(name, access.account) for name in reply_queues(access.account))


def test_what_a_host_lacks_in_the_broker_is_noticed():
    access = busaccounts.of_host("w-1", "flock")
    queues = list(access.queues)
    exchanges = ["flock", access.requests, *(inlet(topic) for topic in access.topics)]

    def well(queues, exchanges, bindings):
        return is_prepared(access, set(queues), set(exchanges), None if bindings is None else set(bindings))

    assert well(queues, exchanges, None)
    assert well(queues, exchanges, [*access.bindings, Binding("", "q", True, "q")])
    assert not well(queues[1:], exchanges, None) and not well(queues[:-1], exchanges, None)
    assert not well(queues, exchanges[:-1], None)
    assert not well(queues, exchanges[::2], None)
    for number in range(len(access.bindings)):
        rest = [*access.bindings[:number], *access.bindings[number + 1:]]
        assert not well(queues, exchanges, rest)
        assert not well(queues, exchanges, [*rest, replace(access.bindings[number], routing_key="#")])


def test_an_inlet_without_its_queue_is_noticed():
    queues = {"fm.manager", "x"}
    bound = Binding("flock.to.fm.manager", "fm.manager", True, "")
    assert lost_inlets(["fm.manager", "mtce.conductor"], queues, set()) == [bound], "a service makes its queue itself"
    assert lost_inlets(["fm.manager"], queues, {bound}) == []


def test_a_message_without_a_name_is_the_hosts_to_whose_exchange_it_was_sent():
    assert str(sender_to("flock.host.w-1")) == "host w-1"
    for name in ("flock", "", "flock.to.fm.manager", "flock.host.", "flock.service.fm-api"):
        assert sender_to(name).kind is SenderKind.UNKNOWN
    gate, told = Gate(Rates(10, 100, 1000, 10_000)), []
    gate.note = lambda sender, what: told.append((str(sender), what))
    assert gate.request(Arrived(None, 10, None, exchange="flock.host.w-1")) is None
    assert told == [("host w-1", "dropped a request without a user id")]


def test_exchanges_of_senders_and_of_topics():
    assert requests_exchange("host.w-1") == "flock.host.w-1"
    assert requests_exchange("service.api") == requests_exchange("stranger") == "flock"
    service = service_permissions("conductor", ("things.conductor",), (), ())
    assert re.search(service.configure, inlet("things.conductor"))
    assert not re.search(service.configure, inlet("fm.manager"))


def test_a_burst_passes_and_what_is_owed_is_bounded():
    bucket = fill(RATES, 0.0)
    for _ in range(100):
        bucket = take(bucket, 1, RATES, 0.0)
    assert not is_over(bucket)
    bucket = take(bucket, 1, RATES, 0.0)
    assert is_over(bucket) and not is_flood(bucket, RATES)
    for _ in range(1000):
        bucket = take(bucket, 1, RATES, 0.0)
    assert is_flood(bucket, RATES) and bucket.messages == -100
    assert not is_over(take(bucket, 1, RATES, 10.2))
    # A clock that jumps back gives nothing.
    assert is_over(take(bucket, 1, RATES, -50.0))


def test_bytes_are_limited_as_messages_are():
    bucket = take(fill(RATES, 0.0), 10_001, RATES, 0.0)
    assert is_over(bucket) and not is_over(refill(bucket, RATES, 0.1))


def test_the_time_of_threads_is_limited_too():
    bucket = spend(fill(RATES, 0.0), RATES.seconds_burst, RATES, 0.0)
    assert not is_over(bucket)
    bucket = spend(bucket, 1.0, RATES, 0.0)
    # Refusals cost nothing, so the sender is told, and its casts alone are dropped.
    assert is_over(bucket) and not is_flood(bucket, RATES)
    assert not is_over(refill(bucket, RATES, 1.0 / RATES.seconds_per_s))
    assert spend(bucket, 1e9, RATES, 0.0).seconds == -RATES.seconds_burst


def test_slow_requests_of_one_host_leave_threads_to_the_others():
    now = [0.0]
    gate = Gate(RATES, lambda: now[0])
    own = f"{reply_prefix('host.a')}0a"
    gate.spent(sender_of("host.a"), RATES.seconds_burst + 1)
    gate.spent(sender_of("service.fm-api"), 1e9)
    assert gate.request(arrived("host.a", own)) == {SENDER: "host.a", OVER: True}
    assert gate.request(arrived("host.b", f"{reply_prefix('host.b')}0a")) == {SENDER: "host.b", OVER: False}
    assert gate.request(arrived("service.fm-api", None)) == {SENDER: "service.fm-api", OVER: False}
    now[0] = 1.0
    assert gate.request(arrived("host.a", own)) == {SENDER: "host.a", OVER: False}


def arrived(account, reply=None, size=10):
    return Arrived(account, size, reply)


def test_what_cannot_be_read_is_dropped_and_counts_as_a_refusal_of_its_host():
    gate = Gate(RATES, lambda: 0.0)
    own = f"{reply_prefix('host.a')}0a"
    wrong = "whose content is not JSON"
    assert gate.request(Arrived("host.a", 10, own, wrong)) is None
    assert not gate.reply(Arrived("service.fm-api", 10, None, wrong))
    assert gate.reply(Arrived("service.fm-api", 10, None))
    assert list(gate.refusals.take()) == ["a"]
    # They cost their host as much as others.
    assert not any(gate.request(Arrived("host.a", RATES.bytes_burst, None, wrong)) for _ in range(2))
    assert gate.over() == ["a"]


def test_one_host_over_its_share_does_not_touch_another():
    now = [0.0]
    gate = Gate(RATES, lambda: now[0])
    own = f"{reply_prefix('host.a')}0a"
    assert all(gate.request(arrived("host.a", own)) == {SENDER: "host.a", OVER: False} for _ in range(100))
    assert gate.over() == []
    # Refused with a reply first, dropped when the host goes on; casts have no reply and are dropped at once.
    assert gate.request(arrived("host.a", own)) == {SENDER: "host.a", OVER: True}
    assert gate.over() == ["a"]
    assert gate.request(arrived("host.a")) is None
    assert [gate.request(arrived("host.a", own)) for _ in range(20)][-1] is None
    assert gate.request(arrived("host.b")) == {SENDER: "host.b", OVER: False}
    assert all(gate.request(arrived("service.fm-api")) for _ in range(1000))
    now[0] = 20.0
    assert gate.over() == []
    assert gate.request(arrived("host.a")) == {SENDER: "host.a", OVER: False}


def permit_of_batches(gate):
    def send(self, *, hostname: str, requests: list[int]) -> None:
        """Send many."""

    made = rpc_interface(topic="t", version="1.0", speaks_for="host", callers=("an-api",))(type("Made", (), {
        "send": call(timeout_s=1, about=host_named("hostname"), weight=number_in("requests"))(send)}))
    spec = interface_spec(made)
    return Permit(spec, spec.methods["send"], None, gate)


def test_the_requests_in_a_message_count_against_the_share_of_their_host():
    now = [0.0]
    gate = Gate(replace(RATES, requests_per_s=10, requests_burst=100), lambda: now[0])
    permit = permit_of_batches(gate)

    def send(number, account="host.a"):
        sender = permit.sender({SENDER: account, OVER: False}, OWN)
        permit.check(sender, {"hostname": "a", "requests": [0] * number})

    # What is left may be exceeded once; after that not even an empty batch is decoded.
    send(60)
    send(60)
    for _ in range(50):
        with pytest.raises(TooManyMessages, match="host a"):
            permit.sender({SENDER: "host.a", OVER: False}, OWN)
    # Services have no limit, other hosts their own share.
    for _ in range(10):
        send(500, "service.an-api")
    assert gate.admit("b", 100)
    # The 50 refused attempts count nothing: 20 are owed, and 2 seconds make them up.
    now[0] = 1.9
    assert not gate.admit("a", 0)
    now[0] = 2.0
    send(10**6)
    # However large a batch is said to be, at most a burst is owed.
    now[0] = 11.9
    assert not gate.admit("a", 0)
    now[0] = 12.0
    assert gate.admit("a", 0)


def test_a_host_with_much_to_send_gets_its_full_rate():
    """A raiser that comes back with 5,000 stored requests sends each batch until it is taken, in order."""
    now, left, tries = [0.0], 5000, 0
    gate = Gate(replace(RATES, requests_per_s=100, requests_burst=1000), lambda: now[0])
    while left:
        if gate.admit("a", 500):
            left -= 500
        else:
            tries += 1
            now[0] += 0.5
    assert now[0] <= 42.0 and tries > 10


def test_the_share_of_many_names_is_bounded_memory():
    now = [0.0]
    gate = Gate(RATES, lambda: now[0])
    for number in range(10_000):
        now[0] += 1.0
        gate.request(arrived(f"host.h{number}"))
    assert len(gate._shares._buckets) <= 4096


@pytest.mark.parametrize(("user_id", "reply"), [
    (None, None), (None, "reply_x"), ("host.a", "reply_host.b_0a"), ("host.a", "mtce.agent.b"), ("host.a", ""),
    ("host.a", "reply_host.a_"), ("host.a", "reply_host.a_0x"), ("host.a", "reply_host.a_" + "0" * 65),
    ("host.a", "reply_host.a_0a\n"), ("service.x", "reply_host.a_0a")])
def test_requests_without_a_user_id_or_for_anothers_reply_queue_are_dropped(user_id, reply):
    assert Gate(RATES).request(arrived(user_id, reply)) is None


def test_only_services_reply():
    gate = Gate(RATES)
    assert gate.reply(arrived("service.fm-manager"))
    assert not any(gate.reply(arrived(account)) for account in ("host.worker-0", "flock", None))


def test_a_sender_that_is_over_its_share_learns_it():
    made = rpc_interface(topic="t", version="1.0", speaks_for="host")(
        type("Made", (), {"send": cast(about=host_named("hostname"))(_method())}))
    spec = interface_spec(made)
    permit = Permit(spec, spec.methods["send"], None, Gate(RATES))
    with pytest.raises(TooManyMessages, match="host a"):
        permit.sender({SENDER: "host.a", OVER: True}, OWN)
    for unknown in ({}, {SENDER: "flock"}, {SENDER: None}):
        with pytest.raises(SenderRefused):
            permit.sender(unknown, OWN)
    sender = permit.sender({SENDER: "host.a", OVER: False}, OWN)
    permit.check(sender, {"hostname": "a"})
    with pytest.raises(SenderRefused, match="about 'b'"):
        permit.check(sender, {"hostname": "b"})


OWN = "service.server"


@pytest.mark.parametrize(("speaks_for", "about"), [("system", None), ("host", host_named("hostname")),
                                                   ("host", SERVICES_ONLY)])
def test_only_the_declared_daemons_may_call(speaks_for, about):
    methods = {"send": call(timeout_s=1, about=about)(_method()),
               "few": call(timeout_s=1, about=about, callers=("an-api",))(_named("few"))}
    publish = rpc_interface(topic="t", version="1.0", speaks_for=speaks_for, callers=("an-api", "conductor"))
    spec = interface_spec(publish(type("Made", (), methods)))
    send, few = (Permit(spec, spec.methods[name], None, Gate(RATES)) for name in ("send", "few"))
    for permit, account in ((send, "service.an-api"), (send, "service.conductor"), (few, "service.an-api"),
                            (send, OWN), (few, OWN)):
        assert str(permit.sender({SENDER: account}, OWN)) == account.replace(".", " ")
    for permit, account in ((few, "service.conductor"), (send, "service.other"), (send, "service.an-api-2"),
                            (send, "an-api"), (send, None)):
        with pytest.raises(SenderRefused):
            permit.sender({SENDER: account}, OWN)
    # A server without an account knows nobody by it, and a host that serves gets no right of a service from that.
    with pytest.raises(SenderRefused):
        send.sender({SENDER: ""}, "")
    if about is None or about is SERVICES_ONLY:
        with pytest.raises(SenderRefused):
            send.sender({SENDER: "host.a"}, "host.a")


def _named(name):
    method = _method()
    method.__name__ = name
    return method

# SPDX-License-Identifier: Apache-2.0
"""Client and server over the in-memory bus: arguments, errors, casts, limits, completeness of implementations."""
from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, make_dataclass
from typing import Any

import pytest
from oslo_context import context as oslo_context
from prometheus_client import REGISTRY

from flock.core.errors import Conflict, DeadlineExceeded, InvalidInput, Refused, RemoteError, Unavailable
from flock.rpc import Server, Transport, VersionMismatch, call, cast, client, rpc_interface, text
from flock.rpc.errors import Undecodable
from flock.rpc.gate import SENDER
from flock.rpc.messaging import oslo_messaging
from flock.rpc.signature import fingerprint
from flock.rpc.versions import compare, describe
from tests.compared import differences


@dataclass(frozen=True)
class Thing:
    name: str
    size: int = 1


@dataclass(frozen=True)
class NewerThing:
    name: str
    size: int = 1
    colour: str = "none"


class ThingBusy(Conflict):
    code, text = "test.thing_busy", "Thing {name} is busy."


@rpc_interface(topic="things", version="1.1", speaks_for="system", callers=("tests",), namespace="things")
class Things:
    @call(timeout_s=3)
    def grow(self, *, thing: Thing, by: int = 2) -> Thing:
        raise TypeError("interface")

    @call(timeout_s=3)
    def act(self, *, how: str) -> str | None:
        raise TypeError("interface")

    @cast
    def note(self, *, word: str) -> None:
        raise TypeError("interface")


@rpc_interface(topic="things", version="1.0", speaks_for="system", callers=("tests",), namespace="other")
class Other:
    @call(timeout_s=3)
    def act(self) -> str:
        raise TypeError("interface")


class Keeper:
    def __init__(self) -> None:
        self.noted = threading.Event()
        self.leave = threading.Event()

    def grow(self, *, thing: Thing, by: int = 2) -> Thing:
        return Thing(thing.name, thing.size + by)

    def act(self, *, how: str) -> Any:
        if how == "busy":
            raise ThingBusy(name="x")
        if how == "break":
            raise KeyError("password=hunter2")
        if how == "block":
            self.leave.wait(10)
        if how == "big":
            return "x" * 9_000_000
        if how == "wrong":
            return 5
        if how == "id":
            return oslo_context.get_current().request_id
        return None

    def note(self, *, word: str) -> None:
        if word == "bad":
            raise ThingBusy(name="noted")
        self.noted.set()


class OtherKeeper:
    def act(self) -> str:
        return "other"


@pytest.fixture
def keeper() -> Keeper:
    return Keeper()


@pytest.fixture
def bus(fake_transport: Transport, keeper: Keeper) -> Iterator[Transport]:
    heard = threading.Event()
    server = Server(fake_transport, "keeper", {Things: keeper, Other: OtherKeeper()}, threads_max=4,
                    echo_interval_s=300, heard=heard.set)
    # Echoes use the transport's threads, which some tests count.
    assert server.start(5) and heard.wait(5)
    assert server.ready
    yield fake_transport
    keeper.leave.set()
    assert server.stop(5)
    assert not server.ready


def test_call_with_defaults_and_namespaces(bus: Transport) -> None:
    things = client(Things, bus)
    assert isinstance(things, Things)
    assert things.grow(thing=Thing("a")) == Thing("a", 3)
    assert things.grow(thing=Thing("a", 5), by=5) == Thing("a", 10)
    assert client(Other, bus).act() == "other"


def test_errors(bus: Transport) -> None:
    things = client(Things, bus)
    with pytest.raises(ThingBusy, match="Thing x is busy"):
        things.act(how="busy")
    with pytest.raises(RemoteError) as broken:
        things.act(how="break")
    assert "hunter2" not in str(broken.value)
    assert "KeyError" in str(broken.value)
    with pytest.raises(InvalidInput, match="result: must be a string"):
        things.act(how="wrong")


def test_arguments_are_checked_before_sending(bus: Transport) -> None:
    things: Any = client(Things, bus)
    with pytest.raises(InvalidInput, match="thing: is required"):
        things.grow()
    with pytest.raises(InvalidInput, match="colour: is not an argument of grow"):
        things.grow(thing=Thing("a"), colour="red")
    with pytest.raises(InvalidInput, match=r"thing\.size: must be an integer"):
        things.grow(thing=Thing("a", "big"))  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        things.grow(Thing("a"))


def _plainly(bus: Transport, body: Any, version: str = "1.0") -> Any:
    """The answer to a request that is sent as it is."""
    target = oslo_messaging.Target(exchange=bus.exchange, topic="things", namespace="things", version=version)
    asking = oslo_messaging.get_rpc_client(bus.messaging, target, timeout=3)
    answer = asking.call({SENDER: "service.tests"}, "grow", body=body)
    return json.loads(text.unpack(answer, 1000, "answer"))


def test_the_server_checks_what_comes_in(bus: Transport) -> None:
    for body in (None, 5, "{", "[]", "{}{}", "{'thing':1}", "{'thing':{'size':1}}"):
        assert _plainly(bus, body)["error"]["code"] == "flock.rpc.undecodable"
    assert _plainly(bus, "{'thing':{'name':'a'}}") == {"ok": {"name": "a", "size": 3}}
    target = oslo_messaging.Target(exchange=bus.exchange, topic="things", namespace="things", version="1.0")
    with pytest.raises(Exception, match=r"target|__init__|method"):
        oslo_messaging.get_rpc_client(bus.messaging, target, timeout=3).call({SENDER: "service.tests"}, "__init__")


def test_requests_of_a_newer_minor_version_are_served(bus: Transport) -> None:
    assert _plainly(bus, "{'thing':{'name':'a','colour':'red'},'more':[1]}")["ok"]["size"] == 3

    @rpc_interface(topic="things", version="1.7", speaks_for="system", callers=("tests",), namespace="things")
    class Newer:
        @call(timeout_s=3)
        def grow(self, *, thing: NewerThing, by: int = 2, colour: str = "red") -> NewerThing:
            raise TypeError("interface")

        @call(timeout_s=3)
        def shrink(self) -> None:
            raise TypeError("interface")

    newer = client(Newer, bus)
    assert newer.grow(thing=NewerThing("a", 5, "blue"), colour="blue") == NewerThing("a", 7, "none")
    with pytest.raises(VersionMismatch):
        newer.shrink()
    assert differences(bus, Newer) == ["keeper serves things 1.1 beside our 1.7"]


def test_answers_that_cannot_be_read_are_no_refusal(bus: Transport) -> None:
    @rpc_interface(topic="things", version="1.1", speaks_for="system", callers=("tests",), namespace="things")
    class Other:
        @call(timeout_s=3)
        def grow(self, *, thing: Thing) -> str:
            raise TypeError("interface")

        @call(timeout_s=3)
        def act(self, *, how: int) -> str:
            raise TypeError("interface")

    with pytest.raises(Undecodable, match="reply of grow must be a string"):
        client(Other, bus).grow(thing=Thing("a"))
    with pytest.raises(Undecodable, match="how must be a string"):
        client(Other, bus).act(how=5)
    assert not issubclass(Undecodable, Refused)


def test_a_message_has_the_size_of_its_json() -> None:
    data = json.dumps({"a": 'say "it\'s" \\ ^'}).encode()
    assert text.unpack(text.pack(data, 100, "x"), 100, "x") == data
    thing = json.dumps({"name": "a", "labels": ["b", "c\n"]}).encode()
    wrapped = json.dumps(json.dumps(text.pack(thing, 100, "x")))
    assert len(wrapped) == len(thing) + len(json.dumps(json.dumps("")))
    with pytest.raises(InvalidInput, match="at most 10 bytes, got 14"):
        text.pack(b'"xxxxxxxxxxxx"', 10, "x")
    # What is not ASCII counts as it travels.
    with pytest.raises(InvalidInput, match="at most 10 bytes"):
        text.pack('"ééé"'.encode(), 10, "x")
    for wrong in (b"bytes", "\ud800", "x" * 101):
        with pytest.raises(InvalidInput):
            text.unpack(wrong, 100, "x")


def test_size_limits(bus: Transport) -> None:
    things = client(Things, bus)
    with pytest.raises(InvalidInput, match="arguments of act: at most 8388608 bytes"):
        things.act(how="x" * 9_000_000)
    with pytest.raises(InvalidInput, match="reply of act: at most"):
        things.act(how="big")


def test_deadline(bus: Transport) -> None:
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded, match=r"things\.act at things did not finish within 0.2 s"):
        client(Things, bus, deadline_s=0.2).act(how="block")
    assert time.monotonic() - started < 1.5


def test_saturated_client_refuses_at_once(bus: Transport, keeper: Keeper) -> None:
    things = client(Things, bus, deadline_s=10)
    bus.calls.threads_max = 2
    answers: list[str | None] = []
    threads = [threading.Thread(target=lambda: answers.append(things.act(how="block"))) for _ in range(2)]
    for thread in threads:
        thread.start()
    end = time.monotonic() + 5
    while bus.calls.stats()["busy"] < 2:
        assert time.monotonic() < end
    started = time.monotonic()
    with pytest.raises(Unavailable, match="all 2 threads are busy"):
        things.act(how="id")
    assert time.monotonic() - started < 0.5
    keeper.leave.set()
    for thread in threads:
        thread.join(10)
    assert answers == [None, None]


def test_request_id_of_the_caller_or_a_new_one(bus: Transport) -> None:
    things = client(Things, bus)
    made_up = things.act(how="id")
    assert made_up is not None
    assert made_up.startswith("req-")
    oslo_context.RequestContext(request_id="req-42")
    try:
        assert things.act(how="id") == "req-42"
    finally:
        oslo_context._request_store.context = None


def test_cast(bus: Transport, keeper: Keeper) -> None:
    client(Things, bus).note(word="bad")
    client(Things, bus).note(word="good")
    assert keeper.noted.wait(5)


def test_nobody_listens(fake_transport: Transport) -> None:
    with pytest.raises(DeadlineExceeded):
        client(Things, fake_transport, deadline_s=0.2).act(how="id")


def test_unknown_version_is_said(bus: Transport) -> None:
    @rpc_interface(topic="things", version="2.0", speaks_for="system", callers=("tests",), namespace="things")
    class Later:
        @call(timeout_s=3)
        def grow(self) -> None:
            raise TypeError("interface")

    with pytest.raises(VersionMismatch):
        client(Later, bus).grow()
    with pytest.raises(VersionMismatch, match=r"serves things 1\.1, 2\.0 is needed"):
        differences(bus, Later)


def test_describe_and_check(bus: Transport) -> None:
    answer = describe(bus, "things", 3)
    assert answer["server"] == "keeper"
    assert set(answer["interfaces"]) == {"things", "other"}
    assert differences(bus, Things, Other) == []


def test_compare_rules() -> None:
    same = {"version": "1.1", "fingerprint": fingerprint(Things)}
    assert compare(Things, {"things": same}, "s") is None
    for version in ("1.0", "1.2"):
        assert "beside our 1.1" in str(compare(Things, {"things": {"version": version, "fingerprint": "x"}}, "s"))
    assert "other signatures" in str(compare(Things, {"things": {**same, "fingerprint": "x"}}, "s"))
    for served in ({}, {"things": {**same, "version": "2.1"}}, {"things": {**same, "version": "one"}}):
        with pytest.raises(VersionMismatch):
            compare(Things, served, "s")


def test_the_fingerprint_covers_records_to_their_leaves() -> None:
    prints = set()
    for leaf in (str, int, str | None):
        inner = make_dataclass("Inner", [("leaf", leaf)])
        for fields in ([("inner", list[inner])], [("inner", list[inner]), ("more", int, 0)]):  # type: ignore[valid-type]
            record: Any = make_dataclass("Record", fields)

            class Told:
                def tell(self, *, record: object) -> None:
                    raise TypeError("interface")

            Told.tell.__annotations__["record"] = record
            Told.tell = cast(Told.tell)  # type: ignore[method-assign]
            publish = rpc_interface(topic="t", version="1.0", speaks_for="system", callers=("tests",))
            prints.add(fingerprint(publish(Told)))
    assert len(prints) == 6


def test_incomplete_implementation_is_refused(fake_transport: Transport) -> None:
    with pytest.raises(TypeError, match="OtherKeeper does not implement Things.act|grow|note"):
        Server(fake_transport, "s", {Things: OtherKeeper()})


def test_metrics_count_both_sides(bus: Transport) -> None:
    labels = {"interface": "other", "method": "act", "outcome": "ok"}
    before = [REGISTRY.get_sample_value(f"flock_rpc_{side}_total", labels) or 0 for side in ("client", "server")]
    client(Other, bus).act()
    after = [REGISTRY.get_sample_value(f"flock_rpc_{side}_total", labels) or 0 for side in ("client", "server")]
    assert after == [before[0] + 1, before[1] + 1]


def test_interfaces_need_keyword_only_annotated_methods() -> None:
    with pytest.raises(TypeError, match="keyword-only"):
        @rpc_interface(topic="t", version="1.0", speaks_for="system", callers=("tests",))
        class Positional:
            @call(timeout_s=1)
            def act(self, name: str) -> None:
                raise TypeError("interface")


def test_contract_modules_load_no_messaging_library() -> None:
    code = "import flock.rpc.interface, sys; sys.exit('oslo_messaging' in sys.modules or 'sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0

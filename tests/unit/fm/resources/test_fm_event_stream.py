# SPDX-License-Identifier: Apache-2.0
"""The stream inside one process: resume, filters, limits, slow listeners, expiry, end of the process."""
from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
import webob
from prometheus_client import REGISTRY

from flock.api import build_app
from flock.api.stream import PIECE_BYTES_MAX, Peer
from flock.db import Database, new_uuid, utcnow
from flock.db.inserts import insert_all
from flock.testing.fixtures import private_conf
from flock.testing.identity import trusting
from flock.testing.services.process import wait_for
from fm.api.application import stream_settings
from fm.conf import options
from fm.conf import stream as stream_options
from fm.contract.enums import AlarmState, AlarmType, Severity
from fm.core.records import Event
from fm.db.tables import EVENT_LOG, EVENT_SUPPRESSION, METADATA
from fm.manager.catalogue import synchronise
from fm.resources.event_log import store as events
from fm.resources.event_stream import sending
from fm.resources.event_stream.api import remaining
from fm.resources.event_stream.rules import Start
from fm.resources.event_stream.sending import EventStream
from fm.resources.event_stream.service import Hub, Settings, TooManyStreams

AT = datetime(2026, 3, 1, tzinfo=UTC)


def put(database: Database, count: int, ident: str = "200.004", state: AlarmState = AlarmState.SET) -> None:
    with database.writer() as conn:
        insert_all(conn, [events.new_rows([
            Event(new_uuid(), ident, state, "host", f"host=c{number}", AT, Severity.MAJOR, "r", AlarmType.OTHER,
                  "unknown", "", False, False) for number in range(count)], AT)])


class Stream:
    """A listener without a connection."""

    def __init__(self, ask: Callable[..., webob.Response], path: str = "/v1/event_stream", **headers: str) -> None:
        self.reply = ask(path, **headers)
        self.pieces: Iterator[bytes] = iter(self.reply.app_iter)
        self.text = next(self.pieces).decode() if self.reply.status_int == 200 else ""

    def until(self, condition: Callable[[str], bool]) -> str:
        """Read on until ``condition`` holds for the text so far."""
        ends = time.monotonic() + 10
        while not condition(self.text):
            assert time.monotonic() < ends, self.text[-500:]
            piece = next(self.pieces, None)
            assert piece is not None, f"the stream ended: {self.text[-500:]}"
            self.text += piece.decode()
        return self.text

    def rest(self) -> str:
        """Everything up to the end of the stream."""
        self.text += b"".join(self.pieces).decode()
        return self.text

    def ids(self) -> list[int]:
        return [int(line[4:]) for line in self.text.splitlines() if line.startswith("id: ")]

    def close(self) -> None:
        self.reply.app_iter.close()


@pytest.fixture
def hub(database: Database) -> Hub:
    METADATA.create_all(database.engine)
    synchronise(database)
    return Hub(database, Settings(streams_max=3, heartbeat_s=60, buffer_events=100))


@pytest.fixture
def ask(database: Database, hub: Hub) -> Callable[..., webob.Response]:
    app = build_app(private_conf(), "fm", deps=[database, hub], authenticate=trusting)

    def send(path: str, **headers: str) -> webob.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        expiry = named.pop("expires", None)
        request = webob.Request.blank(path, headers={"X-Roles": "reader", **named})
        if expiry is not None:
            request.environ["keystone.token_info"] = {"token": {"expires_at": expiry}}
        return request.get_response(app)

    return send


Ask = Callable[..., webob.Response]


def test_only_new_events_without_a_number_to_resume_after(database: Database, hub: Hub, ask: Ask) -> None:
    put(database, 3)
    stream = Stream(ask)
    assert stream.text == "retry: 3000\n\n"
    assert stream.reply.headers["Content-Type"] == "text/event-stream"
    assert stream.reply.headers["Cache-Control"] == "no-store"
    next_one = threading.Timer(0.2, put, (database, 2))
    next_one.start()
    text = stream.until(lambda text: text.count("data: ") == 2)
    assert stream.ids() == [4, 5] and text.count("event: fm.alarm.set\n") == 2
    body = json.loads(text.split("data: ")[1].split("\n")[0])
    assert list(body) == ["uuid", "event_log_id", "state", "entity_type_id", "entity_instance_id", "timestamp",
                          "severity", "reason_text", "event_log_type", "probable_cause", "proposed_repair_action",
                          "service_affecting", "suppression", "suppression_status"]
    stream.close()
    wait_for(lambda: hub._follower is None, 5, "the follower to end with its last listener")


@pytest.mark.parametrize(("path", "headers"), [
    ("/v1/event_stream?after=2", {}), ("/v1/event_stream", {"Last_Event_ID": "2"}),
    ("/v1/event_stream?after=0", {"Last_Event_ID": "2"})])
def test_resume(database: Database, ask: Ask, path: str, headers: dict[str, str]) -> None:
    put(database, 1200)
    stream = Stream(ask, path, **headers)
    stream.until(lambda text: text.count("data: ") == 1198)
    put(database, 5)
    stream.until(lambda text: text.count("data: ") == 1203)
    assert stream.ids() == list(range(3, 1206))
    stream.close()


def test_filters_and_what_is_hidden(database: Database, ask: Ask) -> None:
    for ident, state in (("200.004", AlarmState.SET), ("100.101", AlarmState.SET), ("100.101", AlarmState.LOG),
                         ("200.004", AlarmState.CLEAR)):
        put(database, 1, ident, state)
    with database.writer() as conn:
        conn.execute(sa.update(EVENT_SUPPRESSION).where(EVENT_SUPPRESSION.c.alarm_id == "100.101").values(
            suppression_status="suppressed"))
    for query, seen in (("", [1, 3, 4]), ("&include_suppress=True", [1, 2, 3, 4]), ("&alarms=True", [1, 4]),
                        ("&logs=True", [3]), ("&q.field=event_log_id&q.op=eq&q.value=100", [3]),
                        ("&q.field=event_log_id&q.op=ne&q.value=100", [1, 4])):
        stream = Stream(ask, f"/v1/event_stream?after=0{query}")
        stream.until(lambda text, seen=seen: text.count("data: ") >= len(seen))  # type: ignore[misc]
        assert stream.ids() == seen, query
        stream.close()


@pytest.mark.parametrize("query", ["after=x", "q.field=nosuch&q.op=eq&q.value=1", "alarms=perhaps", "limit=5"])
def test_a_bad_argument_is_refused(hub: Hub, ask: Ask, query: str) -> None:
    assert ask(f"/v1/event_stream?{query}").status_int == 400
    assert ask("/v1/event_stream", Last_Event_ID="x").status_int == 400
    assert REGISTRY.get_sample_value("fm_event_streams") == 0


def test_a_gap_is_told_once(database: Database, ask: Ask) -> None:
    put(database, 20)
    with database.writer() as conn:
        conn.execute(sa.delete(EVENT_LOG).where(EVENT_LOG.c.id <= 15))
    stream = Stream(ask, Last_Event_ID="10")
    stream.until(lambda text: text.count("data: ") == 6)
    assert stream.ids() == [15, 16, 17, 18, 19, 20] and stream.text.count("event: fm.stream.gap") == 1
    stream.close()
    again = Stream(ask, Last_Event_ID="15")
    assert "gap" not in again.until(lambda text: text.count("data: ") == 5)
    again.close()


def test_the_limit_of_streams(hub: Hub, ask: Ask) -> None:
    streams = [Stream(ask) for _ in range(3)]
    refused = ask("/v1/event_stream")
    assert refused.status_int == 503 and refused.headers["Retry-After"] == "5"
    assert "3 event streams" in refused.text
    assert REGISTRY.get_sample_value("fm_event_streams") == 3
    streams.pop().close()
    streams.append(Stream(ask))
    for stream in streams:
        stream.close()
        stream.close()
    assert REGISTRY.get_sample_value("fm_event_streams") == 0


def test_roles_are_those_of_the_event_log(ask: Ask) -> None:
    assert ask("/v1/event_stream", X_Roles="member").status_int == 403


def test_a_stream_ends_with_its_token(ask: Ask) -> None:
    expiry = (utcnow() + timedelta(seconds=1)).isoformat()
    stream = Stream(ask, expires=expiry)
    started = time.monotonic()
    assert stream.rest().endswith(": the token has expired: resume with a new one and Last-Event-ID\n\n")
    assert 0.5 < time.monotonic() - started < 5
    stream.close()


@pytest.mark.parametrize(("environ", "holds_s"), [
    ({}, 86400), ({"keystone.token_info": {"token": {"expires_at": "2026-13-01"}}}, 86400),
    ({"keystone.token_info": {"token": {"expires_at": "2999-01-01T00:00:00.000000Z"}}}, 86400),
    ({"keystone.token_info": {"token": {"expires_at": "2001-01-01T00:00:00.000000Z"}}}, -1)])
def test_how_long_a_token_holds(environ: dict[str, Any], holds_s: float) -> None:
    now = [1000.0]
    left = remaining(environ, lambda: now[0])
    assert left() == holds_s or left() < 0 > holds_s
    now[0] += 10
    assert left() == holds_s - 10 or left() < 0 > holds_s


def test_streams_end_with_the_process(hub: Hub, ask: Ask) -> None:
    stream = Stream(ask)
    ending = threading.Event()
    hub.is_ending = ending.is_set
    threading.Timer(0.3, ending.set).start()
    started = time.monotonic()
    assert ": the service stops" in stream.rest()
    assert time.monotonic() - started < 3
    stream.close()


def test_heartbeats_carry_the_position(database: Database, ask: Ask, hub: Hub) -> None:
    hub.settings = Settings(heartbeat_s=0.3)
    stream = Stream(ask, "/v1/event_stream?after=0&logs=True")
    put(database, 4)
    stream.until(lambda text: "id: 4" in text)
    assert ": heartbeat\nid: 4\n\n" in stream.text and "data:" not in stream.text
    stream.close()


def test_a_listener_that_falls_behind_is_told_and_resumes_without_loss(database: Database, hub: Hub, ask: Ask) -> None:
    slow, quick = Stream(ask), Stream(ask)
    put(database, 50)
    slow.until(lambda text: text.count("data: ") >= 1)
    put(database, 700)
    quick_ids: list[int] = []
    while len(quick_ids) < 750:
        try:
            quick.until(lambda text: text.count("data: ") > len(quick_ids))  # noqa: B023
        except AssertionError:
            quick = Stream(ask, Last_Event_ID=str(quick_ids[-1]))
        quick_ids = sorted({*quick_ids, *quick.ids()})
    assert quick_ids == list(range(1, 751))
    assert sending.TOO_SLOW in slow.rest()
    resumed = Stream(ask, Last_Event_ID=str(slow.ids()[-1]))
    resumed.until(lambda text: "id: 750\n" in text)
    assert slow.ids() + resumed.ids() == list(range(1, 751))
    for stream in (slow, quick, resumed):
        stream.close()


def test_a_listener_that_takes_nothing_is_cut_off(database: Database, hub: Hub) -> None:
    put(database, 3000)
    hub.settings = Settings(send_timeout_s=0.3)
    with (socket.create_server(("127.0.0.1", 0)) as listening,
          socket.create_connection(listening.getsockname()) as client):
        server, _ = listening.accept()
        with server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
            peer = Peer({"gunicorn.socket": server}, hub.settings.send_timeout_s)
            stream = EventStream(hub, hub.admit(), peer, Start(0), lambda row: True, lambda: 100.0)
            started = time.monotonic()
            for piece in stream:
                assert len(piece) <= PIECE_BYTES_MAX
                server.sendall(piece)
            assert peer.gone and time.monotonic() - started < 10
            stream.close()
            client.settimeout(5)
            while client.recv(65536):
                continue
    assert REGISTRY.get_sample_value("fm_event_streams") == 0


def test_a_listener_whose_events_were_removed_goes_on(database: Database, hub: Hub) -> None:
    put(database, 5)
    first, second = hub.admit(), hub.admit()
    hub.join(first, 5)
    with database.writer() as conn:
        conn.execute(sa.delete(EVENT_LOG))
    stream = EventStream(hub, second, Peer({}, 1), Start(3), lambda row: True, lambda: 100.0)
    pieces = iter(stream)
    assert next(pieces).startswith(b"retry")
    put(database, 1)
    assert next(pieces).startswith(b"id: 6\n")
    stream.close()
    hub.dismiss(first)


def test_a_database_that_is_away_ends_a_stream_that_reads_and_not_one_that_waits(
        database: Database, hub: Hub, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = Stream(ask)
    put(database, 1)
    waiting.until(lambda text: "id: 1\n" in text)
    reading = Stream(ask, "/v1/event_stream?after=0")
    read = hub.read

    def broken(cursor: int) -> Any:
        raise OSError("no database")

    monkeypatch.setattr(hub, "read", broken)
    assert ": the event log cannot be read" in reading.rest()
    monkeypatch.setattr(hub, "read", read)
    put(database, 1)
    waiting.until(lambda text: "id: 2\n" in text)
    waiting.close()
    reading.close()
    assert REGISTRY.get_sample_value("fm_event_streams") == 0


def test_listeners_share_four_queries_a_second_and_nobody_costs_none(database: Database, hub: Hub, ask: Ask) -> None:
    streams = [Stream(ask) for _ in range(3)]
    put(database, 1)
    for stream in streams:
        stream.until(lambda text: "id: 1\n" in text)
    statements: list[str] = []

    @sa.event.listens_for(database.engine, "before_cursor_execute")
    def count(conn: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement != "BEGIN":
            statements.append(statement)

    threading.Event().wait(1.1)
    assert 1 <= len(statements) <= 5, statements
    for stream in streams:
        stream.close()
    wait_for(lambda: hub._follower is None, 5, "the follower to end")
    statements.clear()
    threading.Event().wait(0.6)
    assert statements == []


def test_places_are_bounded(hub: Hub) -> None:
    listeners = [hub.admit() for _ in range(3)]
    with pytest.raises(TooManyStreams):
        hub.admit()
    for listener in listeners:
        hub.dismiss(listener)
        hub.dismiss(listener)
    assert REGISTRY.get_sample_value("fm_event_streams") == 0


def test_options_are_offered_to_the_sample() -> None:
    (group, options), = stream_options.list_opts()
    assert group == "fm_stream" and {option.name for option in options} == {
        "streams_max", "poll_interval_s", "heartbeat_s", "buffer_events", "send_timeout_s", "retry_ms"}


def test_half_of_the_threads_stay_for_ordinary_requests() -> None:
    conf = private_conf()
    build_app(conf, "fm", slices=[], authenticate=trusting)
    options.register(conf)
    assert stream_settings(conf).streams_max == conf.api.threads // 2 == 4
    conf.set_override("streams_max", 7, group="fm_stream")
    assert stream_settings(conf).streams_max == 7


def test_one_user_has_at_most_half_of_the_places(database: Database) -> None:
    hub = Hub(database, Settings(streams_max=4))
    taken = [hub.admit("greedy"), hub.admit("greedy")]
    with pytest.raises(TooManyStreams):
        hub.admit("greedy")
    taken += [hub.admit("admin"), hub.admit("admin")]
    for listener in taken:
        hub.dismiss(listener)

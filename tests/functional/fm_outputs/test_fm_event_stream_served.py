# SPDX-License-Identifier: Apache-2.0
"""The event stream of the real fm-api with real tokens. Costs about 20 s."""
from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa
import webob
from oslo_config import cfg

from flock import conf as flock_conf
from flock.auth.tokens import token_check
from flock.testing.daemons import write_conf
from flock.testing.services.keystone import KeystoneServer
from flock.testing.services.process import wait_for
from fm.db.tables import EVENT_LOG
from fm.resources.event_stream.api import remaining
from tests.functional.fm_outputs.conftest import Outgoing, fault, request
from tests.functional.fm_outputs.receivers import StreamClient

STREAMS_MAX = 6
Open = Callable[..., StreamClient]


@pytest.fixture
def listen(fm: Outgoing, keystone: KeystoneServer) -> Iterator[Open]:
    clients: list[StreamClient] = []

    def client(query: str = "", last_id: int | None = None, role: str = "reader") -> StreamClient:
        clients.append(StreamClient(fm.base, keystone.token(role, "services"), query, last_id))
        return clients[-1]

    yield client
    for one in clients:
        one.vanish()


def raise_many(fm: Outgoing, count: int, together: int = 10) -> None:
    raiser = fm.raiser()
    for start in range(0, count, together):
        raiser.apply_now([request(fault(number)) for number in range(start, start + together)])


def logged(fm: Outgoing) -> list[tuple[int, str]]:
    with fm.db.reader() as conn:
        return [(number, uuid) for number, uuid in conn.execute(
            sa.select(EVENT_LOG.c.id, EVENT_LOG.c.uuid).order_by(EVENT_LOG.c.id))]


def test_nothing_is_lost_or_doubled_while_1000_alarms_are_raised(fm: Outgoing, listen: Open) -> None:
    steady = listen()
    work = threading.Thread(target=raise_many, args=(fm, 1000))
    work.start()
    got: list[tuple[int, str]] = []
    breaks = 0
    while len(got) < 1000:
        wanted = min(1000, len(got) + 130)
        client = listen(last_id=got[-1][0] if got else 0)
        client.wait(lambda: len(client.ids) + len(got) >= wanted, "events")  # noqa: B023
        client.vanish()
        got += [(number, event["uuid"]) for number, event in zip(client.ids, client.events, strict=True)]
        breaks += 1
    work.join(60)
    expected = logged(fm)
    assert got == expected and len(expected) == 1000 and breaks >= 5
    steady.wait(lambda: len(steady.ids) == 1000, "the steady listener to have all")
    assert steady.ids == [number for number, _ in expected]
    assert steady.head.startswith("HTTP/1.1 200") and "X-Openstack-Request-Id: req-" in steady.head


def test_a_killed_service_and_a_resume(fm: Outgoing, listen: Open) -> None:
    client = listen("?after=0")
    raise_many(fm, 40)
    client.wait(lambda: len(client.ids) >= 20, "events")
    assert fm.api is not None
    fm.api.kill()
    client.wait(client.ended.is_set, "end")
    raise_many(fm, 60)
    fm.start_api()
    seen = client.ids
    again = listen(last_id=seen[-1])
    expected = [number for number, _ in logged(fm)]
    again.wait(lambda: len(seen) + len(again.ids) >= len(expected), "the rest")
    assert seen + again.ids == expected


def test_streams_end_soon_when_the_service_stops(fm: Outgoing, listen: Open) -> None:
    clients = [listen() for _ in range(3)]
    assert fm.api is not None
    started = time.monotonic()
    fm.api.stop(timeout_s=15)
    took_s = time.monotonic() - started
    for client in clients:
        client.wait(client.ended.is_set, "end")
        assert ": the service stops" in client.text
    assert took_s < 8
    fm.start_api()


def test_clients_that_vanish_free_their_threads_and_the_rest_is_answered(fm: Outgoing, listen: Open) -> None:
    clients = [listen() for _ in range(STREAMS_MAX // 2)]
    assert all(client.status == 200 for client in clients)
    assert listen().status == 503, "one user may have half of the streams"
    clients += [listen(role="operator") for _ in range(STREAMS_MAX // 2)]
    assert all(client.status == 200 for client in clients)
    refused = [listen(role="configurator") for _ in range(20)]
    assert [client.status for client in refused] == [503] * 20
    assert all("Retry-After: 5" in client.head for client in refused)
    http = fm.http()
    for _ in range(10):
        assert http.get(f"{fm.base}/v1/alarms", timeout=2).status_code == 200
    for client in clients:
        client.vanish()
    started = time.monotonic()
    wait_for(lambda: listen().status == 200, 3, "a free place")
    assert time.monotonic() - started < 3


def test_heartbeats_show_that_the_stream_lives(fm: Outgoing, listen: Open) -> None:
    client = listen("?logs=True")
    client.wait(lambda: client.text.count(": heartbeat\n") >= 2, "heartbeats", 5)
    assert client.text.startswith("retry: 3000\n\n") and client.ids == []


def test_hidden_events_and_filters(fm: Outgoing, listen: Open) -> None:
    http = fm.http()
    entries = http.get(f"{fm.base}/v1/event_suppression").json()["event_suppression"]
    entry = next(item["uuid"] for item in entries if item["alarm_id"] == "200.004")
    http.patch(f"{fm.base}/v1/event_suppression/{entry}",
               json=[{"path": "/suppression_status", "value": "suppressed", "op": "replace"}]).raise_for_status()
    silence = http.post(f"{fm.base}/v1/silences", json={"entity_instance_id": "host=quiet"})
    assert silence.ok, silence.text
    try:
        default, everything = listen(), listen("?include_suppress=True")
        some = listen("?include_suppress=True&q.field=entity_instance_id&q.op=eq&q.value=c2")
        raiser = fm.raiser()
        raiser.apply_now([request(fault(number)) for number in range(3)])
        raiser.apply_now([request(fault(1, alarm_id="100.101", entity_instance_id="host=quiet")),
                          request(fault(1, alarm_id="100.101"))])
        everything.wait(lambda: len(everything.ids) == 5, "all events")
        default.wait(lambda: default.ids, "the visible event")
        some.wait(lambda: some.ids, "the chosen event")
        assert [event["event_log_id"] for event in default.events] == ["100.101"]
        assert [event["entity_instance_id"] for event in default.events] == ["host=c1"]
        assert [event["entity_instance_id"] for event in some.events] == ["host=c2"]
        assert [event["suppression_status"] for event in everything.events] == ["suppressed"] * 4 + ["unsuppressed"]
    finally:
        http.delete(f"{fm.base}/v1/silences/{silence.json()['uuid']}").raise_for_status()


def test_a_token_is_needed_and_its_role_counts(fm: Outgoing, member_alone: None) -> None:
    assert requests.get(f"{fm.base}/v1/event_stream", timeout=5).status_code == 401
    assert fm.http("member").get(f"{fm.base}/v1/event_stream", timeout=5).status_code == 403
    assert requests.get(f"{fm.base}/healthcheck", timeout=5).json()["status"] == "ok"


def test_the_end_of_a_real_token_is_known(keystone: KeystoneServer, tmp_path: Path) -> None:
    write_conf(tmp_path / "fm.conf", {"keystone_authtoken": keystone.authtoken_options()})
    conf = cfg.ConfigOpts()
    conf([], default_config_files=[str(tmp_path / "fm.conf")], default_config_dirs=[])
    flock_conf.register(conf)
    found: list[float] = []

    def app(environ: dict[str, Any], start: Any) -> list[bytes]:
        found.append(remaining(environ)())
        start("200 OK", [])
        return []

    headers = {"X-Auth-Token": keystone.token("reader", "services")}
    reply = webob.Request.blank("/", headers=headers).get_response(token_check(app, conf))
    assert reply.status_int == 200 and 60 < found[0] < 86400, "that of the token, not the day without one"

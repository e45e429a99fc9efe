# SPDX-License-Identifier: Apache-2.0
"""Acceptance case 25: the manager restarts, the database is switched, the catalogue changes, many clients. 25 s."""
from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from flock.testing.services.keystone import KeystoneServer
from flock.testing.services.postgresql import PostgresServer
from flock.testing.services.process import wait_for
from flock.testing.services.rabbitmq import RabbitNode
from fm.raiser.compat import APIException, FaultAPIsV2
from tests.functional.fm.cases import Seen, fault
from tests.functional.fm.service import FaultManagement
from tests.functional.fm.traps import TrapReceiver


def some_state(seen: Seen) -> None:
    """Alarms, events, a masked alarm and a suppressed id."""
    seen.v2.set_fault(fault("100.101", "host=c0"))
    seen.v2.set_fault(fault("100.103", "host=c1", suppression=True))
    seen.v2.set_fault(fault("200.001", "host=c1", "warning", inhibit_alarms=True))
    seen.v2.set_fault(fault("200.004", "host=c2", "critical"))
    seen.v2.clear_fault("200.004", "host=c2")
    seen.v2.set_fault(fault("200.021", "host=c2.command=lock", "clear", alarm_state="msg"))
    seen.suppress("100.101")


def views(seen: Seen) -> list[Any]:
    """Everything a client can read."""
    return [seen.get(path, include_suppress=True) for path in ("alarms/detail", "event_log/detail", "alarms/summary")
            ] + [seen.get("event_suppression")]


def test_case_25_manager_restart(seen: Seen) -> None:
    some_state(seen)
    before = views(seen)
    seen.fm.restart_manager()
    assert views(seen) == before
    seen.v2.clear_fault("200.001", "host=c1")
    assert [alarm["alarm_id"] for alarm in seen.alarms()] == ["100.103"]


def readable(seen: Seen) -> bool:
    """The alarms can be read; if not, the answer says that they can be later."""
    status = seen.http.get(f"{seen.fm.base}/v1/alarms").status_code
    assert status in (200, 503)
    return status == 200


def set_within(seen: Seen, timeout_s: float) -> str:
    """Set an alarm as a service would: again until it is acknowledged. Returns the uuid."""
    uuids: list[str] = []

    def try_once() -> bool:
        with contextlib.suppress(APIException):
            uuids.append(seen.v2.set_fault(fault("100.103", "host=c3")))
        return bool(uuids)

    wait_for(try_once, timeout_s, "a set to be acknowledged")
    return uuids[0]


@pytest.fixture
def on_own_server(tmp_path: Path, own_postgres: PostgresServer, rabbit: RabbitNode,
                  keystone: KeystoneServer) -> Iterator[Seen]:
    """A service whose database server may go away."""
    own_postgres.start()
    traps = TrapReceiver()
    service = FaultManagement(tmp_path, own_postgres.create_database(), rabbit.new_vhost_url(), keystone, traps=traps)
    try:
        service.start()
        yield Seen(service)
    finally:
        service.stop()
        traps.stop()


def test_case_25_database_switch(on_own_server: Seen, own_postgres: PostgresServer) -> None:
    """The server of a standby controller takes over: same address, same data, every connection cut."""
    seen = on_own_server
    some_state(seen)
    before = views(seen)
    assert own_postgres.cut_sessions(seen.fm.url) >= 2
    # The first request may meet a connection that is no more; then all of them are made anew.
    wait_for(lambda: readable(seen), 5, "the alarms to be read again")
    assert views(seen) == before
    own_postgres.stop()
    assert not readable(seen)
    with pytest.raises(APIException):
        seen.v2.set_fault(fault("100.103", "host=down"))
    own_postgres.start()
    wait_for(lambda: readable(seen), 10, "the alarms to be read again")
    assert views(seen) == before
    uuid = set_within(seen, 10)
    assert uuid in {alarm["uuid"] for alarm in seen.alarms()}
    assert seen.fm.manager is not None and seen.fm.manager.running, "the manager outlives the switch"


@pytest.fixture
def changeable(seen: Seen) -> Iterator[Seen]:
    """A service whose catalogue may be changed; afterwards it has the shipped one again."""
    shipped = seen.fm.catalogue.read_text()
    yield seen
    seen.fm.clean()
    seen.fm.catalogue.write_text(shipped)
    seen.fm.restart_manager()


def test_case_25_catalogue_refresh(changeable: Seen) -> None:
    seen = changeable
    seen.v2.set_fault(fault("100.101", "host=c0"))
    seen.suppress("100.103")
    kept = seen.entry("100.103")
    document = yaml.safe_load(seen.fm.catalogue.read_text())
    for gone in ("100.101", "100.102"):
        del document[gone]
    document["100.103"]["description"] = "Changed by this test."
    document["199.001"] = {**document["100.104"], "description": "New in this test."}
    seen.fm.catalogue.write_text(yaml.safe_dump(document))
    seen.fm.restart_manager()
    entries = {entry["alarm_id"]: entry for entry in seen.get("event_suppression")["event_suppression"]}
    assert {**kept, "description": "Changed by this test."} == entries["100.103"]
    assert kept["suppression_status"] == "suppressed"
    assert (entries["199.001"]["description"], entries["199.001"]["suppression_status"]) == (
        "New in this test.", "unsuppressed")
    assert not {"100.101", "100.102"} & set(entries)
    assert [alarm["alarm_id"] for alarm in seen.alarms()] == ["100.101"], "an alarm of a vanished id stays"
    uuid = seen.v2.set_fault(fault("199.001", "host=c0"))
    assert seen.get(f"alarms/{uuid}")["alarm_id"] == "199.001"
    for vanished in ("100.101", "100.102"):
        assert seen.post(alarm_id=vanished, entity_instance_id="host=new").status_code == 400


def test_case_25_many_clients(seen: Seen) -> None:
    libraries = [FaultAPIsV2(seen.fm.raiser(f"client-{worker}")) for worker in range(10)]
    failures: list[Exception] = []

    def work(worker: int) -> None:
        try:
            for number in range(100):
                libraries[worker].set_fault(fault("100.101", f"host=w{worker}-{number}"))
        except APIException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(10)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took_s = time.monotonic() - started
    print(f"1000 acknowledged sets from 10 clients: {took_s:.1f} s")
    pairs = [(alarm["alarm_id"], alarm["entity_instance_id"]) for alarm in seen.alarms()]
    assert failures == []
    assert len(pairs) == len(set(pairs)) == 1000 and took_s < 20

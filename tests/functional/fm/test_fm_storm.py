# SPDX-License-Identifier: Apache-2.0
"""Manager, API, broker and database server are killed at random moments under load; nothing acknowledged is lost.

About 30 s per engine. FM_STORM_S lengthens the storm, FM_STORM_SEED repeats one.
"""
from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
import sqlalchemy as sa

from flock.testing.services.keystone import KeystoneServer
from flock.testing.services.postgresql import PostgresServer
from flock.testing.services.process import wait_for
from flock.testing.services.rabbitmq import RabbitNode
from fm.db.tables import ALARM, EVENT_LOG
from tests.functional.fm.ledger import Action, Asked, Fate, Pair, StoredEvent, complaints
from tests.functional.fm.service import FaultManagement
from tests.functional.fm.storm import CallWriter, Killer, RestWriter, SpoolWriter, Writer

STORM_S = float(os.environ.get("FM_STORM_S", "5"))
SEED = int(os.environ.get("FM_STORM_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
SETTLE_S = 90
# A slow machine does less in the time of a storm: a storm in which less was done than this goes on, up to its limit.
DONE_MIN = 50
STORM_MAX_S = STORM_S + 120


class Exposed(NamedTuple):
    """A service and the servers it needs, all of the test's own."""

    service: FaultManagement
    rabbit: RabbitNode
    postgres: PostgresServer | None


@pytest.fixture(params=["sqlite", "postgresql"])
def exposed(request: pytest.FixtureRequest, tmp_path: Path, own_rabbit: RabbitNode,
            keystone: KeystoneServer) -> Iterator[Exposed]:
    own_rabbit.start()
    postgres: PostgresServer | None = None
    url = f"sqlite:///{tmp_path}/fm.sqlite"
    if request.param == "postgresql":
        postgres = request.getfixturevalue("own_postgres")
        assert postgres is not None
        postgres.start()
        url = postgres.create_database()
    service = FaultManagement(tmp_path, url, own_rabbit.url, keystone, options={"event_log_max_size": 10_000_000})
    try:
        service.start()
        yield Exposed(service, own_rabbit, postgres)
    finally:
        service.stop()


def stored(service: FaultManagement) -> tuple[list[StoredEvent], list[tuple[Pair, str]]]:
    with service.db.reader() as conn:
        log = EVENT_LOG.c
        events = [StoredEvent(state, (alarm_id, entity), text) for state, alarm_id, entity, text in conn.execute(
            sa.select(log.state, log.event_log_id, log.entity_instance_id, log.reason_text).order_by(log.id))]
        alarm = ALARM.c
        active = [((alarm_id, entity), text) for alarm_id, entity, text in conn.execute(
            sa.select(alarm.alarm_id, alarm.entity_instance_id, alarm.reason_text))]
    return events, active


def waiting_requests(rabbit: RabbitNode) -> list[str]:
    """Queues of the manager that are not empty; answers to the dead may stay in theirs."""
    lines = [line.split() for line in rabbit.control("list_queues", "name", "messages").splitlines()]
    return [name for name, messages, *_ in lines if name.startswith("fm.manager") and messages != "0"]


def settle(exposed: Exposed, spools: list[SpoolWriter]) -> None:
    """Everything spooled is delivered, and what is still on its way to the manager is done or gone."""
    end = time.monotonic() + SETTLE_S
    for writer in spools:
        assert writer.raiser.flush(end - time.monotonic()), f"the spool of {writer.name} is not delivered"
    wait_for(lambda: not waiting_requests(exposed.rabbit), SETTLE_S, "the requests to be taken")
    assert exposed.service.manager is not None
    exposed.service.manager.stop()


def counts(writers: list[Writer]) -> dict[str, int]:
    """How many requests have met each fate."""
    asked = [request for writer in writers for request in list(writer.asked)]
    return {fate.value: sum(request.fate is fate for request in asked) for fate in Fate}


def is_enough(fates: dict[str, int]) -> bool:
    return min(fates["acknowledged"], fates["spooled"]) > DONE_MIN


@pytest.mark.soak
def test_nothing_acknowledged_is_lost_whatever_dies(exposed: Exposed) -> None:
    print(f"storm of {STORM_S:g} s, seed {SEED}")
    service = exposed.service
    spools = [SpoolWriter(f"spool-{n}", SEED, service.raiser(f"spool-{n}")) for n in range(2)]
    calls = [CallWriter(f"call-{n}", SEED, service.raiser(f"call-{n}")) for n in range(2)]
    writers: list[Writer] = [*spools, *calls, *(RestWriter(f"rest-{n}", SEED, service) for n in range(2))]
    killer = Killer(service, exposed.rabbit, exposed.postgres, SEED)
    for writer in writers:
        writer.start()
    begin = time.monotonic()
    try:
        while time.monotonic() < begin + STORM_S or (time.monotonic() < begin + STORM_MAX_S and not (
                killer.all_hit() and is_enough(counts(writers)))):
            killer.strike()
    finally:
        for writer in writers:
            writer.stop()
    settle(exposed, spools)
    asked = [request for writer in writers for request in writer.asked]
    fates = counts(writers)
    print(f"{len(killer.rounds)} strikes {killer.rounds}; {fates}")
    events, active = stored(service)
    assert [surprise for writer in writers for surprise in writer.surprises] == []
    assert killer.died == []
    assert complaints(asked, events, active) == []
    assert killer.all_hit() and is_enough(fates), "too little was done to mean anything"


PAIR = ("100.101", "host=a")


def story() -> tuple[list[Asked], list[StoredEvent], list[tuple[Pair, str]]]:
    """A ledger and the store that fits it."""
    asked = [Asked("w", Action.SET, PAIR, "w/0", Fate.SPOOLED, True), Asked("w", Action.CLEAR, PAIR, "w/1",
                                                                          Fate.SPOOLED, True),
             Asked("w", Action.SET, PAIR, "w/2", Fate.SPOOLED, True)]
    events = [StoredEvent("set", PAIR, "w/0"), StoredEvent("clear", PAIR, "w/0"), StoredEvent("set", PAIR, "w/2")]
    return asked, events, [(PAIR, "w/2")]


def test_the_ledger_notices_what_is_wrong() -> None:
    asked, events, active = story()
    assert complaints(asked, events, active) == []
    for damaged in (events[:2], [*events, events[-1]], [events[2], *events[:2]], events[::2],
                    [*events, StoredEvent("set", PAIR, "stranger")], [replace(events[0], text="w/2"), *events[1:]]):
        assert complaints(asked, damaged, active) != []
    assert complaints(asked, events, []) != [] and complaints(asked, events, active * 2) != []

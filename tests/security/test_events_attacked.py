# SPDX-License-Identifier: Apache-2.0
"""Root on worker-0 sends batches of logs and clears without end to a real fm-manager with the bootstrap's accounts: the
events of others stay, the tables stay small, and an honest host with a long spool loses nothing."""
from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from flock.core.errors import FlockError
from flock.rpc import client
from flock.rpc.accounts import EXCHANGE
from flock.rpc.errors import TooManyMessages
from flock.testing.services.process import wait_for
from flock.testing.subsystem import RunningSubsystem
from fm.contract.rpc import BATCH_MAX, FaultRequest, FmManager
from fm.db.tables import APPLIED_REQUEST, EVENT_LOG
from fm.raiser import Raiser
from fm.raiser import requests as make
from tests.security.conftest import SecuredBus

LOG_SIZE, BURST, PER_S, ANSWERS = 2000, 4000, 500, 5000


class Manager:
    """fm-manager as a process with its account; sysinv's account asks it."""

    def __init__(self, folder: Path, secured: SecuredBus, transports: Any) -> None:
        self.fm = RunningSubsystem("fm", folder / "fm", f"sqlite:///{folder}/fm.sqlite",
                                   secured.service("fm-manager"), exchange=EXCHANGE)
        self.fm.configure({
            "fm": {"event_log_max_size": LOG_SIZE, "host_requests_max": ANSWERS},
            "rpc": {"host_requests_burst": BURST, "host_requests_per_s": PER_S}})
        self.faults = client(FmManager, transports(secured.service("sysinv-conductor")), deadline_s=10)
        self.fm.make_tables()
        self.fm.daemon("fm-manager", lambda: self.active("100.101") == [])

    def active(self, alarm_id: str) -> list[str]:
        found = self.faults.get_faults(alarm_id=alarm_id, entity_instance_id=None, below=True)
        return [fault.entity_instance_id for fault in found]

    def events(self) -> Counter[str]:
        """Stored events by the first word of their reason."""
        with self.fm.db.reader() as conn:
            return Counter(reason.split()[0] for reason in conn.execute(sa.select(EVENT_LOG.c.reason_text)).scalars())

    def written(self) -> int:
        """How many events were ever written."""
        with self.fm.db.reader() as conn:
            return int(conn.execute(sa.select(sa.func.coalesce(sa.func.max(EVENT_LOG.c.id), 0))).scalar_one())

    def answers(self) -> int:
        with self.fm.db.reader() as conn:
            return int(conn.execute(sa.select(sa.func.count()).select_from(APPLIED_REQUEST)).scalar_one())


@pytest.fixture
def manager(secured: SecuredBus, transports: Any, tmp_path: Path) -> Iterator[Manager]:
    made = Manager(tmp_path, secured, transports)
    try:
        yield made
    finally:
        made.fm.stop()


def logs(number: int, word: str, host: str) -> list[FaultRequest]:
    return [make.log_request("700.217", f"host={host}.p={place}", {}, {"reason_text": f"{word} {place}"})
            for place in range(number)]


def sent(faults: FmManager, batches: list[list[FaultRequest]]) -> Counter[str]:
    """Send all batches from 8 threads; how many were taken, and how many refused with which error."""
    def send(batch: list[FaultRequest]) -> str:
        try:
            faults.apply(requests=batch)
        except FlockError as error:
            return type(error).__name__
        return "taken"

    with ThreadPoolExecutor(8) as threads:
        return Counter(threads.map(send, batches))


def test_a_host_cannot_erase_the_events_of_others(manager: Manager, secured: SecuredBus, transports: Any) -> None:
    manager.faults.apply(requests=[*logs(20, "kept", "worker-0"), *logs(20, "kept", "worker-1")])
    attacker = client(FmManager, transports(secured.host("worker-0")), deadline_s=10)
    ends = sent(attacker, [logs(BATCH_MAX, "flood", "worker-0") for _ in range(94)])
    # Unavailable: the server works for four of its requests already.
    assert {"taken", TooManyMessages.__name__} <= set(ends) <= {"taken", TooManyMessages.__name__, "Unavailable"}, ends
    assert ends["taken"] < 94 // 2, ends
    wait_for(lambda: manager.events()["flood"] <= LOG_SIZE // 10 + LOG_SIZE // 100, 20, "the log to be pruned")
    assert manager.events()["kept"] == 40 and manager.events()["flood"] >= LOG_SIZE // 10
    wait_for(lambda: manager.active("200.006") == ["host=worker-0.process=agents"], 30, "the alarm")


def test_all_hosts_together_cannot_erase_the_events_of_services(manager: Manager, secured: SecuredBus, transports: Any
                                                                ) -> None:
    """Each host keeps to its share; together they could have filled the log ten times."""
    manager.faults.apply(requests=logs(1, "sample", "worker-0"))
    with manager.fm.db.writer() as conn:
        sample = dict(conn.execute(sa.select(EVENT_LOG)).mappings().one())
        del sample["id"]
        conn.execute(sa.insert(EVENT_LOG), [
            {**sample, "uuid": str(uuid.uuid4()), "sender": f"other-{number}", "reason_text": "other"}
            for number in range(12) for _ in range(LOG_SIZE // 10)])
    manager.faults.apply(requests=logs(400, "service", "worker-1"))
    attacker = client(FmManager, transports(secured.host("worker-0")), deadline_s=10)
    attacker.apply(requests=logs(LOG_SIZE // 10, "flood", "worker-0"))
    manager.faults.apply(requests=logs(400, "service", "worker-1"))
    wait_for(lambda: sum(manager.events().values()) <= LOG_SIZE + LOG_SIZE // 100, 20, "the log to be pruned")
    found = manager.events()
    assert found["service"] == 800, found
    assert found["flood"] > 0 and found["other"] > LOG_SIZE // 4, found


def test_clears_of_nothing_do_not_fill_the_database(manager: Manager, secured: SecuredBus, transports: Any) -> None:
    attacker = client(FmManager, transports(secured.host("worker-0")), deadline_s=10)
    for _ in range(3):
        ends = sent(attacker, [[make.clear_request("100.103", f"host=worker-0.p={place}", {}, exact=True)
                                for place in range(BATCH_MAX)] for _ in range(40)])
        assert ends[TooManyMessages.__name__] > 0, ends
    # A tenth more before the oldest are deleted, and what the callers on turn together add.
    assert manager.answers() <= ANSWERS + ANSWERS // 10 + 2000
    (own,) = manager.faults.apply(requests=[make.alarm_request("200.004", "host=worker-0", {}, {
        "severity": "critical"})])
    assert own.error is None


def test_an_honest_host_with_a_long_spool_loses_nothing(manager: Manager, secured: SecuredBus, transports: Any,
                                                        tmp_path: Path) -> None:
    stored = BURST + 4 * BATCH_MAX
    refused: list[FlockError] = []
    raiser = Raiser(transports(secured.host("worker-1")), tmp_path / "spool",
                    on_refused=lambda request, error: refused.append(error))
    try:
        before = manager.written()
        for place in range(stored):
            raiser.log_event("700.217", entity_instance_id="host=worker-1.p=1", reason_text=f"own {place}")
        assert raiser.flush(60)
        assert manager.written() - before >= stored and not refused
        with manager.fm.db.reader() as conn:
            newest = conn.execute(sa.select(EVENT_LOG.c.reason_text).where(
                EVENT_LOG.c.event_log_id == "700.217").order_by(EVENT_LOG.c.id.desc()).limit(3)).scalars().all()
        assert list(newest) == [f"own {stored - place}" for place in (1, 2, 3)]
    finally:
        raiser.stop()

# SPDX-License-Identifier: Apache-2.0
"""What is raised is never lost and never doubled: the broker away, the manager killed, the raiser killed."""
from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from flock.core.errors import DeadlineExceeded, Unavailable
from flock.testing.services.process import wait_for
from flock.testing.services.rabbitmq import RabbitNode
from fm.contract.errors import SpoolFull
from fm.db.tables import ALARM, EVENT_LOG
from fm.raiser import Raiser
from tests.functional.fm.service import FaultManagement

RAISER_PROCESS = """
import sys
from flock.rpc import transport
from flock.testing.fixtures import private_conf
from fm.raiser import Raiser
raiser = Raiser(transport(private_conf(), sys.argv[1], exchange=sys.argv[2]), sys.argv[3])
for number in range(100000):
    raiser.raise_alarm("100.103", entity_instance_id=f"host=h{number}", severity="major")
    print(number, flush=True)
"""


@pytest.fixture
def alone(tmp_path: Path, own_rabbit: RabbitNode) -> Iterator[FaultManagement]:
    """A service with a broker of its own, without Keystone, on SQLite."""
    own_rabbit.start()
    service = FaultManagement(tmp_path, f"sqlite:///{tmp_path}/fm.sqlite", own_rabbit.url, None)
    try:
        service.start()
        yield service
    finally:
        service.stop()


def entities(fm: FaultManagement) -> list[str]:
    with fm.db.reader() as conn:
        return list(conn.execute(sa.select(ALARM.c.entity_instance_id)).scalars())


def events(fm: FaultManagement) -> int:
    with fm.db.reader() as conn:
        return int(conn.execute(sa.select(sa.func.count()).select_from(EVENT_LOG)).scalar_one())


def test_alarms_raised_without_a_broker_arrive_once(alone: FaultManagement, own_rabbit: RabbitNode) -> None:
    raiser = alone.raiser()
    raiser.raise_now("100.103", entity_instance_id="host=before", severity="major")
    own_rabbit.stop()
    started = time.monotonic()
    for number in range(50):
        raiser.raise_alarm("100.103", entity_instance_id=f"host=h{number}", severity="major")
    raiser.clear_alarm("100.103", entity_instance_id="host=before")
    assert time.monotonic() - started < 5, "raising must not wait for the broker"
    with pytest.raises((Unavailable, DeadlineExceeded)):
        raiser.raise_now("100.103", entity_instance_id="host=now", severity="major", timeout_s=1)
    own_rabbit.start()
    assert raiser.flush(60)
    assert sorted(entities(alone)) == sorted(f"host=h{number}" for number in range(50))
    assert events(alone) == 52


def test_spooled_raises_survive_a_killed_manager(fm: Any) -> None:
    raiser = fm.raiser()
    for number in range(400):
        raiser.raise_alarm("100.103", entity_instance_id=f"host=s{number}", severity="major")
        if number == 200:
            fm.kill_manager()
    fm.start_manager()
    assert raiser.flush(60)
    assert sorted(entities(fm)) == sorted(f"host=s{number}" for number in range(400))
    assert events(fm) == 400


def test_a_killed_raiser_leaves_its_spool_to_the_next_one(fm: Any) -> None:
    fm.kill_manager()
    spool = fm.folder / "spool" / f"killed-{time.time_ns()}"
    argv = [sys.executable, "-c", RAISER_PROCESS, fm.rabbit_url, fm.exchange, str(spool)]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=dict(os.environ))
    assert process.stdout is not None
    last = -1
    while last < 300:
        last = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    said = [int(line) for line in process.stdout.read().split()]
    process.wait(10)
    last = max([last, *said])
    fm.start_manager()
    heir = Raiser(fm.bus(), spool)
    try:
        assert heir.flush(60)
    finally:
        heir.stop()
    stored = entities(fm)
    assert len(stored) == len(set(stored))
    # One more may have been stored than the process lived to tell.
    assert set(stored) - {f"host=h{last + 1}"} == {f"host=h{number}" for number in range(last + 1)}


def test_a_full_spool_says_so(fm: Any) -> None:
    fm.kill_manager()
    raiser = fm.raiser(f"full-{time.time_ns()}", limit_mib=1)
    stored = 0
    with pytest.raises(SpoolFull):
        for number in range(5000):
            raiser.log_event("200.021", entity_instance_id=f"host=h{number}.command=unlock", reason_text="x" * 200)
            stored += 1
    fm.start_manager()
    assert raiser.flush(60)
    assert stored > 500
    assert events(fm) == stored


def test_restart_keeps_everything(fm: Any) -> None:
    raiser, http = fm.raiser(), fm.http()
    raiser.raise_now("100.101", host="worker-0", severity="major")
    before = http.get(f"{fm.base}/v1/alarms/detail").json(), http.get(f"{fm.base}/v1/event_log/detail").json()
    fm.manager.stop()
    fm.start_manager()
    after = http.get(f"{fm.base}/v1/alarms/detail").json(), http.get(f"{fm.base}/v1/event_log/detail").json()
    assert before == after


def test_reads_go_on_and_writes_say_so_without_a_manager(fm: Any) -> None:
    uuid = fm.raiser().raise_now("100.101", host="worker-0", severity="major")
    fm.kill_manager()
    http = fm.http()
    assert http.get(f"{fm.base}/v1/alarms/{uuid}").status_code == 200
    started = time.monotonic()
    reply = http.delete(f"{fm.base}/v1/alarms/{uuid}", timeout=30)
    assert reply.status_code in (503, 504) and time.monotonic() - started < 15
    fm.start_manager()
    wait_for(lambda: http.delete(f"{fm.base}/v1/alarms/{uuid}").status_code in (204, 404), 20, "the manager to be back")

# SPDX-License-Identifier: Apache-2.0
"""A process that carries out operations is killed with SIGKILL in the midst; the next one goes on where it was."""
from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from flock.db import Database, metadata
from flock.jobs.operations import Operations
from flock.jobs.steps import State, Step, Steps
from flock.jobs.store import operations_table
from flock.testing.services.process import wait_for

METADATA = metadata()
TABLE = operations_table(METADATA, "operations")

# The program of the process: each step appends a line to a journal; step "two" hangs in the first life.
PROGRAM = """
import datetime, sys, time
from pathlib import Path
from flock.db import Database, metadata
from flock.jobs.operations import Operations
from flock.jobs.steps import Step, Steps
from flock.jobs.store import operations_table

url, journal, life, ahead_s = sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])

def clock():
    return datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=ahead_s)

def write(line):
    with journal.open("a") as out:
        out.write(f"{life}:{line}\\n")

def one(view):
    write("one")
    return {"one": view.params["n"]}

def two(view):
    write("two")
    if life == "first":
        time.sleep(600)
    return {"two": view.result["one"] + 1}

def three(view):
    write("three")
    return {"three": view.result["two"] + 1}

operations = Operations(Database(url), operations_table(metadata(), "operations"),
                        {"k": Steps("k", Step("one", one), Step("two", two), Step("three", three))},
                        owner="worker@here", poll_s=0.1, clock=clock)
operations.start()
while True:
    time.sleep(1)
"""


def start(url: str, journal: Path, life: str, ahead_s: int = 0) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", PROGRAM, url, str(journal), life, str(ahead_s)])


@pytest.mark.timeout(120)
@pytest.mark.parametrize("away_s", [0, 7 * 86_400])
def test_resumed_at_the_stored_step_after_sigkill(database: Database, tmp_path: Path, away_s: int) -> None:
    """Also when the process was away for longer than the step may take: the step is called before it is judged."""
    METADATA.create_all(database.engine)
    url = database.url.render_as_string(hide_password=False)
    journal = tmp_path / "journal"
    journal.touch()
    recorder = Operations(database, TABLE, {}, owner="recorder")
    with database.writer() as conn:
        uuid = recorder.record(conn, kind="k", subject="host", params={"n": 40})
    first = start(url, journal, "first")
    try:
        wait_for(lambda: "first:two" in journal.read_text(), 60, "the first life to reach step two")
        stored = recorder.get(uuid)
        assert (stored.state, stored.step, stored.result) == (State.RUNNING, 1, {"one": 40})
    finally:
        first.send_signal(signal.SIGKILL)
        first.wait(10)
    second = start(url, journal, "second", away_s)
    try:
        ended = recorder.wait(uuid, 60)
    finally:
        second.kill()
        second.wait(10)
    assert ended.state is State.DONE
    assert ended.result == {"one": 40, "two": 41, "three": 42}
    assert ended.step_deadline is None
    assert journal.read_text().split() == ["first:one", "first:two", "second:two", "second:three"]


def test_recorded_while_nobody_carries_out(database: Database) -> None:
    METADATA.create_all(database.engine)
    plan = {"k": Steps("k", Step("s", lambda view: {"n": view.params["n"]}))}
    with database.writer() as conn:
        uuid = Operations(database, TABLE, {}, owner="api").record(conn, kind="k", subject="x", params={"n": 5})
    later = Operations(database, TABLE, plan, owner="conductor", poll_s=0.1)
    later.start()
    assert later.wait(uuid, 30).result == {"n": 5}
    assert later.stop(10)

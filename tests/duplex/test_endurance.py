# SPDX-License-Identifier: Apache-2.0
"""Failovers under load: ``FLOCK_ENDURANCE`` times (2) the active controller dies, is cut off, freezes or stands still.

Meanwhile worker-0 raises alarms through its spool, and a client updates a host by the API and tries again as
clients do. Every acknowledged write is there at the end, and no group was active on both controllers at any time.
``FLOCK_ENDURANCE_SEED`` chooses the faults.
"""
import os
import random
import statistics
import threading
import time

import pytest

from devstack.virtualcloud.cloudclient import wait_for
from devstack.virtualcloud.mainjob import lab
from tests.duplex import journals
from tests.duplex.pair import FLOATING, INSIDE, PATHS, PYTHON, answers

TIMES = int(os.environ.get("FLOCK_ENDURANCE", "2"))
SEED = int(os.environ.get("FLOCK_ENDURANCE_SEED", str(int(time.time()))))
FAULTS = ("crash", "power", "cut", "hang", "stop")
HOST = "https://127.0.0.1:6385/v1/ihosts/worker-0"
FOLDER = "/var/lib/flock-endurance"
RAISE_PERIOD_S, UPDATE_PERIOD_S = 1.0, 0.5
TAKEN_OVER_S, BACK_S = 120, 300
LASTING_S = 15.0
"""Host maintenance learns that a controller has booted when the message bus works again, and takes it out of service
for a moment then; it cannot take over in that time."""


class Updates(threading.Thread):
    """Updates the location of worker-0 with growing numbers. ``acknowledged``: the last number that was; ``wrong``:
    what was read although something else was acknowledged."""

    def __init__(self, api):
        super().__init__(daemon=True)
        self.api, self.acknowledged, self.count, self.failed, self.wrong = api, 0, 0, 0, []
        self._ends = threading.Event()

    def run(self):
        number, doubtful = 1, False
        while not self._ends.is_set():
            if doubtful and (found := self.read()) is not None and found not in (number, self.acknowledged):
                self.wrong.append(f"{found} was read; {self.acknowledged} was acknowledged, {number} asked for")
            if self.write(number):
                self.acknowledged, self.count, number, doubtful = number, self.count + 1, number + 1, False
            else:
                self.failed, doubtful = self.failed + 1, True
            self._ends.wait(UPDATE_PERIOD_S)

    def write(self, number):
        try:
            reply = self.api.patch(HOST, timeout=20, json=[
                {"op": "replace", "path": "/location", "value": {"locn": str(number)}}])
        except OSError:
            return False
        return reply.status_code == 200

    def read(self):
        try:
            reply = self.api.get(HOST, timeout=20)
        except OSError:
            return None
        return int(reply.json()["location"]["locn"]) if reply.status_code == 200 else None

    def end(self):
        self._ends.set()
        self.join(60)


@pytest.fixture
def load(pair, api):
    """Alarms of worker-0 and updates of a host, until the end."""
    pair.on("worker-0", "rm", "-rf", FOLDER)
    pair.on("worker-0", "mkdir", "-p", FOLDER)
    lab("put", "worker-0", str(INSIDE / "raising.py"), f"{FOLDER}/raising.py")
    pair.on("worker-0", "systemd-run", "--collect", "--unit=endurance", PYTHON, f"{FOLDER}/raising.py",
            str(RAISE_PERIOD_S), FOLDER)
    updates = Updates(api)
    assert updates.write(0)
    updates.start()
    yield updates
    updates.end()
    pair.on("worker-0", "sh", "-c", f"touch {FOLDER}/stop; systemctl stop endurance.service", check=False)


def strike(pair, fault, host):
    if fault == "crash":
        lab("crash", host)
    elif fault == "power":
        lab("power", "off", host)
    elif fault == "cut":
        for network in PATHS:
            lab("cut", host, network)
    elif fault == "hang":
        lab("hang", host)
    else:
        pair.on(host, "kill", "-STOP", str(pair.pid(host, "flock-sm.service")))


def failover(pair, fault):
    """One failover; seconds until the address answers, until the API has all hosts, and until both are in service."""
    active, standby = pair.settled(seconds=BACK_S, lasting_s=LASTING_S)
    pair.begin()
    begun = time.monotonic()
    strike(pair, fault, active)

    def passed(what, probe, seconds):
        pair.wait(what, probe, seconds)
        return time.monotonic() - begun

    address = passed(f"{FLOATING} at {standby}", lambda: pair.has(standby, FLOATING) and answers(), TAKEN_OVER_S)
    api = passed("the API answers", pair.hosts_answer, TAKEN_OVER_S)
    lab("heal")
    back = passed(f"{active} back", lambda: pair.redundant(standby), BACK_S)
    # One that was cut off is read when it is back, so that its journal is whole.
    lines = pair.lines(0)
    groups = pair.movable(pair.status(standby))
    wrong = [text for text in journals.both(lines, groups) if int(text.rsplit(" ", 2)[-2]) >= pair.since_ms]
    assert not wrong, "\n".join([*wrong, journals.story(lines)])
    return address, api, back


def table(rows):
    lines = [f"{'#':>3} {'fault':<6} {'address s':>10} {'host-list s':>12} {'redundant s':>12}"]
    lines += [f"{number:>3} {fault:<6} {times[0]:>10.1f} {times[1]:>12.1f} {times[2]:>12.1f}"
              for number, (fault, times) in enumerate(rows, 1)]
    for name, of in (("median", statistics.median), ("max", max)):
        values = [of([times[index] for _, times in rows]) for index in range(3)]
        lines.append(f"{name:>10} {values[0]:>10.1f} {values[1]:>12.1f} {values[2]:>12.1f}")
    return "\n".join(lines)


@pytest.mark.soak
@pytest.mark.timeout(600 + TIMES * (TAKEN_OVER_S * 2 + BACK_S * 2))
def test_endurance_of_failovers_under_load(pair, load, capsys):
    chance = random.Random(SEED)
    rows = []
    try:
        for _ in range(TIMES):
            fault = chance.choice(FAULTS)
            rows.append((fault, failover(pair, fault)))
            assert not load.wrong, load.wrong
    finally:
        if rows:
            with capsys.disabled():
                print(f"\nseed {SEED}; {load.count} updates acknowledged, {load.failed} refused or lost on the way")
                print(table(rows))
    load.end()
    assert not load.wrong, load.wrong
    assert load.read() == load.acknowledged > 0
    accepted = delivered(pair)
    found = stored(pair)
    missing = sorted(accepted - found)
    assert accepted and not missing, f"{len(missing)} of {len(accepted)} accepted alarms are lost: {missing[:20]}"
    with capsys.disabled():
        print(f"{len(accepted)} alarms accepted, all of them there")


def delivered(pair):
    """End the alarms of the load, and wait until all are delivered; the numbers of those that were accepted."""
    pair.on("worker-0", "touch", f"{FOLDER}/stop")
    wait_for("all alarms are delivered", lambda: pair.on(
        "worker-0", "systemctl", "is-active", "endurance.service", check=False).strip() != "active", 240)
    return {int(line) for line in pair.on("worker-0", "cat", f"{FOLDER}/accepted").split()}


def stored(pair):
    """The numbers of the alarms of worker-0 in the database of the active controller."""
    text = pair.on(pair.leader()[0], "runuser", "-u", "postgres", "--", "psql", "-At", "fm", "-c",
                   "SELECT entity_instance_id FROM alarm WHERE entity_instance_id LIKE '%memory=endurance%'")
    return {int(line.rpartition("endurance")[2]) for line in text.split()}

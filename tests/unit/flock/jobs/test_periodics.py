# SPDX-License-Identifier: Apache-2.0
"""Periodic tasks run again and again, alone, and survive their errors."""
from __future__ import annotations

import threading

import pytest

from flock.jobs.periodics import Periodics


def test_runs_repeatedly_and_survives_errors() -> None:
    periodics, times, third = Periodics(), [0], threading.Event()

    def task() -> None:
        times[0] += 1
        if times[0] == 3:
            third.set()
        raise RuntimeError("a bad day")

    periodics.add("bad", 0.02, task, first_after_s=0)
    periodics.start()
    assert third.wait(10)
    before = set(threading.enumerate())
    assert periodics.stop(5)
    left = [thread.name for thread in before & set(threading.enumerate()) if thread.name.startswith("periodics")]
    assert left == [], "nothing can run after stop"


def test_does_not_overlap_itself_and_run_now_runs_once_more() -> None:
    periodics, gate, entered = Periodics(), threading.Event(), threading.Semaphore(0)
    runs, together = [0], [0]
    inside = threading.Lock()

    def task() -> None:
        if not inside.acquire(blocking=False):
            together[0] += 1
            return
        runs[0] += 1
        entered.release()
        gate.wait(10)
        inside.release()

    looked = threading.Event()
    periodics.add("slow", 3600, task)
    periodics.add("later in the same look", 3600, looked.set)
    periodics.start()
    periodics.run_now("slow")
    assert entered.acquire(timeout=10)
    periodics.run_now("slow")
    periodics.run_now("slow")
    periodics.run_now("later in the same look")
    assert looked.wait(10)
    assert runs[0] == 1
    gate.set()
    assert entered.acquire(timeout=10)
    assert periodics.stop(5)
    assert (runs[0], together[0]) == (2, 0)


def test_a_hanging_task_leaves_threads_to_others() -> None:
    periodics, gate, other = Periodics(threads_max=2), threading.Event(), threading.Event()
    periodics.add("hangs", 1, lambda: gate.wait(20), first_after_s=0)
    periodics.add("works", 0.02, other.set, first_after_s=0.02)
    periodics.start()
    assert other.wait(10)
    gate.set()
    assert periodics.stop(5)


def test_bad_interval_and_double_name_are_refused() -> None:
    periodics = Periodics()
    with pytest.raises(ValueError, match="interval_s"):
        periodics.add("x", 0, print)
    periodics.add("x", 1, print)
    with pytest.raises(ValueError, match="exists"):
        periodics.add("x", 1, print)

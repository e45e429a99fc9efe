# SPDX-License-Identifier: Apache-2.0
"""The bounded pool: limits, idle threads, stop."""
from __future__ import annotations

import threading
import time

import pytest

from flock.core.errors import Unavailable
from flock.jobs.pool import BoundedPool


def test_results_and_errors_come_back() -> None:
    pool = BoundedPool("p", 2)
    assert pool.submit(pow, 2, 5).result(5) == 32
    with pytest.raises(ZeroDivisionError):
        pool.submit(lambda: 1 / 0).result(5)
    assert pool.stop(5)


def test_full_pool_refuses_at_once_and_takes_again() -> None:
    pool, gate = BoundedPool("p", 2, queue_max=1), threading.Event()
    futures = [pool.submit(gate.wait, 10) for _ in range(3)]
    started = time.monotonic()
    with pytest.raises(Unavailable, match="all 2 threads are busy"):
        pool.submit(print)
    assert time.monotonic() - started < 0.5
    end = time.monotonic() + 5
    while pool.stats() != {"threads": 2, "busy": 2, "queued": 1}:
        assert time.monotonic() < end
    gate.set()
    assert all(future.result(5) for future in futures)
    assert pool.submit(len, "abc").result(5) == 3
    assert pool.stop(5)


def test_threads_are_reused_and_end_when_idle() -> None:
    pool = BoundedPool("p", 8, idle_s=0.1)
    names = {pool.submit(lambda: threading.current_thread().name).result(5) for _ in range(20)}
    assert len(names) <= 2
    end = time.monotonic() + 5
    while pool.stats()["threads"] and time.monotonic() < end:
        time.sleep(0.01)
    assert pool.stats()["threads"] == 0
    assert pool.submit(len, "ab").result(5) == 2


def test_stop_cancels_waiting_and_is_bounded() -> None:
    pool, gate = BoundedPool("p", 1, queue_max=1), threading.Event()
    running = pool.submit(gate.wait, 10)
    end = time.monotonic() + 5
    while not running.running():
        assert time.monotonic() < end
    waiting = pool.submit(len, "x")
    started = time.monotonic()
    assert not pool.stop(0.2)
    assert time.monotonic() - started < 2
    assert waiting.cancelled()
    with pytest.raises(Unavailable):
        pool.submit(len, "x")
    gate.set()
    assert running.result(5)


def test_hammered_by_many_threads_every_task_runs_once() -> None:
    pool = BoundedPool("p", 4, queue_max=1000)
    counted, lock = [0], threading.Lock()

    def count() -> None:
        with lock:
            counted[0] += 1

    def submit_many() -> None:
        for _ in range(100):
            pool.submit(count)

    threads = [threading.Thread(target=submit_many) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    end = time.monotonic() + 10
    while counted[0] < 800 and time.monotonic() < end:
        time.sleep(0.01)
    assert counted[0] == 800
    assert pool.stop(5)

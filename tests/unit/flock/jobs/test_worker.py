# SPDX-License-Identifier: Apache-2.0
import queue
import threading

import pytest

from flock.core.backoff import Backoff
from flock.core.errors import Unavailable
from flock.jobs.worker import Worker

QUICK = Backoff(0.01, 0.02)


class Work:
    """Each call takes what to do from a queue: raise it, or return it as the pause; ``calls`` tells of each."""

    def __init__(self):
        self.todo, self.calls = queue.Queue(), queue.Queue()

    def __call__(self):
        self.calls.put(threading.current_thread())
        item = self.todo.get(timeout=10)
        if isinstance(item, Exception):
            raise item
        return item

    def called(self):
        return self.calls.get(timeout=10)


@pytest.fixture
def work():
    return Work()


@pytest.fixture
def worker(work):
    made = Worker("errand", work, QUICK)
    yield made
    work.todo.put(None)
    assert made.stop(10)


def test_called_again_at_once_after_a_pause_and_when_nudged(work, worker):
    worker.start()
    assert work.called().name == "errand"
    for pause_s in (0, 0.01):
        work.todo.put(pause_s)
        work.called()
    work.todo.put(3000)
    worker.nudge()
    work.called()


def test_nudge_during_work_leads_to_one_more_call(work, worker):
    worker.start()
    work.called()
    worker.nudge()
    work.todo.put(3000)
    work.called()


def test_failure_is_repeated_told_once_and_over_with_the_next_success(work, worker, caplog):
    worker.start()
    for _ in range(3):
        work.called()
        work.todo.put(Unavailable(service="x", reason="away"))
    work.called()
    assert "away" in worker.trouble()
    work.todo.put(0)
    work.called()
    assert worker.trouble() is None
    work.todo.put(ValueError("a defect"))
    work.called()
    told = [record for record in caplog.records if record.name == "flock.jobs.worker"]
    assert ["away" in told[0].getMessage(), "a defect" in told[1].getMessage(), len(told)] == [True, True, 2]
    assert [bool(record.exc_info) for record in told] == [False, True]


def test_pauses_after_failures_double_until_a_success(monkeypatch):
    pauses, outcomes = [], iter([ValueError(), ValueError(), ValueError(), 0.0, ValueError(), None])

    def work():
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    worker = Worker("errand", work, Backoff(0.001, 1, jitter=0))
    wait = worker._wake.wait
    monkeypatch.setattr(worker._wake, "wait", lambda seconds: pauses.append(seconds) or wait(seconds))
    worker.start()
    worker._thread.join(10)
    assert pauses == [0.001, 0.002, 0.004, 0.001]


def test_none_ends_the_thread_which_is_a_trouble(work, worker):
    worker.start()
    work.todo.put(None)
    work.called()
    worker._thread.join(10)
    assert not worker.is_alive()
    assert worker.trouble() == "errand has ended"
    assert worker.stop(1)
    assert worker.trouble() is None


def test_stop_ends_a_long_pause_and_may_be_called_from_within(work, worker):
    worker.start()
    work.called()
    work.todo.put(3000)
    assert worker.stop(10)
    inner = Worker("inner", lambda: 0 if inner.stop(5) else 0)
    inner.start()
    inner._thread.join(10)
    assert not inner.is_alive()


def test_work_that_pauses_inside_is_told_to_leave(worker):
    begun = threading.Event()

    def work():
        begun.set()
        return None if patient.pause(3000) else 0

    patient = Worker("patient", work)
    patient.start()
    assert begun.wait(10)
    assert not patient.stop(0) or not patient.is_alive()
    assert patient.stop(10)


def test_started_twice_only_after_it_ended(work, worker):
    worker.start()
    with pytest.raises(RuntimeError, match="errand is already started"):
        worker.start()
    work.todo.put(3000)
    assert worker.stop(10)
    assert worker.leaving
    worker.start()
    work.called()
    work.called()

# SPDX-License-Identifier: Apache-2.0
"""Repeated lines of libraries: the first passes, then one per interval with the count of those left out."""
from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oslo_config import cfg

from flock import conf as flock_conf
from flock.conf import repeats
from flock.conf.repeats import RepeatLimit

RABBIT = "oslo.messaging._drivers.impl_rabbit"
GONE = "[%(id)s] AMQP server is unreachable: %(error)s. 100 %% retried"


class Clock:
    """A monotonic clock that the test sets."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def record(name: str, level: int, text: str, *args: object) -> logging.LogRecord:
    return logging.LogRecord(name, level, __file__, 1, text, args, None)


def lines(limit: RepeatLimit, *records: logging.LogRecord) -> list[str]:
    return [one.getMessage() for one in records if limit.filter(one)]


def gone(number: int = 1) -> logging.LogRecord:
    return record(RABBIT, logging.ERROR, GONE, {"id": number, "error": "Connection refused"})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limit(clock: Clock) -> RepeatLimit:
    return RepeatLimit(interval_s=60, clock=clock)


def test_the_first_line_passes_at_once_and_then_one_per_interval_with_the_count(
        limit: RepeatLimit, clock: Clock) -> None:
    assert lines(limit, *map(gone, range(5))) == ["[0] AMQP server is unreachable: Connection refused. 100 % retried"]
    clock.now_s += 59.9
    assert lines(limit, gone()) == []
    clock.now_s += 0.1
    assert lines(limit, gone(7), gone(8)) == [
        "[7] AMQP server is unreachable: Connection refused. 100 % retried"
        " (5 more such lines were left out in the last 60 s)"]
    clock.now_s += 600
    assert lines(limit, gone(9))[0].endswith("(1 more such lines were left out in the last 600 s)")
    clock.now_s += 60
    assert lines(limit, gone(9)) == ["[9] AMQP server is unreachable: Connection refused. 100 % retried"]


def test_kinds_are_limited_separately(limit: RepeatLimit) -> None:
    kinds = [(RABBIT, logging.ERROR, GONE), (RABBIT, logging.WARNING, GONE), (RABBIT, logging.ERROR, "Other"),
             ("kombu.connection", logging.ERROR, GONE)]
    records = [record(name, level, text, {"id": 1, "error": "x"}) for name, level, text in kinds * 2]
    assert [limit.filter(one) for one in records] == [True] * 4 + [False] * 4


@pytest.mark.parametrize(("name", "level"), [
    ("mtce.conductor.loop", logging.ERROR), ("kombux", logging.ERROR), ("oslo.messagingx", logging.ERROR),
    (RABBIT, logging.DEBUG)])
def test_other_loggers_and_debug_lines_are_not_limited(limit: RepeatLimit, name: str, level: int) -> None:
    assert lines(limit, *(record(name, level, "text") for _ in range(3))) == ["text"] * 3


def test_two_handlers_write_the_same_lines(limit: RepeatLimit, clock: Clock) -> None:
    texts = [io.StringIO(), io.StringIO()]
    logger = logging.Logger(RABBIT)
    for text in texts:
        handler = logging.StreamHandler(text)
        handler.addFilter(limit)
        logger.addHandler(handler)
    for _ in range(3):
        logger.error("gone")
    clock.now_s += 60
    logger.error("gone")
    assert [text.getvalue() for text in texts] == [
        "gone\ngone (2 more such lines were left out in the last 60 s)\n"] * 2


def test_lines_without_a_template_do_not_fill_the_memory(limit: RepeatLimit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "KINDS_MAX", 3)
    assert len(lines(limit, *(record(RABBIT, logging.ERROR, f"number {number}") for number in range(10)))) == 10
    assert lines(limit, record(RABBIT, logging.ERROR, "number 9"), record(RABBIT, logging.ERROR, "number 0")) == [
        "number 0"]


def test_an_exception_as_message_is_a_kind_of_its_own(limit: RepeatLimit) -> None:
    error = ConnectionResetError("reset")
    records = [logging.LogRecord(RABBIT, logging.ERROR, __file__, 1, error, (), None) for _ in range(2)]
    assert lines(limit, *records) == ["reset"]


@given(st.lists(st.integers(0, 50), min_size=1, max_size=60))
def test_every_line_is_shown_or_counted(pauses_s: list[int]) -> None:
    clock = Clock()
    limit = RepeatLimit(interval_s=60, clock=clock)
    shown = counted = 0
    last_s = None
    for pause_s in [*pauses_s, 60]:
        clock.now_s += pause_s
        for text in lines(limit, record(RABBIT, logging.ERROR, "gone")):
            assert last_s is None or clock.now_s - last_s >= 60
            last_s = clock.now_s
            shown += 1
            counted += int(text.split("(")[1].split()[0]) if "(" in text else 0
    assert shown + counted == len(pauses_s) + 1


def test_threads_pass_one_line_together(limit: RepeatLimit) -> None:
    with ThreadPoolExecutor(8) as pool:
        passed = list(pool.map(lambda number: limit.filter(gone(number)), range(2000)))
    assert passed.count(True) == 1


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    before = list(root.handlers), root.level
    yield root
    root.handlers[:], root.level = before


def test_a_daemons_handlers_have_the_limit(root_logger: logging.Logger, monkeypatch: pytest.MonkeyPatch, tmp_path
                                           ) -> None:
    # The tests keep what oslo.messaging says out of the root logger's handlers (conftest); a daemon does not.
    monkeypatch.setattr(logging.getLogger("oslo.messaging"), "propagate", True)
    flock_conf.setup("t-daemon", "t", ["--log-file", str(tmp_path / "log")], conf=cfg.ConfigOpts())
    for number in range(20):
        logging.getLogger(RABBIT).error("attempt %d failed", number)
        logging.getLogger("t.own").warning("own line %d", number)
    text = (tmp_path / "log").read_text()
    assert text.count("attempt") == 1 and text.count("own line") == 20

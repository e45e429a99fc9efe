# SPDX-License-Identifier: Apache-2.0
import selectors
import socket

import pytest

from mtce.heartbeat.intake import WINDOW_MS, Intake


class Clock:
    now_ms = 1_000

    def __call__(self):
        return self.now_ms


@pytest.fixture
def pair():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as idle:
        reader, writer = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        with reader, writer, idle:
            yield reader, writer


@pytest.fixture
def selector():
    with selectors.DefaultSelector() as made:
        yield made


def ready(selector):
    keys = selector.select(0)
    for key, events in keys:
        key.data(events)
    return len(keys)


def test_socket_rests_after_its_share_until_the_window_is_over(selector, pair):
    reader, writer = pair
    clock, asked = Clock(), []
    intake = Intake(selector, clock)

    def read(now_ms, most):
        asked.append((now_ms, most))
        return sum(bool(reader.recv(10)) for _ in range(min(most, 8)))

    intake.add(reader, read, 20)
    for _ in range(60):
        writer.send(b"x")
    assert [ready(selector) for _ in range(4)] == [1, 1, 1, 0]
    assert asked == [(1_000, 20), (1_000, 12), (1_000, 4)]
    assert intake.wake_ms() == 1_000 + WINDOW_MS
    clock.now_ms += WINDOW_MS - 1
    intake.wake(clock.now_ms)
    assert ready(selector) == 0
    clock.now_ms += 1
    intake.wake(clock.now_ms)
    assert (ready(selector), intake.wake_ms()) == (1, None)
    assert asked[-1] == (1_000 + WINDOW_MS, 20)


def test_quiet_socket_never_rests(selector, pair):
    reader, writer = pair
    clock = Clock()
    intake = Intake(selector, clock)
    intake.add(reader, lambda now_ms, most: len(reader.recv(10)), 2)
    for _ in range(20):
        writer.send(b"x")
        assert (ready(selector), intake.wake_ms()) == (1, None)
        clock.now_ms += WINDOW_MS

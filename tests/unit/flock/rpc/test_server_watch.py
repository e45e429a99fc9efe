# SPDX-License-Identifier: Apache-2.0
"""A daemon asks the servers that it needs: its health page names one of another release, or one that is silent."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flock.core.errors import Unavailable
from flock.rpc import Server, ServerWatch, call, rpc_interface
from flock.rpc.serverwatch import SILENT_S
from flock.testing.services.process import wait_for


@rpc_interface(topic="watched", version="1.2", speaks_for="system", callers=("tests",), namespace="things")
class Things:
    @call(timeout_s=2)
    def act(self, *, number: int) -> int:
        raise TypeError("interface")


@rpc_interface(topic="watched", version="2.0", speaks_for="system", callers=("tests",), namespace="things")
class NewerThings:
    @call(timeout_s=2)
    def act(self, *, number: int) -> int:
        raise TypeError("interface")


@rpc_interface(topic="watched", version="1.0", speaks_for="system", callers=("tests",), namespace="others")
class Others:
    @call(timeout_s=2)
    def act(self, *, number: int) -> int:
        raise TypeError("interface")


class Working:
    def act(self, *, number: int) -> int:
        return number


def away(topic: str) -> Mapping[str, Any]:
    raise Unavailable(service=topic, reason="no reply")


def test_a_server_that_fits_ends_the_watch(fake_transport: Any) -> None:
    server = Server(fake_transport, "one", {Things: Working()})
    server.start()
    watch = ServerWatch(fake_transport, [Things])
    assert watch.check() is None
    assert watch.mismatch() is None
    server.stop()


def test_a_server_of_another_release_is_trouble_until_it_is_replaced(fake_transport: Any) -> None:
    server = Server(fake_transport, "one", {Things: Working()})
    server.start()
    watch = ServerWatch(fake_transport, [NewerThings], interval_s=0.05)
    watch.start()
    wait_for(lambda: watch.mismatch() is not None, 10, "mismatch")
    assert "2.0 is needed" in str(watch.mismatch())
    server.stop()
    newer = Server(fake_transport, "one", {NewerThings: Working()})
    newer.start()
    wait_for(lambda: watch.mismatch() is None, 30, "end of the mismatch")
    newer.stop()


def test_an_interface_that_fits_hides_no_other_that_does_not(fake_transport: Any) -> None:
    server = Server(fake_transport, "one", {Things: Working(), Others: Working()})
    server.start()
    watch = ServerWatch(fake_transport, [NewerThings, Others])
    for _ in range(2):
        assert watch.check() is not None
        assert "2.0 is needed" in str(watch.mismatch())
    server.stop()


def test_nobody_there_is_no_mismatch_and_is_asked_again(fake_transport: Any) -> None:
    watch = ServerWatch(fake_transport, [Things], ask=away)
    assert watch.check() is not None
    assert watch.mismatch() is None


def test_a_server_that_replies_is_not_silent(fake_transport: Any) -> None:
    server = Server(fake_transport, "one", {Things: Working()})
    assert server.start()
    now = [0.0]
    watch = ServerWatch(fake_transport, [Things], for_replies=True, clock=lambda: now[0])
    for _ in range(4):
        now[0] += SILENT_S - 1
        assert watch.check() is not None
        assert watch.silence() is None
    server.stop()


def test_a_server_that_does_not_reply_is_named_with_the_reason(fake_transport: Any) -> None:
    now, is_away = [0.0], [True]
    reply = {"server": "one", "interfaces": {}}
    watch = ServerWatch(fake_transport, [Things], for_replies=True, clock=lambda: now[0],
                        ask=lambda topic: away(topic) if is_away[0] else reply)
    watch.check()
    now[0] = SILENT_S
    assert watch.silence() is None, "a restart of the server is no trouble"
    now[0] += 1
    watch.check()
    assert str(watch.silence()).startswith("watched has not replied over the message bus for 26 s (watched")
    is_away[0] = False
    watch.check()
    assert watch.silence() is None

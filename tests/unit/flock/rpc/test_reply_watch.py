# SPDX-License-Identifier: Apache-2.0
"""The health page of an API names a server that does not reply, and only after a while."""
from __future__ import annotations

from typing import Any

from flock.core.errors import Unavailable
from flock.rpc import ReplyWatch, Server, call, rpc_interface
from flock.rpc.reachable import SILENT_S


@rpc_interface(topic="needed", version="1.0", speaks_for="system", callers=("tests",))
class Needed:
    @call(timeout_s=2)
    def act(self) -> int:
        raise TypeError("interface")


class Working:
    def act(self) -> int:
        return 1


def test_a_server_that_replies_is_no_trouble(fake_transport: Any) -> None:
    server = Server(fake_transport, "one", {Needed: Working()})
    assert server.start()
    now = [0.0]
    watch = ReplyWatch(fake_transport, [Needed], clock=lambda: now[0])
    for _ in range(4):
        now[0] += SILENT_S - 1
        watch.check()
        assert watch.trouble() is None
    server.stop()


def test_a_server_that_does_not_reply_is_named_with_the_reason(fake_transport: Any) -> None:
    now, away = [0.0], [True]

    def ask(topic: str) -> None:
        if away[0]:
            raise Unavailable(service=topic, reason="no reply")

    watch = ReplyWatch(fake_transport, [Needed], ask=ask, clock=lambda: now[0])
    watch.check()
    now[0] = SILENT_S
    assert watch.trouble() is None, "a restart of the server is no trouble"
    now[0] += 1
    watch.check()
    assert str(watch.trouble()).startswith("needed has not replied over the message bus for 26 s (needed")
    away[0] = False
    watch.check()
    assert watch.trouble() is None

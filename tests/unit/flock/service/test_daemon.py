# SPDX-License-Identifier: Apache-2.0
"""The parts of the daemon frame that need no process of their own."""
from __future__ import annotations

import json
import os
import socket
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from flock.core.backoff import Backoff
from flock.core.health import Health
from flock.service import notify as notify_module
from flock.service.listener import Listener
from flock.service.starting import Abandoned, until_ready


def test_listener_answers_what_it_knows() -> None:
    listener = Listener("127.0.0.1", 0, Health())
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{listener.port}/healthz", timeout=5) as answer:
            assert json.loads(answer.read()) == {"status": "ok", "checks": {}}
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"http://127.0.0.1:{listener.port}/other", timeout=5)
    finally:
        listener.stop()


def test_a_silent_client_does_not_block_the_listener_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flock.service.listener._Handler.timeout", 0.2)
    listener = Listener("127.0.0.1", 0, Health())
    with socket.create_connection(("127.0.0.1", listener.port)) as silent:
        silent.sendall(b"GET /")
        with urllib.request.urlopen(f"http://127.0.0.1:{listener.port}/healthz", timeout=5) as answer:
            assert answer.status == 200
    listener.stop()


def test_until_ready_retries_raises_and_gives_up() -> None:
    failures: list[str] = []
    results = iter([OSError("a\nb"), OSError("c"), 7])

    def attempt() -> int:
        result = next(results)
        if isinstance(result, Exception):
            raise result
        return result

    quick = Backoff(0.01, 0.01)
    assert until_ready("it", attempt, stop=threading.Event(), backoff=quick, on_failure=failures.append) == 7
    assert failures == ["it could not start: OSError: a", "it could not start: OSError: c"]
    with pytest.raises(ValueError, match="config"):
        until_ready("it", lambda: (_ for _ in ()).throw(ValueError("config")), stop=threading.Event(), backoff=quick)
    stopped = threading.Event()
    stopped.set()
    with pytest.raises(Abandoned):
        until_ready("it", lambda: 1, stop=stopped)


def test_notify_speaks_only_when_somebody_listens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module = notify_module
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert module.notify("READY=1") is False
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    assert module.notify("READY=1") is False
    name = f"@flock-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind("\0" + name[1:])
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        assert module.notify("READY=1", "STATUS=x") is True
        assert server.recv(100) == b"READY=1\nSTATUS=x"


@pytest.mark.parametrize(("usec", "pid", "expected"), [
    ("10000000", None, 5.0), ("", None, None), ("0", None, None), ("x", None, None), ("10000000", "1", None)])
def test_watchdog_interval(monkeypatch: pytest.MonkeyPatch, usec: str, pid: str | None, expected: float | None) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", usec)
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    if pid is not None:
        monkeypatch.setenv("WATCHDOG_PID", pid)
    assert notify_module.watchdog_interval_s() == expected

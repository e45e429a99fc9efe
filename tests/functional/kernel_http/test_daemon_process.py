# SPDX-License-Identifier: Apache-2.0
"""Daemons as real processes: start, retry, reload, stop, systemd, health."""
from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from flock.testing.services.process import wait_for

PROLOGUE = """
import sys, threading, os
from flock.service.daemon import run_daemon
from flock.core.health import Health
"""


class Process:
    """A daemon in a child process with a notify socket."""

    def __init__(self, folder: Path, program: str, conf: str = "", **environ: str) -> None:
        self.folder = folder
        (folder / "flock.conf").write_text(f"[DEFAULT]\nstart_retry_max_s = 1\n{conf}")
        epilogue = "\nsys.exit(run_daemon('t-daemon', D))\n"
        (folder / "daemon.py").write_text(PROLOGUE + textwrap.dedent(program) + epilogue)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(str(folder / "notify"))
        self.notify.settimeout(20)
        self.told: list[str] = []
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.child = subprocess.Popen(
                [sys.executable, "-W", "ignore", str(folder / "daemon.py")], stdout=log, stderr=log, cwd=os.getcwd(),
                env={**os.environ, "FLOCK_CONF_DIR": str(folder), "PYTHONPATH": os.getcwd(),
                     "NOTIFY_SOCKET": str(folder / "notify"), **environ})

    def wait_told(self, text: str) -> None:
        """Until systemd was told ``text``."""
        while not any(text in line for line in self.told):
            try:
                self.told += self.notify.recv(4096).decode().split("\n")
            except TimeoutError:
                raise AssertionError(f"{text} not told; log:\n{self.log.read_text()}") from None
        self.told = [line for line in self.told if text not in line]

    def wait_logged(self, text: str) -> None:
        """Until the log has ``text``."""
        deadline = time.monotonic() + 20
        while text not in self.log.read_text():
            assert time.monotonic() < deadline, self.log.read_text()
            threading.Event().wait(0.02)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Signal and wait; the exit code."""
        self.child.send_signal(number)
        return self.child.wait(20)


@contextlib.contextmanager
def running(folder: Path, program: str, conf: str = "", **environ: str) -> Iterator[Process]:
    process = Process(folder, program, conf, **environ)
    try:
        yield process
    finally:
        if process.child.poll() is None:
            process.child.kill()
            process.child.wait(10)
        process.notify.close()


STEADY = """
class D:
    def __init__(self, conf):
        self.conf, self.gate = conf, threading.Event()
        self.health = Health()
        self.health.add('bus', lambda: None)
    def start(self):
        self.thread = threading.Thread(target=self.gate.wait, name='work')
        self.thread.start()
    def reload(self):
        print('retry', self.conf.log_color, flush=True)
    def stop(self):
        print('stop called', flush=True)
        self.gate.set()
        self.thread.join()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ready_reload_and_graceful_stop(tmp_path: Path, number: int) -> None:
    with running(tmp_path, STEADY) as process:
        process.wait_told("READY=1")
        process.child.send_signal(signal.SIGHUP)
        process.wait_told("RELOADING=1")
        process.wait_told("READY=1")
        process.wait_logged("retry")
        assert process.end(number) == 0
        process.wait_told("STOPPING=1")
        assert process.log.read_text().count("stop called") == 1


def test_a_daemon_that_stands_by_opens_nothing_until_it_is_made_active(tmp_path: Path) -> None:
    program = """
    class D:
        def __init__(self, conf):
            print('made with', conf.start_retry_max_s, flush=True)
        def start(self):
            print('works', flush=True)
        def stop(self):
            pass
    """
    mark = tmp_path / "mark"
    mark.touch()
    with running(tmp_path, program, FLOCK_STANDBY=str(mark)) as process:
        process.wait_told("STATUS=standby")
        process.wait_told("WATCHDOG=1")
        assert "made" not in process.log.read_text()
        (tmp_path / "changed").write_text("[DEFAULT]\nstart_retry_max_s = 7\n")
        (tmp_path / "changed").rename(tmp_path / "flock.conf")
        mark.unlink()
        process.child.send_signal(signal.SIGCONT)
        process.wait_told("STATUS=running")
        assert "made with 7" in process.log.read_text() and "works" in process.log.read_text()
        assert process.end() == 0


def test_a_missing_neighbour_is_waited_for_with_fresh_objects(tmp_path: Path) -> None:
    program = """
    attempts = []
    class D:
        def __init__(self, conf):
            attempts.append(self)
        def start(self):
            if len(attempts) < 3:
                raise ConnectionError('broker away')
        def stop(self):
            print('stopped attempt', attempts.index(self), flush=True)
    """
    with running(tmp_path, program) as process:
        process.wait_told("STATUS=t-daemon could not start: ConnectionError: broker away")
        process.wait_told("READY=1")
        log = process.log.read_text()
        assert log.count("broker away; next attempt") == 2
        assert "Traceback" not in log
        assert process.end() == 0
        assert [f"stopped attempt {n}" in process.log.read_text() for n in range(3)] == [True] * 3


def test_sigterm_while_still_waiting_ends_at_once(tmp_path: Path) -> None:
    program = """
    class D:
        def __init__(self, conf): pass
        def start(self): raise ConnectionError('broker away')
        def stop(self): pass
    """
    with running(tmp_path, program) as process:
        process.wait_logged("broker away")
        assert process.end() == 0


def test_a_start_that_ends_after_sigterm_is_stopped_again(tmp_path: Path) -> None:
    program = """
    class D:
        def __init__(self, conf): pass
        def start(self):
            print('starting', flush=True)
            threading.Event().wait(1.0)
        def stop(self): print('stop called', flush=True)
    """
    with running(tmp_path, program) as process:
        process.wait_logged("starting")
        assert process.end() == 0
        assert "stop called" in process.log.read_text()


def test_a_programming_error_at_start_ends_the_process_with_a_trace(tmp_path: Path) -> None:
    program = """
    class D:
        def __init__(self, conf): pass
        def start(self): raise TypeError('wrong call')
        def stop(self): pass
    """
    with running(tmp_path, program) as process:
        assert process.child.wait(20) == 1
        assert "TypeError: wrong call" in process.log.read_text()


def test_a_stop_that_hangs_is_bounded(tmp_path: Path) -> None:
    program = """
    class D:
        def __init__(self, conf): pass
        def start(self): pass
        def stop(self): threading.Event().wait()
    """
    with running(tmp_path, program, "stop_timeout_s = 1\n") as process:
        process.wait_told("READY=1")
        assert process.end() == 1
        assert "did not stop within 1 s" in process.log.read_text()


def test_a_forgotten_thread_does_not_keep_the_process(tmp_path: Path) -> None:
    program = """
    class D:
        def __init__(self, conf): pass
        def start(self): threading.Thread(target=threading.Event().wait, name='forgotten').start()
        def stop(self): pass
    """
    with running(tmp_path, program, "stop_timeout_s = 1\n") as process:
        process.wait_told("READY=1")
        assert process.end() == 1
        assert "forgotten" in process.log.read_text()


def test_the_watchdog_is_fed_only_while_the_daemon_says_it_lives(tmp_path: Path) -> None:
    program = f"""
    class D:
        def __init__(self, conf): pass
        def start(self): pass
        def stop(self): pass
        def alive(self): return not os.path.exists({str(tmp_path / 'dead')!r})
    """
    with running(tmp_path, program, WATCHDOG_USEC="200000") as process:
        process.wait_told("READY=1")
        process.wait_told("WATCHDOG=1")
        (tmp_path / "dead").touch()
        process.wait_logged("reports that it is not alive")
        process.notify.settimeout(0.5)
        with pytest.raises(AssertionError):
            for _ in range(10):
                process.wait_told("WATCHDOG=1")
        assert process.end() == 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_metrics_health_and_dead_threads(tmp_path: Path) -> None:
    port = free_port()
    program = STEADY.replace("self.thread.start()", "self.thread.start()\n"
                             "        threading.Thread(target=self.fail, name='fragile').start()")
    program += "    def fail(self):\n        self.gate.wait(0.3)\n        raise RuntimeError('broke')\n"
    with running(tmp_path, program, f"metrics_port = {port}\n") as process:
        process.wait_told("READY=1")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            assert b"python_info" in answer.read()
        process.wait_logged("thread fragile died")
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5)
        assert caught.value.code == 503
        report = json.loads(caught.value.read())
        assert report["checks"] == {"bus": "ok", "threads": "thread fragile died: RuntimeError"}
        assert process.end() == 0


def test_a_taken_metrics_port_keeps_no_daemon_from_its_work(tmp_path: Path) -> None:
    with (socket.create_server(("127.0.0.1", 0)) as taken,
          running(tmp_path, STEADY, f"metrics_port = {taken.getsockname()[1]}\n") as process):
        process.wait_told("READY=1")
        process.wait_logged("no metrics at 127.0.0.1 port")
        assert process.end() == 0


def test_no_eventlet_and_few_threads_and_little_memory(tmp_path: Path) -> None:
    program = STEADY.replace("print('retry', self.conf.log_color", "print('eventlet', sys.modules['eventlet']")
    with running(tmp_path, program) as process:
        process.wait_told("READY=1")
        process.child.send_signal(signal.SIGHUP)
        process.wait_logged("eventlet None")

        def status() -> dict[str, str]:
            text = Path(f"/proc/{process.child.pid}/status").read_text()
            return dict(line.split(":", 1) for line in text.splitlines())
        # The thread that started the daemon may be on its way out still.
        wait_for(lambda: int(status()["Threads"]) <= 2, 10.0, "two threads at most")
        assert int(status()["VmRSS"].split()[0]) < 47 * 1024
        assert process.end() == 0

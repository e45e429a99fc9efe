# SPDX-License-Identifier: Apache-2.0
"""The process frame of every daemon that is no API: native threads, signals, systemd, health and metrics.

The main thread only waits for signals and notifies systemd's watchdog; a separate thread starts the daemon.
"""
from __future__ import annotations

import logging
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any, Protocol

from flock import conf as flock_conf
from flock.core.backoff import Backoff
from flock.core.health import Health
from flock.service.backend import oslo_service
from flock.service.listener import Listener
from flock.service.notify import notify, reloading, watchdog_interval_s
from flock.service.standby import nothing, wait_until_active
from flock.service.starting import Abandoned, until_ready

LOG = logging.getLogger(__name__)
TICK_S = 5.0
TERMINATE, RELOAD, STARTED, FAILED = b"T", b"H", b"S", b"F"


class Daemon(Protocol):
    """The result of a factory. Optional members: ``reload()``, called after a configuration change; ``health`` (a
    ``Health``); ``alive() -> bool``, called before each watchdog notification."""

    def start(self) -> None:
        """Start threads and return; raise when a required service is missing (a new object is tried later)."""

    def stop(self) -> None:
        """Stop within the stop timeout; called once, also after a failed start."""


Factory = Callable[[Any], Daemon]


class DaemonService(oslo_service.Service):  # type: ignore[misc]
    """One daemon in oslo.service's launcher. ``exit_code`` is valid after ``wait``."""

    def __init__(self, prog: str, conf: Any, factory: Factory) -> None:
        super().__init__(threads=1)
        self.prog, self._conf, self._factory = prog, conf, factory
        self.exit_code = 0
        self._daemon: Daemon | None = None
        self._listener: Listener | None = None
        self._starter: threading.Thread | None = None
        self._stopping = threading.Event()
        self._thread_failures: list[str] = []
        self._read_fd, self._write_fd = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def signal_received(self, code: bytes) -> None:
        """Pass one event to the main loop; signal handlers and threads may call it."""
        try:
            os.write(self._write_fd, code)
        except OSError:  # the pipe is full or closed, so an event is already pending
            return

    def start(self) -> None:
        """Begin to start the daemon in a thread; returns at once."""
        threading.excepthook = self._thread_failed
        # Threads inherit the daemon flag; those that the daemon starts must not be daemon threads.
        self._starter = threading.Thread(target=self._start_daemon, name="starter", daemon=False)
        self._starter.start()

    def wait(self) -> None:
        """Run the main loop until the process must terminate."""
        interval_s = watchdog_interval_s()
        tick_s = min(TICK_S, interval_s) if interval_s else TICK_S
        events = b""
        while TERMINATE not in events and FAILED not in events:
            ready, _, _ = select.select([self._read_fd], [], [], tick_s)
            events = os.read(self._read_fd, 64) if ready else b""
            if RELOAD in events:
                self._reload()
            self._tell_systemd(interval_s is not None)
        self._shut_down()

    def _start_daemon(self) -> None:
        try:
            self._daemon = until_ready(
                self.prog, self._attempt, stop=self._stopping,
                backoff=Backoff(0.5, self._conf.start_retry_max_s),
                on_failure=_tell_failure)
            self._open_listener(self._daemon)
            LOG.info("%s is ready", self.prog)
            notify("READY=1", "STATUS=running")
            self.signal_received(STARTED)
        except Abandoned:
            return
        except Exception:
            LOG.exception("%s cannot run", self.prog)
            self.exit_code = 1
            self.signal_received(FAILED)

    def _attempt(self) -> Daemon:
        daemon = self._factory(self._conf)
        try:
            daemon.start()
        except Exception:
            try:
                daemon.stop()
            except Exception:
                LOG.debug("clearing up after a failed start failed too", exc_info=True)
            raise
        return daemon

    def _open_listener(self, daemon: Daemon) -> None:
        if self._conf.metrics_port:
            health = getattr(daemon, "health", None) or Health()
            health.add("threads", lambda: "; ".join(self._thread_failures) or None)
            try:
                self._listener = Listener(self._conf.metrics_host, self._conf.metrics_port, health)
            except OSError as error:  # the daemon must work even if another process uses the port
                LOG.error("no metrics at %s port %d: %s", self._conf.metrics_host, self._conf.metrics_port, error)

    def _reload(self) -> None:
        LOG.info("%s reloads its configuration", self.prog)
        reloading()
        try:
            self._conf.mutate_config_files()
            reload = getattr(self._daemon, "reload", None)
            if reload is not None:
                reload()
        except Exception:
            LOG.exception("the reload failed; the previous configuration stays")
        notify("READY=1")

    def _tell_systemd(self, watched: bool) -> None:
        if self._daemon is None:
            notify("EXTEND_TIMEOUT_USEC=30000000", *(("WATCHDOG=1",) if watched else ()))
            return
        if not watched:
            return
        try:
            alive = getattr(self._daemon, "alive", lambda: True)()
        except Exception:
            LOG.exception("the liveness check of %s failed", self.prog)
            alive = False
        if alive:
            notify("WATCHDOG=1")
        else:
            LOG.error("the liveness check of %s reports that it is not alive", self.prog)

    def _shut_down(self) -> None:
        LOG.info("%s stops", self.prog)
        notify("STOPPING=1", "STATUS=stopping")
        self._stopping.set()
        limit_s = self._conf.stop_timeout_s
        guard = threading.Timer(limit_s, self._give_up, (limit_s,))
        guard.daemon = True
        guard.start()
        try:
            if self._starter is not None:
                self._starter.join()
            if self._daemon is not None:
                self._daemon.stop()
            if self._listener is not None:
                self._listener.stop()
        except Exception:
            LOG.exception("%s did not stop cleanly", self.prog)
            self.exit_code = self.exit_code or 1
        LOG.info("%s stopped", self.prog)

    def _give_up(self, limit_s: int) -> None:
        names = ", ".join(sorted(t.name for t in threading.enumerate() if not t.daemon))
        LOG.error("%s did not stop within %d s (threads: %s); it ends now", self.prog, limit_s, names)
        logging.shutdown()
        os._exit(1)

    def _thread_failed(self, failure: Any) -> None:
        name = failure.thread.name if failure.thread is not None else "unknown"
        if failure.exc_type is SystemExit:
            return
        LOG.critical("thread %s died", name, exc_info=(failure.exc_type, failure.exc_value, failure.exc_traceback))
        self._thread_failures.append(f"thread {name} died: {failure.exc_type.__name__}")
        del self._thread_failures[:-10]


class _Launcher(oslo_service.ProcessLauncher):  # type: ignore[misc]
    """oslo.service's launcher in one process; its signal handlers only pass events to the main loop."""

    def __init__(self, conf: Any, daemon_service: DaemonService) -> None:
        self._daemon_service = daemon_service
        super().__init__(conf, no_fork=True)

    def add_signal_handlers(self) -> None:
        """Make TERM and INT end the process gracefully, and HUP reload the configuration."""
        self.signal_handler.clear()
        for name, code in (("SIGTERM", TERMINATE), ("SIGINT", TERMINATE), ("SIGHUP", RELOAD)):
            self.signal_handler.add_handler(name, self._handler(code))
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)

    def _handler(self, code: bytes) -> Callable[[int, FrameType | None], None]:
        def handle(signo: int, frame: FrameType | None) -> None:
            self._daemon_service.signal_received(code)

        return handle


def run_daemon(prog: str, factory: Factory, *, subsystem: str | None = None, argv: Sequence[str] | None = None,
               prepare: Callable[[], None] = nothing) -> int:
    """Run the daemon ``prog`` until SIGTERM; returns the exit code for ``sys.exit``.

    ``factory(conf)`` returns a ``Daemon``. ``subsystem`` defaults to ``prog`` up to the first dash, ``argv`` to the
    command line. ``prepare`` as ``flock.service.standby.nothing`` says.
    """
    conf = flock_conf.setup(prog, subsystem or prog.split("-", 1)[0], sys.argv[1:] if argv is None else argv)
    sys.excepthook = _main_failed
    prepare()
    wait_until_active(conf.config_file)
    daemon_service = DaemonService(prog, conf, factory)
    _Launcher(conf, daemon_service).launch_service(daemon_service)
    logging.shutdown()
    return daemon_service.exit_code


def _tell_failure(sentence: str) -> None:
    notify(f"STATUS={sentence[:200]}")


def _main_failed(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    LOG.critical("the main thread died", exc_info=(kind, error, trace))

# SPDX-License-Identifier: Apache-2.0
"""Runs an API under gunicorn: worker processes with a bounded number of threads each."""
from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from gunicorn import glogging
from gunicorn.app.base import BaseApplication

from flock import conf as flock_conf
from flock.foreign import webserver  # noqa: F401 - refuses a gunicorn without what is used here
from flock.service.standby import nothing, wait_until_active

LOG = logging.getLogger(__name__)
LINE_BYTES_MAX = 8190
# More than a token may have, so that the token check refuses a longer token with 401.
HEADER_BYTES_MAX = 32768
HEADERS_MAX = 100
WORKER_SILENCE_S = 60
STOP_S = 30

AppFactory = Callable[[Any], Any]


class Logger(glogging.Logger):  # type: ignore[misc]
    """Sends gunicorn's log lines to the daemon's log. The audit log replaces the access log."""

    def setup(self, cfg: Any) -> None:
        """Add no handlers and let lines propagate."""
        self.error_log.propagate = True
        self.access_log.disabled = True
        self.error_log.setLevel(logging.INFO)

    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:
        """Write no access log."""

    def reopen_files(self) -> None:
        """Do nothing, because oslo.log reopens its files itself."""


class GunicornApi(BaseApplication):  # type: ignore[misc]
    """gunicorn with settings from the configuration; each worker makes its own WSGI application."""

    def __init__(self, prog: str, conf: Any, factory: AppFactory, group: str, default_port: int) -> None:
        self._prog, self._conf, self._factory = prog, conf, factory
        self._group, self._default_port = group, default_port
        super().__init__()

    def load_config(self) -> None:
        """Load settings from the option group; the master calls it again at SIGHUP."""
        self._conf.reload_config_files()
        for name, value in gunicorn_settings(self._prog, self._conf[self._group], self._default_port).items():
            self.cfg.set(name, value)
        self.cfg.set("post_worker_init", _worker_started)
        self.cfg.set("worker_exit", _worker_exit)

    def load(self) -> Any:
        """Make the application in the worker; engines, transports and threads must not exist before the fork."""
        return self._factory(self._conf)


def gunicorn_settings(prog: str, options: Any, default_port: int) -> dict[str, Any]:
    """gunicorn's settings by name, from the [api] options."""
    port = options.bind_port or default_port
    host = f"[{options.bind_host}]" if ":" in options.bind_host else options.bind_host
    bind = f"unix:{options.bind_socket}" if options.bind_socket else f"{host}:{port}"
    settings: dict[str, Any] = {
        "proc_name": prog, "bind": [bind],
        "umask": 0,  # for the unix socket: its directory decides who may connect
        "workers": options.workers, "threads": options.threads,
        "worker_class": "gthread", "worker_connections": max(200, options.threads * 25), "backlog": options.backlog,
        "keepalive": options.keep_alive_s, "timeout": WORKER_SILENCE_S, "graceful_timeout": STOP_S,
        "limit_request_line": LINE_BYTES_MAX, "limit_request_fields": HEADERS_MAX,
        "limit_request_field_size": HEADER_BYTES_MAX, "control_socket_disable": True, "preload_app": False,
        "logger_class": Logger, "reuse_port": False, "chdir": "/",
    }
    if os.access("/dev/shm", os.W_OK):  # noqa: S108  # the heartbeat file of a worker must not hit a disk
        settings["worker_tmp_dir"] = "/dev/shm"  # noqa: S108
    if options.tls_certificate and options.tls_key:
        settings.update(certfile=options.tls_certificate, keyfile=options.tls_key)
    return settings


def _worker_started(worker: Any) -> None:
    on_start = getattr(worker.wsgi, "worker_started", None)
    if on_start is not None:
        on_start(lambda: not worker.alive)


def _worker_exit(server: Any, worker: Any) -> None:
    close = getattr(worker.wsgi, "close", None) if getattr(worker, "wsgi", None) is not None else None
    if close is not None:
        try:
            close()
        except Exception:
            LOG.exception("closing the application of worker %s failed", worker.pid)


def run_api(prog: str, app_factory: AppFactory, group: str = "api", *, default_port: int = 8080,
            subsystem: str | None = None, argv: Sequence[str] | None = None,
            prepare: Callable[[], None] = nothing) -> None:
    """Serve ``app_factory(conf)`` (called in each worker) until SIGTERM; ends the process.

    SIGHUP rereads the configuration and replaces the workers gracefully. ``default_port`` applies when
    ``[group] bind_port`` is 0. ``prepare`` as ``flock.service.standby.nothing`` says. If the application has them,
    calls ``worker_started(is_ending)`` before it serves and ``close()`` when its worker ends.
    """
    conf = flock_conf.setup(prog, subsystem or prog.split("-", 1)[0], sys.argv[1:] if argv is None else argv)
    prepare()
    wait_until_active(conf.config_file)
    sys.argv = [prog]  # libraries that parse the command line must not see these arguments
    GunicornApi(prog, conf, app_factory, group, default_port).run()

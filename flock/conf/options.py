# SPDX-License-Identifier: Apache-2.0
"""The option groups that all daemons of the flock share."""
from __future__ import annotations

from typing import Any

from oslo_config import cfg

RUN_DIR = cfg.StrOpt("run_dir", default="/run/flock",
                     help="Parent directory of sockets and files valid until a reboot.")

DAEMON_OPTS: list[cfg.Opt] = [
    cfg.PortOpt("metrics_port", default=0, min=0,
                help="Port of the metrics and health listener of a daemon; 0 switches it off."),
    cfg.StrOpt("metrics_host", default="127.0.0.1", help="Address of the metrics and health listener."),
    cfg.StrOpt("state_dir", default="/var/lib/flock", help="Parent directory of data that survives a reboot."),
    RUN_DIR,
    cfg.IntOpt("stop_timeout_s", default=60, min=1, max=600,
               help="Seconds after which a stopping daemon ends even if its work has not ended."),
    cfg.IntOpt("start_retry_max_s", default=30, min=1, max=600,
               help="Longest pause between two attempts to start while a required service is not available."),
]

DATABASE_OPTS: list[cfg.Opt] = [
    cfg.StrOpt("connection", secret=True,
               help="SQLAlchemy URL. Default: an SQLite file below state_dir named after the subsystem."),
]

API_OPTS: list[cfg.Opt] = [
    cfg.StrOpt("bind_host", default="0.0.0.0", help="Address to listen on; :: listens on IPv6."),  # noqa: S104
    cfg.PortOpt("bind_port", default=0, min=0, help="Port to listen on; 0 takes the subsystem's own port."),
    cfg.StrOpt("bind_socket",
               help="Path of a unix socket to listen on instead of bind_host and bind_port. Whoever may open it can "
                    "name any client address, so only the web server in front may."),
    cfg.IntOpt("workers", default=1, min=1, max=64, help="Number of API processes."),
    cfg.IntOpt("threads", default=8, min=1, max=256, help="Threads of each API process."),
    cfg.IntOpt("backlog", default=512, min=16, max=65535, help="Connections waiting to be accepted."),
    cfg.IntOpt("keep_alive_s", default=75, min=0, max=3600, help="Seconds an idle connection is kept."),
    cfg.IntOpt("request_read_timeout_s", default=30, min=1, max=600,
               help="Seconds without progress after which reading a request body ends with 408."),
    cfg.IntOpt("streamed_bytes_per_s", default=32768, min=1,
               help="Lowest rate of an upload; a slower one ends with 408 (it may wait request_read_timeout_s beside "
                    "that)."),
    cfg.IntOpt("max_body_bytes", default=1024 * 1024, min=1024,
               help="Longest accepted request body; a longer one is refused with 413."),
    cfg.IntOpt("max_json_depth", default=64, min=4, max=400, help="Deepest accepted nesting of a JSON body."),
    cfg.IntOpt("limit_max", default=2000, min=1, max=100000, deprecated_name="api_limit_max",
               help="Longest page of a collection; also the page length when a request names none."),
    cfg.StrOpt("public_endpoint", help="URL to write into links instead of the one the client used."),
    cfg.StrOpt("project_domain", default="Default",
               help="Domain of the projects admin and services; projects of that name elsewhere give no rights."),
    cfg.IntOpt("token_cache_local_s", default=10, min=0, max=10,
               help="Seconds for which a process caches a validated token; a revoked one works that long. 0 = never."),
    cfg.StrOpt("tls_certificate", help="PEM file of the certificate; with tls_key the listener uses TLS."),
    cfg.StrOpt("tls_key", help="PEM file with the private key of tls_certificate."),
]


def list_opts() -> list[tuple[str, list[Any]]]:
    """``[(group, options)]`` of all shared groups, for the sample configuration generator."""
    return [("DEFAULT", DAEMON_OPTS), ("database", DATABASE_OPTS), ("api", API_OPTS)]


def register(conf: Any) -> None:
    """Register all shared groups in ``conf``; may be called more than once."""
    conf.register_opts(DAEMON_OPTS)
    conf.register_opts(DATABASE_OPTS, group="database")
    conf.register_opts(API_OPTS, group="api")

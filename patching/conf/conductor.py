# SPDX-License-Identifier: Apache-2.0
"""Options of patching-conductor, group ``[conductor]``."""
from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

from oslo_config import cfg

from patching.conf import shared
from patching.core.precheck import Limits
from patching.core.settings import Settings

GROUP = "conductor"
CONDUCTOR_OPTS: list[cfg.Opt] = [
    cfg.StrOpt("hostname", help="Name of the controller this conductor runs on. Default: the host name."),
    cfg.StrOpt("software_dir", default="/opt/platform/software",
               help="Directory of releases and their content. It is mirrored to the other controller."),
    cfg.StrOpt("trusted_cert_dir", default="/etc/flock/software/trusted",
               help="Directory of the certificates (PEM) whose signatures count."),
    cfg.StrOpt("development_cert", default="/etc/flock/software/development.crt",
               help="Certificate of developers, which counts with allow_development_cert."),
    cfg.BoolOpt("allow_development_cert", default=False, mutable=True,
                help="Whether what developers sign is taken. Raises an alarm while it is."),
    cfg.StrOpt("component", default="starlingx", help="First part of the id of the release that the system ran first."),
    cfg.StrOpt("initial_version", default="",
               help="Version (MM.mm.pp) that the system runs at the first start of the conductor. Empty: that of the "
                    "inventory."),
    cfg.StrOpt("inventory_url", default="https://127.0.0.1:6385", help="URL of sysinv-api."),
    cfg.IntOpt("inventory_timeout_s", default=10, min=1, max=60, help="Seconds to wait for an answer of sysinv-api."),
    cfg.IntOpt("agent_answer_ms", default=5000, min=100, max=20000, mutable=True,
               help="Time within which the agent of a host must answer before something is installed there."),
    cfg.IntOpt("agent_silence_s", default=90, min=5, max=3600, mutable=True,
               help="An agent that has not reported for so long counts as silent."),
    cfg.IntOpt("precheck_valid_s", default=300, min=0, max=86400, mutable=True,
               help="Seconds for which the result of a precheck counts."),
    cfg.IntOpt("containers_free_gib", default=40, min=0, max=100_000, mutable=True,
               help="GiB that must be free for containers before a major release is deployed; 0: not checked."),
    cfg.IntOpt("system_free_gib", default=40, min=0, max=100_000, mutable=True,
               help="GiB that must be free in the root file system before a major release is deployed; 0: not "
                    "checked."),
    cfg.IntOpt("install_timeout_s", default=3600, min=10, max=86400, mutable=True,
               help="Seconds after which an installation without a result has failed."),
    cfg.IntOpt("install_repeat_s", default=20, min=1, max=600,
               help="Seconds after which the order to install is sent again while there is no result."),
    cfg.IntOpt("script_timeout_s", default=1800, min=1, max=86400, mutable=True,
               help="Seconds that one script of a release may take."),
    cfg.IntOpt("unpacked_max_mib", default=64 * 1024, min=1, max=1 << 20,
               help="Largest size of what an uploaded file unpacks to, in MiB."),
    cfg.IntOpt("max_major_releases", default=2, min=1, max=10, mutable=True,
               help="Major releases that may be on the system at the same time."),
    cfg.ListOpt("alarms_ignored", default=[], mutable=True, help="Ids of alarms that a precheck does not count."),
    cfg.IntOpt("server_threads", default=16, min=1, max=256, help="Requests that the conductor handles at a time."),
]


def register(conf: Any) -> Any:
    """Register the groups on ``conf`` and return that of the conductor; may be called again."""
    shared.register(conf)
    conf.register_opts(CONDUCTOR_OPTS, group=GROUP)
    return conf[GROUP]


def settings(conf: Any) -> Settings:
    """The limits on which decisions depend."""
    chosen = conf[GROUP]
    return Settings(precheck_valid_ms=chosen.precheck_valid_s * 1000,
                    install_timeout_ms=chosen.install_timeout_s * 1000)


def limits(conf: Any) -> Limits:
    """What a major release needs."""
    return Limits(conf[GROUP].containers_free_gib, conf[GROUP].system_free_gib)


def own_hostname(conf: Any) -> str:
    """Name of the controller this conductor runs on."""
    return conf[GROUP].hostname or socket.gethostname()


def software_dir(conf: Any) -> Path:
    """Directory of releases and their content."""
    return Path(conf[GROUP].software_dir)


def list_opts() -> list[tuple[str, list[Any]]]:
    """Return the options for the sample generator."""
    return [(GROUP, CONDUCTOR_OPTS)]

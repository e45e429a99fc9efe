# SPDX-License-Identifier: Apache-2.0
"""Options of configuration management: groups ``[sysinv]``, ``[bootstrap]`` and ``[dnsmasq]``."""
from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any

from oslo_config import cfg

SYSINV, BOOTSTRAP, DNSMASQ = "sysinv", "bootstrap", "dnsmasq"
NETWORK_INTERFACES = {"pxeboot": "pxeboot0", "mgmt": "mgmt0", "cluster-host": "cluster0", "oam": "oam0"}

SYSINV_OPTS: list[cfg.Opt] = [
    cfg.StrOpt("hostname", sample_default="<own hostname>",
               help="Name of the controller this process runs on; it counts as the active one."),
    cfg.IntOpt("action_wait_s", default=8, min=0, max=60,
               help="Seconds a PATCH with an action waits for a refusal of host maintenance before it answers."),
    cfg.IntOpt("mtce_timeout_s", default=6, min=1, max=60, help="Seconds one call to host maintenance may take."),
    cfg.IntOpt("mtce_step_timeout_s", default=30, min=5, max=600,
               help="Seconds a host action is offered to host maintenance before it counts as not answered."),
    cfg.IntOpt("install_token_ttl_s", default=86400, min=60, max=30 * 86400,
               help="Seconds the one-time token in a host's boot file is good for; it is renewed while it waits."),
    cfg.IntOpt("install_silent_s", default=900, min=10, help="An installation silent for so long has failed."),
    cfg.IntOpt("boot_silent_s", default=2400, min=10,
               help="An installed host that has not come online after so long has failed."),
    cfg.IntOpt("lock_clear_s", default=600, min=10, help="A lock nobody answered for so long is given up."),
    cfg.IntOpt("force_lock_resend_s", default=120, min=5, help="A force-lock is told again after so long."),
    cfg.IntOpt("force_lock_clear_s", default=240, min=10, help="A force-lock nobody answered is given up."),
    cfg.IntOpt("audit_interval_s", default=60, min=1, help="Interval of the install-state and host-action audits."),
    cfg.IntOpt("lease_interval_s", default=10, min=1, help="Interval of reading dnsmasq's lease file."),
    cfg.IntOpt("mtce_audit_interval_s", default=30, min=1,
               help="Interval of telling host maintenance about hosts it does not know."),
    cfg.IntOpt("operation_history_s", default=7 * 86400, min=60, help="Ended operations are kept for so long."),
    cfg.IntOpt("conductor_threads", default=16, min=1, max=256, help="Requests the conductor handles at a time."),
    cfg.IntOpt("operation_threads", default=8, min=1, max=64, help="Operations the conductor carries out at a time."),
    cfg.StrOpt("secret_key_file", default="/etc/flock/secrets.key",
               help="Key that seals board management passwords; shared with host maintenance, made when missing."),
    cfg.StrOpt("heartbeat_key_file", default="/etc/flock/heartbeat.key", help="The cluster's heartbeat key."),
    cfg.BoolOpt("virtual", default=False,
                help="Hosts are virtual machines: smaller memory reserves are taken and accepted."),
]

BOOTSTRAP_OPTS: list[cfg.Opt] = [
    cfg.StrOpt("agent_transport_url", secret=True, help="Message bus as agents of other hosts reach it."),
    cfg.DictOpt("interfaces", default=NETWORK_INTERFACES,
                help="Network type to interface name on hosts that are installed."),
]

DNSMASQ_OPTS: list[cfg.Opt] = [
    cfg.StrOpt("directory", sample_default="<state_dir>/dnsmasq",
               help="Where dnsmasq's files are written; readable by dnsmasq's user."),
    cfg.StrOpt("tftp_root", default="/var/pxeboot", help="Directory served by TFTP."),
    cfg.StrOpt("lease_script", sample_default="<bin>/sysinv-dnsmasq-lease-update",
               help="Program dnsmasq runs at each lease."),
    cfg.StrOpt("unit", default="flock-dnsmasq.service",
               help="systemd unit that runs dnsmasq; empty leaves the process to somebody else."),
]


def register(conf: Any) -> Any:
    """Register the groups on ``conf`` (harmless when repeated) and return ``conf``."""
    conf.register_opts(SYSINV_OPTS, group=SYSINV)
    conf.register_opts(BOOTSTRAP_OPTS, group=BOOTSTRAP)
    conf.register_opts(DNSMASQ_OPTS, group=DNSMASQ)
    return conf


def own_hostname(conf: Any) -> str:
    """The controller this process runs on."""
    return str(conf.sysinv.hostname or socket.gethostname())


def dnsmasq_directory(conf: Any) -> Path:
    """Where dnsmasq's files are written."""
    return Path(conf.dnsmasq.directory or Path(conf.state_dir) / "dnsmasq")


def lease_script(conf: Any) -> str:
    """Program dnsmasq runs at each lease."""
    return str(conf.dnsmasq.lease_script or Path(sys.prefix) / "bin" / "sysinv-dnsmasq-lease-update")


def list_opts() -> list[tuple[str, list[Any]]]:
    """For the sample generator."""
    return [(SYSINV, SYSINV_OPTS), (BOOTSTRAP, BOOTSTRAP_OPTS), (DNSMASQ, DNSMASQ_OPTS)]

# SPDX-License-Identifier: Apache-2.0
"""Options of sysinv: groups ``[sysinv]``, ``[bootstrap]`` and ``[dnsmasq]``."""
from __future__ import annotations

import os
import pwd
import socket
import sys
from pathlib import Path
from typing import Any

from oslo_config import cfg

from flock.conf import shared
from flock.exec.root import Root
from sysinv.model.hostfiles import interfaces_in

SYSINV, BOOTSTRAP, DNSMASQ, BUS_ADMIN, KUBERNETES = "sysinv", "bootstrap", "dnsmasq", "bus_admin", "kubernetes"
API_PORT = 6385
"""Where sysinv-api listens unless [api] bind_port says otherwise."""
NETWORK_INTERFACES = {"pxeboot": "pxeboot0", "mgmt": "mgmt0", "cluster-host": "cluster0", "oam": "oam0"}

SYSINV_OPTS: list[cfg.Opt] = [
    cfg.StrOpt("hostname", sample_default="<own hostname>",
               help="Name of the controller this process runs on; it counts as the active one."),
    cfg.IntOpt("action_wait_s", default=8, min=0, max=60,
               help="Seconds that a PATCH with an action waits for a refusal by mtce before it is answered."),
    cfg.IntOpt("mtce_timeout_s", default=6, min=1, max=60, help="Timeout of one call to mtce, in seconds."),
    cfg.IntOpt("mtce_step_timeout_s", default=30, min=5, max=600,
               help="Seconds for which the conductor retries a host action while mtce does not answer."),
    cfg.IntOpt("install_token_ttl_s", default=86400, min=60, max=30 * 86400,
               help="Lifetime in seconds of the one-time token in a host's boot file; renewed until the host uses it."),
    cfg.IntOpt("install_silent_s", default=900, min=10,
               help="Seconds without progress after which an installation has failed."),
    cfg.IntOpt("boot_silent_s", default=2400, min=10,
               help="Seconds after which an installed host that is not online has failed."),
    cfg.IntOpt("lock_clear_s", default=600, min=10,
               help="Seconds after which a lock that mtce does not report on is given up."),
    cfg.IntOpt("force_lock_resend_s", default=120, min=5,
               help="Seconds after which a force-lock is sent to mtce again."),
    cfg.IntOpt("force_lock_clear_s", default=240, min=10,
               help="Seconds after which a force-lock that mtce does not report on is given up."),
    cfg.IntOpt("audit_interval_s", default=60, min=1, help="Interval of the install-state and host-action audits."),
    cfg.IntOpt("lease_interval_s", default=10, min=1, help="Interval of reading dnsmasq's lease file."),
    cfg.IntOpt("mtce_audit_interval_s", default=30, min=1,
               help="Interval of the audit that compares sysinv's hosts with those of mtce."),
    cfg.IntOpt("credentials_interval_s", default=10, min=1,
               help="Interval of asking hosts again that have not renewed their certificate or bus password."),
    cfg.IntOpt("certificates_interval_s", default=3600, min=1,
               help="Interval of the audit that renews certificates in time and raises alarms before they expire."),
    cfg.StrOpt("renewal_unit", default="flock-rotate.service",
               help="systemd unit that renews this controller's certificates; empty if nothing does."),
    cfg.StrOpt("pairing_unit", default="flock-pair.service",
               help="systemd unit that has service management of the first controller count with the second one; empty "
                    "if an operator runs 'flock-bootstrap --pair'."),
    cfg.IntOpt("operation_history_s", default=7 * 86400, min=60, help="Seconds for which ended operations are kept."),
    cfg.IntOpt("conductor_threads", default=16, min=1, max=256,
               help="Maximum number of requests that the conductor handles at once."),
    cfg.IntOpt("operation_threads", default=8, min=1, max=64,
               help="Maximum number of operations that the conductor carries out at once."),
    cfg.StrOpt("secret_key_file", default=str(shared.SECRETS_KEY),
               help="File with the key that encrypts BMC passwords; shared with mtce, created if missing."),
    cfg.StrOpt("heartbeat_key_file", default="/etc/flock/heartbeat.key", help="File with the cluster's heartbeat key."),
    cfg.StrOpt("platform_conf", default="/etc/platform/platform.conf", help="Path of this controller's platform.conf."),
    cfg.StrOpt("sm_url", default="",
               help="URL of sm-api, which is asked before a swact or a lock of a controller. Empty: this system has no "
                    "service management."),
    cfg.IntOpt("sm_timeout_s", default=30, min=1, max=300, help="Seconds for which an answer of sm-api is awaited."),
    cfg.StrOpt("software_url", default="",
               help="URL of patching-api, which is asked which hosts run other software than they should. Empty: this "
                    "system has no software management."),
    cfg.FloatOpt("alarms_timeout_s", default=5.0, min=0.1, max=60.0,
                 help="Seconds in which a health query waits for the active alarms."),
    cfg.IntOpt("software_timeout_s", default=10, min=1, max=300,
               help="Seconds for which an answer of patching-api is awaited."),
    cfg.BoolOpt("virtual", default=False,
                help="Hosts are virtual machines: defaults and minimums of memory reserves are smaller."),
]

BOOTSTRAP_OPTS: list[cfg.Opt] = [
    cfg.StrOpt("agent_transport_url", help="URL of the message bus for agents on other hosts, without an account: "
                    "each host has its own."),
    cfg.StrOpt("tls_directory", default="/etc/flock/tls",
               help="Directory of this controller's certificates, and of the authorities that installing hosts trust."),
    cfg.StrOpt("authority_directory", default=str(shared.AUTHORITY),
               help="Directory of the certificate authority, which issues the certificates of installing hosts."),
    cfg.StrOpt("boot_scheme", default="https", choices=("https", "http"),
               help="How installing hosts reach the API; http only where TLS is switched off for the pxeboot network."),
    cfg.DictOpt("interfaces", default=NETWORK_INTERFACES,
                help="Network type to interface name on installed hosts."),
]

BUS_ADMIN_OPTS: list[cfg.Opt] = [
    cfg.StrOpt("url", default="http://127.0.0.1:15672", help="RabbitMQ's management API."),
    cfg.StrOpt("account", default="service.bus-admin", help="Account that makes the accounts of hosts."),
    cfg.StrOpt("password", secret=True, help="Password of that account. Without it, no host can be installed."),
    cfg.StrOpt("vhost", default="/", help="Virtual host of the bus."),
    cfg.PortOpt("port", default=5671, help="Port of the bus, to see how much each host sends."),
    cfg.IntOpt("guard_interval_s", default=5, min=1,
               help="Pause between two checks of the bus's memory; a host that filled it may not connect for a while."),
    cfg.IntOpt("audit_interval_s", default=10, min=1,
               help="Pause between two checks of the exchange and of the accounts of hosts."),
]

KUBERNETES_OPTS: list[cfg.Opt] = [
    cfg.StrOpt("kubeconfig", default="",
               help="File with server and credentials of Kubernetes, whose nodes get the labels of hosts. Empty: this "
                    "system has no Kubernetes."),
]

DNSMASQ_OPTS: list[cfg.Opt] = [
    cfg.StrOpt("directory", sample_default="<state_dir>/dnsmasq",
               help="Directory for dnsmasq's files; readable by dnsmasq's user."),
    cfg.StrOpt("upstream_file", default="/etc/platform/resolv.upstream",
               help="File with the DNS servers for names that are not the system's own; its directory must exist."),
    cfg.StrOpt("tftp_root", default=str(shared.BOOT_FILES), help="Directory served by TFTP."),
    cfg.StrOpt("user", default="dnsmasq",
               help="User of dnsmasq; only this user can read boot files, which contain install tokens."),
    cfg.StrOpt("lease_script", sample_default="<bin>/sysinv-dnsmasq-lease-update",
               help="Program that dnsmasq runs at each lease."),
    cfg.StrOpt("unit", default="flock-dnsmasq.service",
               help="systemd unit that runs dnsmasq; empty if sysinv does not manage the process."),
]


def register(conf: Any) -> Any:
    """Register the groups on ``conf`` (may be repeated) and return ``conf``."""
    conf.register_opts(SYSINV_OPTS, group=SYSINV)
    conf.register_opts(BOOTSTRAP_OPTS, group=BOOTSTRAP)
    conf.register_opts(DNSMASQ_OPTS, group=DNSMASQ)
    conf.register_opts(BUS_ADMIN_OPTS, group=BUS_ADMIN)
    conf.register_opts(KUBERNETES_OPTS, group=KUBERNETES)
    return conf


def own_hostname(conf: Any) -> str:
    """Return the hostname of the controller that runs this process."""
    return str(conf.sysinv.hostname or socket.gethostname())


def own_interfaces(conf: Any) -> dict[str, str]:
    """Return this controller's interfaces by network type, as its platform.conf has them now."""
    path = Path(conf.sysinv.platform_conf)
    return interfaces_in("\n".join(Root(path.parent).lines(path.name)))


def interfaces_of(conf: Any, hostname: str | None) -> dict[str, str]:
    """Return the names of a host's interfaces by network type.

    All hosts that this system installed have the configured names; the first controller was installed otherwise.
    """
    names = dict(conf.bootstrap.interfaces)
    return {**names, **own_interfaces(conf)} if hostname == own_hostname(conf) else names


def dnsmasq_directory(conf: Any) -> Path:
    """Return the directory of dnsmasq's files."""
    return Path(conf.dnsmasq.directory or Path(conf.state_dir) / "dnsmasq")


def dnsmasq_user(conf: Any) -> int | None:
    """Return the id of dnsmasq's user; None (files stay this process's) when it does not exist or is out of reach."""
    try:
        found = pwd.getpwnam(conf.dnsmasq.user).pw_uid
    except KeyError:
        return None
    return found if os.geteuid() == 0 else None


def boot_authority(conf: Any) -> Path | None:
    """Return the file of the certificate that boot files carry; None where installing hosts use plain HTTP."""
    return Path(conf.bootstrap.tls_directory) / "ca.crt" if conf.bootstrap.boot_scheme == "https" else None


def lease_script(conf: Any) -> str:
    """Return the path of the program that dnsmasq runs at each lease."""
    return str(conf.dnsmasq.lease_script or Path(sys.prefix) / "bin" / "sysinv-dnsmasq-lease-update")


def list_opts() -> list[tuple[str, list[Any]]]:
    """Return the options for oslo.config's sample generator."""
    return [(SYSINV, SYSINV_OPTS), (BOOTSTRAP, BOOTSTRAP_OPTS), (DNSMASQ, DNSMASQ_OPTS),
            (BUS_ADMIN, BUS_ADMIN_OPTS), (KUBERNETES, KUBERNETES_OPTS)]

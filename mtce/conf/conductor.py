# SPDX-License-Identifier: Apache-2.0
"""Options of mtce-conductor: groups ``[timers]``, ``[recovery]`` and ``[conductor]``."""
from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

from oslo_config import cfg

from flock.exec.root import Root
from mtce.core.settings import AutoRecovery, Cause, HeartbeatAction, Settings

TIMERS, RECOVERY, CONDUCTOR = "timers", "recovery", "conductor"

TIMER_OPTS: list[cfg.Opt] = [
    cfg.IntOpt("worker_boot_timeout_s", default=720, min=10, max=1800, help="Boot wait of workers."),
    cfg.IntOpt("controller_boot_timeout_s", default=1200, min=10, max=1800, help="Boot wait of controllers."),
    cfg.IntOpt("storage_boot_timeout_s", default=720, min=10, max=1800, help="Boot wait of storage hosts."),
    cfg.IntOpt("heartbeat_soak_s", default=11, min=1, max=300, help="Heartbeat must hold this long before enabled."),
    cfg.IntOpt("heartbeat_ready_s", default=60, min=1, max=600, help="Wait for the first pulses of a booted host."),
    cfg.IntOpt("host_add_delay_s", default=20, min=1, max=300, help="Wait for the agent of a host just added."),
    cfg.IntOpt("lazy_reboot_delay_s", default=15, min=0, max=300, help="Pause before a controller reboots itself."),
    cfg.IntOpt("lazy_reboot_retry_s", default=120, min=10, max=900, help="Pause between two such reboots."),
    cfg.IntOpt("bmc_reset_delay_s", default=300, min=0, max=3600,
               help="Wait before a BMC reset, so that a crash dump can be written."),
    cfg.IntOpt("loc_recovery_timeout_s", default=5, min=1, max=60, help="Wait for an mtcAlive after a lost heartbeat."),
    cfg.IntOpt("recovery_pause_s", default=2, min=1, max=30, help="Pause between a lost heartbeat and the question."),
    cfg.IntOpt("goenabled_timeout_s", default=603, min=1, max=3700, help="Wait for the go-enabled tests."),
    cfg.IntOpt("host_services_timeout_s", default=305, min=1, max=3700, help="Wait for host services."),
    cfg.IntOpt("command_ack_s", default=10, min=1, max=60, help="Wait for the acknowledgement of a command."),
    cfg.IntOpt("offline_search_s", default=27, min=2, max=300, help="Wait for a rebooting host to go silent."),
    cfg.IntOpt("offline_silence_s", default=9, min=2, max=120, help="Silence that makes a searched host offline."),
    cfg.IntOpt("online_silence_s", default=14, min=6, max=300, help="Silence that makes an online host offline."),
    cfg.IntOpt("node_reinstall_timeout_s", default=2400, min=60, max=14400,
               help="Time an installation may take beyond the boot wait."),
]

RECOVERY_OPTS: list[cfg.Opt] = [
    cfg.StrOpt("heartbeat_failure_action", default="fail", choices=[str(item) for item in HeartbeatAction],
               help="What a lost heartbeat leads to."),
    cfg.BoolOpt("cluster_host_degrade_only", default=False, help="A lost cluster-host heartbeat only degrades."),
    *(cfg.IntOpt(f"ar_{name}_threshold", default=2, min=0, max=100, help=f"Failures of {name} that are tolerated.")
      for name in ("config", "goenable", "hostservices", "heartbeat")),
    *(cfg.IntOpt(f"ar_{name}_interval_s", default=600 if name == "heartbeat" else 30, min=1, max=3600,
                 help=f"Wait before the next attempt after a failure of {name}.")
      for name in ("config", "goenable", "hostservices", "heartbeat")),
]

CONDUCTOR_OPTS: list[cfg.Opt] = [
    cfg.StrOpt("hostname", help="Name of the controller this conductor runs on. Default: the host name."),
    cfg.StrOpt("system_mode", choices=["simplex", "duplex", "duplex-direct"],
               help="simplex: there is no other controller to take over. Default: what platform.conf says, "
                    "else duplex."),
    cfg.StrOpt("platform_conf", default="/etc/platform/platform.conf", help="Where the installation says what it is."),
    cfg.StrOpt("heartbeat_socket", help="Socket of mtce-heartbeat. Default: mtce/heartbeat.sock below run_dir."),
    cfg.StrOpt("secret_key_file", default="/etc/flock/secrets.key",
               help="Key that opens board management passwords; shared with sysinv."),
    cfg.IntOpt("agent_threads", default=16, min=1, max=128, help="Commands to host agents sent at a time."),
    cfg.IntOpt("bmc_threads", default=8, min=1, max=128, help="BMC commands carried out at a time."),
    cfg.IntOpt("events_max", default=20000, min=100, max=1_000_000, help="Events that may wait for the loop."),
]

_CAUSES = {Cause.CONFIGURATION: "config", Cause.GOENABLE: "goenable", Cause.SERVICES: "hostservices",
           Cause.HEARTBEAT: "heartbeat"}


def register(conf: Any) -> None:
    """Register the groups on ``conf``; harmless when repeated."""
    conf.register_opts(TIMER_OPTS, group=TIMERS)
    conf.register_opts(RECOVERY_OPTS, group=RECOVERY)
    conf.register_opts(CONDUCTOR_OPTS, group=CONDUCTOR)


def settings(conf: Any) -> Settings:
    """The registered options as the state machine's settings."""
    timers = {f"{opt.dest[:-2]}_ms": conf.timers[opt.dest] * 1000 for opt in TIMER_OPTS
              if opt.dest != "lazy_reboot_delay_s"}
    chosen = conf.recovery
    auto = {cause: AutoRecovery(chosen[f"ar_{name}_threshold"], chosen[f"ar_{name}_interval_s"] * 1000)
            for cause, name in _CAUSES.items()}
    return Settings(
        **timers, lazy_reboot_delay_s=conf.timers.lazy_reboot_delay_s, simplex=_system_mode(conf) == "simplex",
        heartbeat_failure_action=HeartbeatAction(chosen.heartbeat_failure_action),
        cluster_host_degrade_only=chosen.cluster_host_degrade_only, auto_recovery=auto)


def _system_mode(conf: Any) -> str:
    if conf.conductor.system_mode:
        return str(conf.conductor.system_mode)
    path = Path(conf.conductor.platform_conf)
    lines = Root(path.parent).lines(path.name)
    return next((line.partition("=")[2].strip() for line in lines if line.startswith("system_mode=")), "duplex")


def own_hostname(conf: Any) -> str:
    """The controller this conductor runs on."""
    return conf.conductor.hostname or socket.gethostname()


def heartbeat_socket(conf: Any) -> str:
    """Path of the heartbeat daemon's socket."""
    return conf.conductor.heartbeat_socket or f"{conf.run_dir}/mtce/heartbeat.sock"


def list_opts() -> list[tuple[str, list[Any]]]:
    """For the sample generator."""
    return [(TIMERS, TIMER_OPTS), (RECOVERY, RECOVERY_OPTS), (CONDUCTOR, CONDUCTOR_OPTS)]

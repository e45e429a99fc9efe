# SPDX-License-Identifier: Apache-2.0
"""Options of mtce-conductor: groups ``[timers]``, ``[recovery]`` and ``[conductor]``."""
from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

from oslo_config import cfg

from flock.conf import shared
from flock.exec.root import Root
from mtce.core.settings import AutoRecovery, Cause, HeartbeatAction, Settings

TIMERS, RECOVERY, CONDUCTOR = "timers", "recovery", "conductor"


def _number(name: str, default: int, least: int, most: int, text: str) -> cfg.Opt:
    """Return an integer option that may change at run time."""
    return cfg.IntOpt(name, default=default, min=least, max=most, mutable=True, help=text)


TIMER_OPTS: list[cfg.Opt] = [
    _number("worker_boot_timeout_s", 720, 10, 1800, "Longest boot of a worker."),
    _number("controller_boot_timeout_s", 1200, 10, 1800, "Longest boot of a controller."),
    _number("storage_boot_timeout_s", 720, 10, 1800, "Longest boot of a storage host."),
    _number("heartbeat_soak_s", 11, 1, 300, "Time without a lost heartbeat before a host is enabled."),
    _number("heartbeat_ready_s", 60, 1, 600, "Wait for a booted host to answer the first pulses."),
    _number("host_add_delay_s", 20, 1, 300, "Wait for the first mtcAlive of a host just added."),
    _number("lazy_reboot_delay_s", 15, 0, 300, "Pause before a controller reboots itself."),
    _number("lazy_reboot_retry_s", 120, 10, 900, "Pause between two such reboots."),
    _number("bmc_reset_delay_s", 300, 0, 3600, "Wait before a BMC reset, so that a crash dump can be written."),
    _number("loc_recovery_timeout_s", 5, 1, 60, "Wait for an mtcAlive after a lost heartbeat."),
    _number("recovery_pause_s", 2, 1, 30, "Pause between a lost heartbeat and the request for an mtcAlive."),
    _number("goenabled_timeout_s", 603, 1, 3700, "Wait for the go-enabled tests."),
    _number("host_services_timeout_s", 305, 1, 3700, "Wait for host services."),
    _number("command_ack_s", 10, 1, 60, "Wait for the acknowledgement of a command."),
    _number("offline_search_s", 27, 2, 300, "Wait for a rebooting host to go silent."),
    _number("offline_silence_s", 9, 2, 120, "Silence after which a rebooting host is offline."),
    _number("online_silence_s", 14, 6, 300, "Silence after which an online host is offline."),
    _number("dead_office_s", 1200, 0, 7200,
            "Time after the controller's boot during which hosts that were not heard yet are not reset."),
    _number("swact_timeout_s", 120, 60, 900, "Longest swact of a controller."),
    _number("node_reinstall_timeout_s", 2400, 60, 14400, "Longest installation, in addition to the longest boot."),
]

RECOVERY_OPTS: list[cfg.Opt] = [
    cfg.StrOpt("heartbeat_failure_action", default="fail", choices=[str(item) for item in HeartbeatAction],
               mutable=True, help="What mtce does with a host that loses its heartbeat."),
    cfg.BoolOpt("cluster_host_degrade_only", default=False, mutable=True,
                help="A host that loses the cluster-host heartbeat is only degraded."),
    *(_number(f"ar_{name}_threshold", 2, 0, 100, f"Number of tolerated failures of {name}.")
      for name in ("config", "goenable", "hostservices", "heartbeat")),
    *(_number(f"ar_{name}_interval_s", 600 if name == "heartbeat" else 30, 1, 3600,
              f"Wait before the next attempt after a failure of {name}.")
      for name in ("config", "goenable", "hostservices", "heartbeat")),
]

CONDUCTOR_OPTS: list[cfg.Opt] = [
    cfg.StrOpt("hostname", help="Name of the controller this conductor runs on. Default: the host name."),
    cfg.StrOpt("system_mode", choices=["simplex", "duplex", "duplex-direct"],
               help="simplex: there is no other controller to take over. Default: system_mode in platform.conf, "
                    "else duplex."),
    cfg.StrOpt("sm_url", default="",
               help="URL of sm-api, which moves services and is told the states of controllers. Empty: this system has "
                    "no service management."),
    cfg.StrOpt("platform_conf", default="/etc/platform/platform.conf", help="Path of platform.conf."),
    cfg.StrOpt("heartbeat_socket", help="Socket of mtce-heartbeat. Default: mtce/heartbeat.sock below run_dir."),
    cfg.StrOpt("secret_key_file", default=str(shared.SECRETS_KEY),
               help="Key that decrypts BMC passwords; shared with sysinv."),
    cfg.IntOpt("agent_threads", default=16, min=1, max=128, help="Commands to host agents sent in parallel."),
    cfg.IntOpt("bmc_threads", default=8, min=1, max=128, help="BMC commands carried out in parallel."),
    cfg.IntOpt("sensor_threads", default=4, min=1, max=64, help="Hosts whose sensors are read in parallel."),
    cfg.IntOpt("sensor_interval_min_s", default=10, min=1, max=3600,
               help="Shortest interval of a sensor group that is accepted, in seconds."),
    cfg.IntOpt("events_max", default=20000, min=100, max=1_000_000, help="Largest number of waiting events."),
]

_CAUSES = {Cause.CONFIGURATION: "config", Cause.GOENABLE: "goenable", Cause.SERVICES: "hostservices",
           Cause.HEARTBEAT: "heartbeat"}


def register(conf: Any) -> None:
    """Register the groups on ``conf``; may be called again."""
    conf.register_opts(TIMER_OPTS, group=TIMERS)
    conf.register_opts(RECOVERY_OPTS, group=RECOVERY)
    conf.register_opts(CONDUCTOR_OPTS, group=CONDUCTOR)


def settings(conf: Any) -> Settings:
    """Return the registered options as the state machine's settings."""
    timers = {f"{opt.dest[:-2]}_ms": conf.timers[opt.dest] * 1000 for opt in TIMER_OPTS
              if opt.dest != "lazy_reboot_delay_s"}
    chosen = conf.recovery
    auto = {cause: AutoRecovery(chosen[f"ar_{name}_threshold"], chosen[f"ar_{name}_interval_s"] * 1000)
            for cause, name in _CAUSES.items()}
    return Settings(
        **timers, lazy_reboot_delay_s=conf.timers.lazy_reboot_delay_s, simplex=_system_mode(conf) == "simplex",
        service_management=bool(conf.conductor.sm_url),
        heartbeat_failure_action=HeartbeatAction(chosen.heartbeat_failure_action),
        cluster_host_degrade_only=chosen.cluster_host_degrade_only, auto_recovery=auto)


def _system_mode(conf: Any) -> str:
    if conf.conductor.system_mode:
        return str(conf.conductor.system_mode)
    path = Path(conf.conductor.platform_conf)
    lines = Root(path.parent).lines(path.name)
    return next((line.partition("=")[2].strip() for line in lines if line.startswith("system_mode=")), "duplex")


def own_hostname(conf: Any) -> str:
    """Return the hostname of the controller this conductor runs on."""
    return conf.conductor.hostname or socket.gethostname()


def heartbeat_socket(conf: Any) -> str:
    """Return the path of mtce-heartbeat's socket."""
    return conf.conductor.heartbeat_socket or f"{conf.run_dir}/mtce/heartbeat.sock"


def list_opts() -> list[tuple[str, list[Any]]]:
    """Return the options for the sample generator."""
    return [(TIMERS, TIMER_OPTS), (RECOVERY, RECOVERY_OPTS), (CONDUCTOR, CONDUCTOR_OPTS)]

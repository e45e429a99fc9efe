# SPDX-License-Identifier: Apache-2.0
"""Durations and policies of the host state machine; the shell sets them from the configuration."""
from __future__ import annotations

import enum
from dataclasses import dataclass, field


class HeartbeatAction(enum.StrEnum):
    """What mtce does with a host that loses its heartbeat."""

    FAIL = "fail"
    DEGRADE = "degrade"
    ALARM = "alarm"
    NONE = "none"


class Cause(enum.StrEnum):
    """Why a host could not be enabled; each cause has an auto-recovery counter."""

    CONFIGURATION = "configuration"
    GOENABLE = "go-enable"
    SERVICES = "host services"
    HEARTBEAT = "heartbeat"


@dataclass(frozen=True, slots=True)
class AutoRecovery:
    """Number of failures of one cause that do not yet stop auto-recovery, and the wait between attempts."""

    threshold: int
    interval_ms: int


def _auto_recovery() -> dict[Cause, AutoRecovery]:
    return {
        Cause.CONFIGURATION: AutoRecovery(2, 30_000),
        Cause.GOENABLE: AutoRecovery(2, 30_000),
        Cause.SERVICES: AutoRecovery(2, 30_000),
        Cause.HEARTBEAT: AutoRecovery(2, 600_000),
    }


@dataclass(frozen=True, slots=True)
class Settings:
    """All waits in milliseconds; defaults are the product's."""

    worker_boot_timeout_ms: int = 720_000
    controller_boot_timeout_ms: int = 1_200_000
    storage_boot_timeout_ms: int = 720_000
    heartbeat_failure_action: HeartbeatAction = HeartbeatAction.FAIL
    heartbeat_soak_ms: int = 11_000
    heartbeat_ready_ms: int = 60_000
    cluster_host_degrade_only: bool = False
    simplex: bool = False
    service_management: bool = False
    """Whether there is an sm-api, without which nothing can be moved to another controller."""
    swact_retry_ms: int = 10_000
    swact_query_tries_max: int = 10
    swact_timeout_ms: int = 120_000
    swact_poll_ms: int = 10_000
    swact_polls_max: int = 5
    host_add_delay_ms: int = 20_000
    lazy_reboot_delay_s: int = 15
    lazy_reboot_retry_ms: int = 120_000
    bmc_reset_delay_ms: int = 300_000
    bmc_reset_lead_ms: int = 50_000
    bmc_command_ms: int = 110_000
    bmc_query_retry_ms: int = 10_000
    bmc_query_tries_max: int = 10
    bmc_power_off_retry_ms: int = 30_000
    bmc_power_on_retry_ms: int = 5_000
    bmc_power_tries_max: int = 5
    bmc_reset_tries_max: int = 10
    bmc_settle_ms: int = 30_000
    loc_recovery_timeout_ms: int = 5_000
    recovery_pause_ms: int = 2_000
    recovery_attempts_max: int = 5
    recovery_forget_ms: int = 900_000
    goenabled_timeout_ms: int = 603_000
    host_services_timeout_ms: int = 305_000
    command_ack_ms: int = 10_000
    reboot_ack_tries_max: int = 5
    reboot_sends_max: int = 7
    reset_rounds_max: int = 5
    reset_retry_ms: int = 16_000
    boot_retry_ms: int = 1_000
    offline_search_ms: int = 27_000
    offline_silence_ms: int = 9_000
    unobserved_ms: int = 60_000
    claim_trusted_ms: int = 30_000
    guard_trusted_ms: int = 40_000
    offline_probe_ms: int = 1_000
    online_silence_ms: int = 14_000
    reset_to_offline_ms: int = 150_000
    power_off_to_offline_ms: int = 60_000
    node_reinstall_timeout_ms: int = 2_400_000
    reinstall_bmc_wait_ms: int = 600_000
    hold_probe_ms: int = 5_000
    hold_look_ms: int = 60_000
    dead_office_ms: int = 1_200_000
    dead_office_per_host_ms: int = 1_000
    stale_boot_ms: int = 12_000
    fresh_power_on_ms: int = 120_000
    task_clear_ms: int = 30_000
    resume_grace_ms: int = 15_000
    resume_delay_ms: int = 2_000
    sensor_reset_pause_ms: int = 900_000
    cycle_offline_ms: int = 200_000
    cycle_cool_ms: int = 300_000
    cycle_online_ms: int = 900_000
    cycle_pause_ms: int = 300_000
    cycle_watch_ms: int = 900_000
    cycles_max: int = 3
    uptime_report_ms: int = 60_000
    uptime_report_later_ms: int = 300_000
    unhealthy_max: int = 3
    power_off_alive_max: int = 5
    queued_actions_max: int = 2
    auto_recovery: dict[Cause, AutoRecovery] = field(default_factory=_auto_recovery)

    def boot_timeout_ms(self, personality: str) -> int:
        """Return the longest wait for the first mtcAlive after a boot, in milliseconds."""
        if personality == "controller":
            return self.controller_boot_timeout_ms
        if personality == "storage":
            return self.storage_boot_timeout_ms
        return self.worker_boot_timeout_ms

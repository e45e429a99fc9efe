# SPDX-License-Identifier: Apache-2.0
"""Everything mtce knows of one host, as one immutable value that can be stored and loaded."""
from __future__ import annotations

import enum
from dataclasses import dataclass, fields, replace
from typing import Any

from flock.core.clock import Instant
from flock.core.codec import codec_for
from mtce.contract.records import HostStatus, MtceHost
from mtce.contract.states import HostAction
from sysinv.contract.enums import Administrative, Availability, Operational


class Network(enum.StrEnum):
    """Networks that heartbeat runs on."""

    MGMT = "mgmt"
    CLUSTER_HOST = "cluster-host"


class Level(enum.StrEnum):
    """How one host answers pulses on one network."""

    UNKNOWN = "unknown"
    OK = "ok"
    MINOR = "minor"
    DEGRADE = "degrade"
    LOSS = "loss"


class Stage(enum.StrEnum):
    """Progress of the present action; ``idle`` when there is none."""

    IDLE = "idle"
    ADD_WAIT = "add-wait"
    REBOOT_ACK = "reset-reboot-ack"
    REBOOT_LEAVE = "reset-reboot-leave"
    RESET_BMC_WAIT = "reset-bmc-wait"
    RESET_BMC_SENT = "reset-bmc-sent"
    RESET_BMC_LEAVE = "reset-bmc-leave"
    RESET_RETRY = "reset-retry"
    SELF_REBOOT = "self-reboot"
    BOOT_WAIT = "boot-wait"
    TESTING = "testing"
    SERVICES = "services"
    HEARTBEAT_WAIT = "heartbeat-wait"
    HEARTBEAT_SOAK = "heartbeat-soak"
    FAILED_WAIT = "failed-wait"
    HOLD = "hold"
    RECOVERY_PAUSE = "recovery-pause"
    RECOVERY_ALIVE = "recovery-alive"
    RECOVERY_QUERY = "recovery-power-query"
    RECOVERY_BMC_WAIT = "recovery-bmc-wait"
    RECOVERY_BMC_RESET = "recovery-bmc-reset"
    RECOVERY_POWER_ON = "recovery-power-on"
    RECOVERY_BOOT = "recovery-boot"
    STOP_SERVICES = "stop-services"
    FORCE_POWER_OFF = "force-power-off"
    POWER_QUERY = "power-query"
    POWER_COMMAND = "power-command"
    POWER_RETRY = "power-retry"
    POWER_OFFLINE = "power-offline"
    POWER_SETTLE = "power-settle"
    CYCLE_OFF = "cycle-off"
    CYCLE_OFFLINE = "cycle-offline"
    CYCLE_COOL = "cycle-cool"
    CYCLE_ON = "cycle-on"
    CYCLE_VERIFY = "cycle-verify"
    CYCLE_ONLINE = "cycle-online"
    SWACT_QUERY = "swact-query"
    SWACT_REQUEST = "swact-request"
    SWACT_WAIT = "swact-wait"
    REINSTALL_POWER_OFF = "reinstall-power-off"
    REINSTALL_NETBOOT = "reinstall-netboot"
    REINSTALL_POWER_ON = "reinstall-power-on"
    REINSTALL_ONLINE = "reinstall-online"


PAST_BOOTS_MAX = 4
Alarm = tuple[str, str, str]
"""``(alarm_id, entity suffix, severity)``; the suffix follows ``host=<hostname>``."""
Queued = tuple[HostAction, str]


@dataclass(frozen=True, slots=True)
class MaintainedHost:
    """One host. A field whose name ends in ``_ms`` is a moment on the conductor's monotonic clock, in milliseconds.

    No moment is wall clock time. ``to_document`` and ``from_document`` carry moments over a restart.
    """

    uuid: str
    hostname: str
    personality: str
    subfunctions: str
    mgmt_ip: str
    cluster_host_ip: str | None
    administrative: Administrative
    operational: Operational
    availability: Availability
    has_bmc: bool = False
    is_active: bool = False
    """The host is the controller this conductor runs on; the shell sets it after each load."""
    action: HostAction = HostAction.NONE
    stage: Stage = Stage.IDLE
    stage_ms: int = 0
    deadline_ms: int | None = None
    probe_ms: int | None = None
    silent_ms: int | None = None
    """When the host counts as silent unless an mtcAlive arrives first."""
    task: str = ""
    task_clear_ms: int | None = None
    boot_id: str = ""
    proven_boot: str = ""
    """The boot that was last in service: in this boot the host returns to service without tests."""
    left_boot_id: str = ""
    past_boots: tuple[str, ...] = ()
    stale_since_ms: int | None = None
    uptime_s: int = 0
    uptime_due_ms: int = 0
    tries: int = 0
    reboots_sent: int = 0
    rounds: int = 0
    reboot_acked: bool = False
    bmc_used: bool = False
    """The one BMC reset of the present recovery or progression round was sent."""
    recovery_attempts: int = 0
    recovered_ms: int | None = None
    unhealthy: int = 0
    mgmt: Level = Level.UNKNOWN
    cluster_host: Level = Level.UNKNOWN
    mgmt_ms: int | None = None
    cluster_host_ms: int | None = None
    """When the present levels began."""
    bus_alive_ms: int | None = None
    cluster_alive_ms: int | None = None
    """The last mtcAlive over the message bus, and over the cluster-host network."""
    alive_sequence: int = 0
    """Sequence number of the last mtcAlive, which the host sends on both channels."""
    asked_ms: int | None = None
    """Since when mtce has requested an mtcAlive without an answer."""
    bus_open_ms: int | None = None
    """Since when the message bus has delivered messages to the conductor without a gap."""
    bus_ok: bool = False
    pulses_ok: bool = False
    dead_office: bool = False
    """As of the last tick: the bus works; mtce-heartbeat reports; hosts may still boot after a site power failure."""
    seen: bool = False
    """The host was heard in the boot ``resumed_boot`` of the conductor's controller."""
    resumed_boot: str = ""
    resumed_ms: int | None = None
    """When mtce first had the host in that boot: the host was added, or a conductor loaded it."""
    ordered: str = ""
    """The operator's action that requires the end of the present boot; empty after that, and after it failed."""
    ordered_ms: int | None = None
    reported: str = ""
    """The failure of its present boot that the host itself reported, as in the task text."""
    critical: str = ""
    """The critical sensor that asked for the end of the present boot; empty after that, and after it failed."""
    sensor_reset_ms: int | None = None
    """When a sensor had the host reset last."""
    cycles: int = 0
    """Power-cycles that sensors asked for, without a pause of the length of the watch between two of them."""
    cycled_ms: int | None = None
    """When the last one ended."""
    withheld: str = ""
    """Why the guard refused the last strike; empty after a strike and after the action."""
    claimed: str = ""
    claimed_ms: int | None = None
    """The last claim of somebody else on an address that the host's answers depend on, and when it was confirmed."""
    claimed_by: str = ""
    """The MAC address of that machine."""
    guarded_ms: int | None = None
    """When service management said last that it switches this controller off itself when it is silent."""
    fenced_ms: int | None = None
    """Since when service management has had this controller off; None when it was heard there since."""
    monitored: bool = False
    epoch: int = 0
    """Names the present period of monitoring; levels reported for an earlier one do not count."""
    degrade: tuple[str, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    sensors_degraded: bool = False
    """A sensor of the host reads so badly that the host is degraded while it is in service."""
    failures: tuple[tuple[str, int], ...] = ()
    queued: tuple[Queued, ...] = ()
    command_id: str = ""
    bmc_error: str = ""
    """Why the last BMC command of the present action failed; empty after a success and after the host's boot."""
    powered_on_ms: int | None = None
    locked_flag: bool | None = None
    action_failed: str = ""
    sequence: int = 0
    revision: int = 0

    def due_ms(self) -> int | None:
        """Return when the next tick is due; None when no timer runs."""
        times = [at for at in (self.deadline_ms, self.probe_ms, self.silent_ms, self.task_clear_ms) if at is not None]
        return min(times) if times else None

    def states(self) -> tuple[str, str, str]:
        """Return ``(administrative, operational, availability)``."""
        return self.administrative, self.operational, self.availability

    @property
    def is_enabled(self) -> bool:
        """Whether the host is unlocked and in service."""
        return self.administrative is Administrative.UNLOCKED and self.operational is Operational.ENABLED

    @property
    def is_controller(self) -> bool:
        """Whether the personality is controller, with or without the worker function."""
        return self.personality == "controller"

    @property
    def is_aio(self) -> bool:
        """Whether the host is a controller with the worker function."""
        return self.is_controller and "worker" in self.subfunctions.split(",")

    def networks(self) -> tuple[Network, ...]:
        """Return the networks of this host's heartbeat."""
        if self.cluster_host_ip and self.cluster_host_ip != self.mgmt_ip:
            return (Network.MGMT, Network.CLUSTER_HOST)
        return (Network.MGMT,)

    def level(self, network: Network) -> Level:
        """Return the present heartbeat level on ``network``."""
        return self.mgmt if network is Network.MGMT else self.cluster_host

    def heard_ms(self) -> int | None:
        """Return the time of the last mtcAlive on any channel; None for never."""
        times = [at for at in (self.bus_alive_ms, self.cluster_alive_ms) if at is not None]
        return max(times) if times else None

    def status(self) -> HostStatus:
        """Return the part that other subsystems may see."""
        oper, avail = self.subfunction()
        return HostStatus(self.uuid, self.hostname, self.administrative, self.operational, self.availability,
                          oper, avail, self.action, self.stage, self.task, self.uptime_s, self.personality,
                          self.subfunctions)

    def subfunction(self) -> tuple[str, str]:
        """Return the subfunction states: the host's on AIO controllers, else none."""
        if self.is_aio:
            return self.operational, self.availability
        return Operational.DISABLED, Availability.NOT_INSTALLED


def renewed(view: MaintainedHost, host: MtceHost) -> MaintainedHost:
    """Return ``view`` with the fields of sysinv's present record; does not change the states."""
    return replace(view, hostname=host.hostname, personality=host.personality, subfunctions=host.subfunctions,
                   mgmt_ip=host.mgmt_ip, cluster_host_ip=host.cluster_host_ip, has_bmc=provisioned_bmc(host))


def first_view(host: MtceHost) -> MaintainedHost:
    """Return the view of a host new to mtce, with the states in sysinv's record."""
    return MaintainedHost(
        uuid=host.uuid, hostname=host.hostname, personality=host.personality, subfunctions=host.subfunctions,
        mgmt_ip=host.mgmt_ip, cluster_host_ip=host.cluster_host_ip, has_bmc=provisioned_bmc(host),
        administrative=Administrative(host.administrative), operational=Operational(host.operational),
        availability=Availability(host.availability))


def provisioned_bmc(host: MtceHost) -> bool:
    """Whether type, address and user of the BMC are known."""
    return host.bm_type not in ("", "none") and bool(host.bm_ip) and bool(host.bm_username)


_CODEC = codec_for(MaintainedHost)
_VOLATILE = frozenset({"is_active"})
_MOMENTS = tuple(field.name for field in fields(MaintainedHost) if field.name.endswith("_ms"))
_CLOCK, _AT = "clock", "at_ms"


def to_document(view: MaintainedHost, at: Instant) -> dict[str, Any]:
    """Return the JSON form of everything that must survive a restart.

    Stores each moment as its distance from ``at``: what remains of a wait, or (negative) how long ago something was.
    """
    document = _CODEC.to_document(view)
    for name in _VOLATILE:
        del document[name]
    for name in _MOMENTS:
        if document[name] is not None:
            document[name] -= at.ms
    return {**document, _CLOCK: at.origin, _AT: at.ms}


def from_document(document: dict[str, Any], now: Instant, *, is_active: bool) -> MaintainedHost:
    """Return the view that ``to_document`` stored, perhaps of another release; raises InvalidInput.

    On the same clock every moment is restored exactly, so the time without a conductor counts. On another clock (after
    a boot or a failover to another machine) that time is unknown and does not count: each wait continues with what
    remained when it was stored. ``Resume`` then gives every host time to be heard.
    """
    view: MaintainedHost = _CODEC.from_document(
        {**document, "is_active": is_active} if isinstance(document, dict) else document, "view")
    stored_ms = document.get(_AT)
    same_clock = document.get(_CLOCK) == now.origin and isinstance(stored_ms, int) and stored_ms <= now.ms
    base_ms = stored_ms if same_clock else now.ms
    return replace(view, **{name: base_ms + getattr(view, name) for name in _MOMENTS if document.get(name) is not None})

# SPDX-License-Identifier: Apache-2.0
"""The system as the orchestrator's hands reach it: looks at its parts, and carries out one order at a time."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from patching.contract.records import OrderKind
from patching.core.strategy.parameters import AlarmRestrictions, Parameters
from patching.core.strategy.picture import Alarm
from patching.core.strategy.work.model import Order, Verb
from patching.core.strategy.work.seen import NO_SOFTWARE, Part, Seen, SeenHost, SeenSoftware
from patching.core.strategy.work.software import target
from patching.instances.interface import InstanceDriver, Workload

HOST_ACTIONS = {Verb.LOCK: "lock", Verb.UNLOCK: "unlock", Verb.SWACT: "swact", Verb.REBOOT: "reboot"}
SOFTWARE_ORDERS = {
    Verb.PRECHECK: OrderKind.PRECHECK, Verb.START: OrderKind.START, Verb.DEPLOY_HOST: OrderKind.DEPLOY_HOST,
    Verb.ROLL_BACK_HOST: OrderKind.ROLL_BACK_HOST, Verb.ACTIVATE: OrderKind.ACTIVATE,
    Verb.COMPLETE: OrderKind.COMPLETE, Verb.ABORT: OrderKind.ABORT,
    Verb.ACTIVATE_ROLLBACK: OrderKind.ACTIVATE_ROLLBACK, Verb.DELETE: OrderKind.DELETE_DEPLOY}
IsEnded = Callable[[float], bool]
"""Waits for so many seconds; True when the step must end now."""


class HostsApi(Protocol):
    """The inventory."""

    def hosts(self) -> Mapping[str, SeenHost]:
        """All hosts by name."""

    def act(self, hostname: str, action: str) -> None:
        """Order an action on a host."""


class AlarmsApi(Protocol):
    """Fault management."""

    def active(self) -> tuple[Alarm, ...]:
        """All active alarms."""


class SoftwareApi(Protocol):
    """Releases and their deployment."""

    def look(self) -> SeenSoftware:
        """Releases and deployment as they are."""

    def order(self, kind: OrderKind, release: str, hostname: str, force: bool, is_ended: IsEnded) -> None:
        """Give an order. SoftwareRefused with the reason; for a precheck also when it finds something."""


class System:
    """All calls raise Unavailable (nobody answers, nothing was done), DeadlineExceeded (perhaps it was done) or
    another FlockError (it is refused)."""

    def __init__(self, hosts: HostsApi, alarms: AlarmsApi, software: SoftwareApi, instances: InstanceDriver) -> None:
        self._hosts, self._alarms, self._software, self._instances = hosts, alarms, software, instances

    def look(self, parts: Iterable[Part]) -> Seen:
        """The named parts, as they are now."""
        wanted = frozenset(parts)
        workload = self._instances.look() if Part.INSTANCES in wanted else Workload()
        return Seen(hosts=self._hosts.hosts() if Part.HOSTS in wanted else {},
                    software=self._software.look() if Part.SOFTWARE in wanted else NO_SOFTWARE,
                    alarms=self._alarms.active() if Part.ALARMS in wanted else (),
                    instances=workload.instances, aggregates=workload.aggregates)

    def carry_out(self, order: Order, parameters: Parameters, is_ended: IsEnded) -> None:
        """Give one order."""
        if order.verb in HOST_ACTIONS:
            self._hosts.act(order.target, HOST_ACTIONS[order.verb])
        elif order.verb in SOFTWARE_ORDERS:
            release = target(parameters.releases) if order.verb in (Verb.PRECHECK, Verb.START) else ""
            force = bool(release) and parameters.alarms is not AlarmRestrictions.STRICT
            self._software.order(SOFTWARE_ORDERS[order.verb], release, order.target, force, is_ended)
        else:
            self._instance_order(order)

    def _instance_order(self, order: Order) -> None:
        driver = self._instances
        calls: dict[Verb, Callable[[str], None]] = {
            Verb.CLOSE_HOST: driver.close_host, Verb.OPEN_HOST: driver.open_host, Verb.MOVE: driver.move,
            Verb.CONFIRM_MOVE: driver.confirm_move, Verb.STOP_INSTANCE: driver.stop,
            Verb.START_INSTANCE: driver.start}
        calls[order.verb](order.target)

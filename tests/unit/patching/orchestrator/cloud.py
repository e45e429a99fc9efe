# SPDX-License-Identifier: Apache-2.0
"""A simulated cloud that the orchestrator's hands reach: hosts that lock, boot and swact in their time, the pure core
of the software service, alarms, and instances that move. It objects to what a real cloud would suffer from."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flock.core.errors import Refused, Unavailable
from flock.core.records import replace
from patching.contract.errors import SoftwareRefused
from patching.contract.records import OrderKind
from patching.core import events
from patching.core.actions import Install, RunPrecheck, RunScripts
from patching.core.model import Precheck
from patching.core.strategy.picture import Alarm, Instance, InstanceState
from patching.core.strategy.work.seen import SeenHost, SeenSoftware
from patching.instances.interface import Workload
from patching.orchestrator.system import IsEnded, System
from tests.unit.patching.core import systems

LOCK_S, BOOT_S, SWACT_S, INSTALL_S, SCRIPTS_S, MOVE_S, ALARM_S = 10, 60, 20, 30, 15, 25, 40
OPEN = ("unlocked", "enabled", "available")


class Cloud:
    """``log``: every order that was accepted, in its words. ``broken``: orders that have no effect ("unlock worker-1").
    ``refusals``: orders that are refused, with the reason, so often."""

    def __init__(self, kind: str, *releases: Any, workers: int = 0, is_aio: bool = False) -> None:
        self.software = systems.System(systems.a_system(kind, *releases))
        for number in range(3, workers):
            name = f"compute-{number}"
            self.software.view = replace(self.software.view, hosts={**self.software.view.hosts, name: replace(
                self.software.view.hosts["compute-0"], id=100 + number, hostname=name)})
        self.hosts = {name: SeenHost(host.id, name, host.personality, *OPEN, uptime_s=10_000,
                                     is_aio=is_aio and host.personality == "controller",
                                     is_active=name == "controller-0")
                      for name, host in self.software.view.hosts.items()}
        self.instances: dict[str, Instance] = {}
        self.aggregates: dict[str, frozenset[str]] = {}
        self.alarms: list[Alarm] = []
        self.closed: set[str] = set()
        self.now_ms = 1_000_000_000
        self.log: list[str] = []
        self.broken: set[str] = set()
        self.refusals: dict[str, list[str]] = {}
        self.away: set[str] = set()
        self._due: list[tuple[int, Callable[[], None]]] = []
        self.system = System(Hosts(self), Alarms(self), Software(self), Instances(self))

    def pass_time(self, seconds: int) -> None:
        """What is due happens, in its order."""
        until_ms = self.now_ms + seconds * 1000
        while self._due and min(at_ms for at_ms, _ in self._due) <= until_ms:
            at_ms, happen = min(self._due, key=lambda one: one[0])
            self._due.remove((at_ms, happen))
            self.now_ms = max(self.now_ms, at_ms)
            happen()
        self.now_ms = until_ms

    def later(self, seconds: int, happen: Callable[[], None]) -> None:
        self._due.append((self.now_ms + seconds * 1000, happen))

    def ordered(self, words: str) -> bool:
        """Note an order; whether it has an effect. Refused, Unavailable."""
        if words in self.away:
            raise Unavailable(service="the service", reason="it restarts")
        if self.refusals.get(words):
            raise Refused(detail=self.refusals[words].pop(0))
        self.log.append(words)
        return words not in self.broken

    def host(self, name: str, **fields: Any) -> None:
        self.hosts[name] = replace(self.hosts[name], **fields)
        host = self.hosts[name]
        self.software.host(name, administrative=host.administrative, operational=host.operational,
                           availability=host.availability)

    def instance(self, name: str, **fields: Any) -> None:
        self.instances[name] = replace(self.instances[name], **fields)

    def run(self, host: str, *names: str, **fields: Any) -> None:
        for name in names:
            self.instances[name] = Instance(name, host, **fields)

    def on(self, host: str) -> list[str]:
        return sorted(one.id for one in self.instances.values() if one.host == host)

    def orders(self, *verbs: str) -> list[str]:
        return [line for line in self.log if line.split()[0] in verbs]


class Hosts:
    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    def hosts(self) -> dict[str, SeenHost]:
        return dict(self.cloud.hosts)

    def act(self, hostname: str, action: str) -> None:
        cloud, host = self.cloud, self.cloud.hosts[hostname]
        if host.is_busy:
            raise Refused(detail=f"{hostname} is busy")
        if action == "lock" and host.is_active and len(cloud.hosts) > 1:
            raise Refused(detail=f"{hostname} is the active controller")
        if not cloud.ordered(f"{action} {hostname}"):
            return
        cloud.host(hostname, is_busy=True)
        getattr(self, action)(hostname)

    def lock(self, name: str) -> None:
        running = [one for one in self.cloud.instances.values()
                   if one.host == name and one.state is InstanceState.RUNNING and one.can_stop]
        assert not running, f"{name} is locked with {[one.id for one in running]} on it"
        self.cloud.later(LOCK_S, lambda: self.cloud.host(name, administrative="locked", operational="disabled",
                                                         availability="online", is_busy=False))

    def unlock(self, name: str) -> None:
        self.cloud.host(name, administrative="unlocked", operational="disabled", availability="offline")
        alarm = Alarm("200.004", f"host={name}")

        def up() -> None:
            self.cloud.host(name, operational="enabled", availability="available", is_busy=False, uptime_s=BOOT_S)
            self.cloud.alarms.append(alarm)
            self.cloud.later(ALARM_S, lambda: self.cloud.alarms.remove(alarm))

        self.cloud.later(BOOT_S, up)

    def reboot(self, name: str) -> None:
        self.cloud.host(name, availability="offline")
        self.cloud.later(BOOT_S, lambda: self.cloud.host(name, availability="online", is_busy=False, uptime_s=5))

    def swact(self, name: str) -> None:
        other = next(host.hostname for host in self.cloud.hosts.values()
                     if host.personality == "controller" and host.hostname != name)
        assert (self.cloud.hosts[other].administrative, self.cloud.hosts[other].operational) == ("unlocked", "enabled")

        def over() -> None:
            self.cloud.host(name, is_active=False, is_busy=False)
            self.cloud.host(other, is_active=True)

        self.cloud.later(SWACT_S, over)


class Alarms:
    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    def active(self) -> tuple[Alarm, ...]:
        return tuple(self.cloud.alarms)


class Software:
    """The core of the software service, whose programs and agents take their time."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    def look(self) -> SeenSoftware:
        view = self.cloud.software.view
        return SeenSoftware(view.running, view.releases, view.deploy, view.rows)

    def order(self, kind: OrderKind, release: str, hostname: str, force: bool, is_ended: IsEnded) -> None:
        cloud = self.cloud
        words = f"{kind} {release or hostname}".rstrip()
        if kind is OrderKind.PRECHECK:
            cloud.ordered(words)
            cloud.software.view = replace(cloud.software.view, precheck=Precheck(
                release, True, cloud.software.now_ms, force))
            return
        cloud.software.view = replace(cloud.software.view, active=next(
            host.hostname for host in cloud.hosts.values() if host.is_active))
        event = {OrderKind.START: events.Start(release, force), OrderKind.DEPLOY_HOST: events.DeployHost(hostname),
                 OrderKind.ROLL_BACK_HOST: events.RollBackHost(hostname), OrderKind.ACTIVATE: events.Activate(),
                 OrderKind.COMPLETE: events.Complete(), OrderKind.ABORT: events.Abort(),
                 OrderKind.ACTIVATE_ROLLBACK: events.ActivateRollback(),
                 OrderKind.DELETE_DEPLOY: events.DeleteDeploy()}[kind]
        actions = cloud.software.happen(event)
        is_effective = cloud.ordered(words)
        for action in actions:
            if isinstance(action, RunPrecheck):
                raise SoftwareRefused(detail="no precheck")
            if isinstance(action, RunScripts):
                cloud.later(SCRIPTS_S, lambda one=action: cloud.software.happen(events.ScriptsEnded(one.attempt)))
            if isinstance(action, Install):
                error = "" if is_effective else "the disk is full"
                cloud.later(INSTALL_S, lambda one=action, why=error: cloud.software.happen(
                    events.HostEnded(one.hostname, one.attempt, why)))


class Instances:
    """A platform that chooses the first other open worker that is in service."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    def look(self) -> Workload:
        return Workload(dict(self.cloud.instances), self.cloud.aggregates)

    def close_host(self, hostname: str) -> None:
        self.cloud.ordered(f"close {hostname}")
        self.cloud.closed.add(hostname)

    def open_host(self, hostname: str) -> None:
        self.cloud.ordered(f"open {hostname}")
        self.cloud.closed.discard(hostname)

    def move(self, instance_id: str) -> None:
        one = self.cloud.instances[instance_id]
        moving = [other for other in self.cloud.instances.values() if other.state is InstanceState.MOVING]
        assert one.host not in {other.host for other in moving}, f"two moves at once from {one.host}"
        open_hosts = [host.hostname for host in self.cloud.hosts.values() if host.personality == "worker"
                      and host.is_in_service and host.hostname not in {*self.cloud.closed, one.host}]
        if not open_hosts:
            raise Refused(detail="No valid host was found.")
        if not self.cloud.ordered(f"move {instance_id}"):
            return
        self.cloud.instance(instance_id, state=InstanceState.MOVING)
        self.cloud.later(MOVE_S, lambda: self.cloud.instance(instance_id, host=min(
            open_hosts, key=lambda name: len(self.cloud.on(name))), state=InstanceState.RUNNING))

    def confirm_move(self, instance_id: str) -> None:
        raise AssertionError("nothing to confirm")

    def stop(self, instance_id: str) -> None:
        self.cloud.ordered(f"stop {instance_id}")
        self.cloud.instance(instance_id, state=InstanceState.STOPPED)

    def start(self, instance_id: str) -> None:
        assert self.cloud.hosts[self.cloud.instances[instance_id].host].is_in_service
        self.cloud.ordered(f"start {instance_id}")
        self.cloud.instance(instance_id, state=InstanceState.RUNNING)

# SPDX-License-Identifier: Apache-2.0
"""Pages about host maintenance and the bus made from the code: transitions found by running the machine, times, calls.

``.. flock-transitions::`` · ``.. flock-times::`` · ``.. flock-interfaces:: mtce.contract.rpc``
"""
from __future__ import annotations

import importlib
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

from flock_reference import Generated, literal, table
from sphinx.application import Sphinx

from flock.rpc.interface import interface_spec
from mtce.contract.records import MtcAlive, MtceHost
from mtce.contract.states import OPERATOR_ACTIONS
from mtce.core import arbiter
from mtce.core.events import AgentResult, Alive, BmcAnswer, Command, Event, Pulse, Put, RebootAnswer, Tick
from mtce.core.fsm import step
from mtce.core.settings import AutoRecovery, Cause, Settings
from mtce.core.strike import judge, wish_of
from mtce.core.view import Level, MaintainedHost, Stage, first_view

NODES_MAX = 20_000
# Where the way on depends on what is heard of the host.
JUDGED = frozenset({Stage.FAILED_WAIT, Stage.HOLD, Stage.RECOVERY_ALIVE, Stage.RECOVERY_BMC_WAIT})
WATCHED = frozenset({Stage.HEARTBEAT_WAIT, Stage.HEARTBEAT_SOAK, Stage.RECOVERY_PAUSE, Stage.RECOVERY_ALIVE, Stage.HOLD,
                     Stage.RECOVERY_BMC_WAIT})
START_MS = 1_000_000
# Every counter small, so that the walk sees the last attempt soon; the stages are the same with the real ones.
SMALL = Settings(
    simplex=True, reboot_ack_tries_max=2, reboot_sends_max=2, reset_rounds_max=1, bmc_query_tries_max=2,
    bmc_power_tries_max=2, bmc_reset_tries_max=2, recovery_attempts_max=1, unhealthy_max=1, power_off_alive_max=1,
    auto_recovery={cause: AutoRecovery(1, 30_000) for cause in Cause})


def _hosts() -> Iterator[MaintainedHost]:
    """Hosts added and heard once: a worker with and without board management, one that had failed, a controller."""
    worker = MtceHost("0f6cbb5e-2a0e-4c0e-8f0e-0d8c5c0a1b70", "worker-0", "worker", "worker", "08:00:27:00:00:01",
                      "192.168.204.10", "192.168.206.10", "locked", "disabled", "online")
    board = replace(worker, bm_type="redfish", bm_ip="10.10.20.102", bm_username="root")
    controller = replace(worker, hostname="controller-0", personality="controller", subfunctions="controller,worker")
    failed = replace(worker, administrative="unlocked", availability="failed")
    for host, is_active in ((board, False), (worker, False), (failed, False), (controller, True)):
        view = replace(first_view(host), is_active=is_active)
        added, _ = step(view, Put(host, is_new=True), START_MS, SMALL)
        yield step(added, Alive(_alive(added, "boot-1")), START_MS + 1, SMALL)[0]


def _alive(view: MaintainedHost, boot_id: str) -> MtcAlive:
    return MtcAlive(view.uuid, view.hostname, boot_id, 60, 1, True, True, False, False, None, False)


def _events(view: MaintainedHost) -> Iterator[tuple[str, Event]]:
    other = _alive(view, f"boot-{int(view.boot_id[5:]) + 1}")
    yield "timer", Tick(bus_open_ms=0)
    known = view.boot_id if view.stage is Stage.IDLE else view.left_boot_id
    word = "the same" if view.boot_id == known else "another"
    yield f"mtcAlive of {word} boot", Alive(_alive(view, view.boot_id))
    yield "mtcAlive of another boot", Alive(other)
    yield "mtcAlive, not healthy", Alive(replace(other, healthy=False))
    yield "mtcAlive past the bus", Alive(_alive(view, view.boot_id), over_bus=False)
    if view.monitored:
        for level in (Level.OK, Level.LOSS):
            for network in view.networks():
                yield f"heartbeat {level}", Pulse(network, level, view.epoch)
    yield "reboot acknowledged", RebootAnswer(view.command_id, True)
    for power in ("on", "off"):
        yield f"BMC says {power}", BmcAnswer(view.command_id, True, power)
    yield "BMC refuses", BmcAnswer(view.command_id, False)
    for command, words in (("goenabled", "tests"), ("start-services", "services"), ("stop-services", "services stop")):
        for passed in (True, False):
            yield f"{words} {'passed' if passed else 'failed'}", AgentResult(view.left_boot_id, command, passed)
    # An action may also take over from another one; the page says which. Here it would hide everything else.
    for action in sorted(OPERATOR_ACTIONS) if view.stage is Stage.IDLE else ():
        if arbiter.refusal(view, action, SMALL) is None:
            yield f"operator: {action}", Command(action, "request")


def _key(view: MaintainedHost, now_ms: int) -> tuple[Any, ...]:
    levels = (view.mgmt, view.cluster_host) if view.stage in WATCHED else ()
    verdict = None
    if view.stage in JUDGED:
        verdict = type(judge(view, wish_of(view), now_ms, SMALL)), view.boot_id == view.proven_boot
    return (view.action, view.stage, view.states(), verdict, view.has_bmc, view.is_active, view.monitored, levels,
            min(view.tries, 2), view.reboots_sent, min(view.rounds, 2), view.reboot_acked, view.bmc_used,
            view.boot_id == view.left_boot_id, view.silent_ms is None, view.recovery_attempts > 1,
            max((count for _, count in view.failures), default=0))


def transitions() -> dict[Stage, dict[Stage, set[str]]]:
    """From stage, to stage, on which events: walked breadth first until nothing new is found."""
    found: dict[Stage, dict[Stage, set[str]]] = defaultdict(lambda: defaultdict(set))
    waiting = deque((view, START_MS + 1) for view in _hosts())
    seen = {_key(view, at_ms) for view, at_ms in waiting}
    while waiting:
        if len(seen) > NODES_MAX:
            raise ValueError(f"more than {NODES_MAX} situations: some counter grows without limit")
        view, now_ms = waiting.popleft()
        for label, event in _events(view):
            for at_ms in _moments(view, event, now_ms):
                after, _ = step(view, event, at_ms, SMALL)
                if after.stage is not view.stage:
                    found[view.stage][after.stage].add(label)
                key = _key(after, at_ms)
                if key not in seen:
                    seen.add(key)
                    waiting.append((after, at_ms))
    return found


def _moments(view: MaintainedHost, event: Event, now_ms: int) -> list[int]:
    """A tick comes at each timer of the view, anything else at once."""
    if not isinstance(event, Tick):
        return [now_ms + 1]
    timers = (view.deadline_ms, view.probe_ms, view.silent_ms, view.task_clear_ms)
    return sorted({max(now_ms + 1, at_ms) for at_ms in timers if at_ms is not None})


class Transitions(Generated):
    """What leads from which stage to which."""

    def lines(self, argument: str) -> Iterator[str]:
        found = transitions()
        yield from table(("Stage", "Next stage", "On"), (
            (literal(start) if number == 0 else "\\ ", literal(end), ", ".join(sorted(found[start][end])))
            for start in Stage for number, end in enumerate(sorted(found[start], key=list(Stage).index))), "25 25 50")


class Times(Generated):
    """Durations and limits the machine decides with, and their defaults."""

    def lines(self, argument: str) -> Iterator[str]:
        settings = Settings()
        plain = [field.name for field in fields(Settings) if isinstance(getattr(settings, field.name), int)
                 and not isinstance(getattr(settings, field.name), bool)]
        yield from table(("Setting", "Default"), ((literal(name.removesuffix("_ms")), _shown(name, settings))
                                                  for name in plain), "60 40")


def _shown(name: str, settings: Settings) -> str:
    value = getattr(settings, name)
    if name.endswith("_ms"):
        return f"{value / 1000:g} s"
    return f"{value} s" if name.endswith("_s") else str(value)


class Interfaces(Generated):
    """Bus interfaces of one contract module."""

    required_arguments = 1

    def lines(self, argument: str) -> Iterator[str]:
        module = importlib.import_module(argument)
        rows = []
        for kind in vars(module).values():
            if not isinstance(kind, type) or kind.__module__ != argument or not hasattr(kind, "__rpc_interface__"):
                continue
            spec = interface_spec(kind)
            for name, method in spec.methods.items():
                limit = f"{method.timeout_s:g} s" if method.timeout_s is not None else "no answer"
                rows.append((literal(spec.topic), literal(f"{kind.__name__}.{name}"), limit))
        yield from table(("Topic", "Call", "Limit"), rows, "30 50 20")


def setup(app: Sphinx) -> dict[str, Any]:
    for name, directive in (("transitions", Transitions), ("times", Times), ("interfaces", Interfaces)):
        app.add_directive(f"flock-{name}", directive)
    return {"parallel_read_safe": True}

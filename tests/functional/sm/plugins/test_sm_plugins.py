# SPDX-License-Identifier: Apache-2.0
"""Services as scripts, run by the runner: a crash, a start that never ends, data that is not in sync."""
from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sm.contract.states import ActionResult, Condition, PluginKind, ServiceAction, ServiceState, Status
from sm.core.actions import CancelAction, RunAction, WatchProcess
from sm.core.events import ActionDone, ProcessDied
from sm.core.model import ActionSpec, Catalogue, ResultRow, Retries, ServiceSpec
from sm.monitors import processes
from sm.monitors.watch import Watches
from sm.plugins.plugin import Tools, load
from sm.plugins.runner import Runner
from sm.plugins.scope import Scopes
from sm.systemd.units import Units
from tests.functional.sm.plugins.conftest import until

ENABLE, DISABLE, AUDIT = ServiceAction.ENABLE, ServiceAction.DISABLE, ServiceAction.AUDIT_ENABLED
OK, BAD = ActionResult.SUCCESS, ActionResult.FAILED
LSB, OCF = PluginKind.LSB, PluginKind.OCF
ROWS = (
    ResultRow(LSB, "default", "status", "0", OK, ServiceState.ENABLED_ACTIVE),
    ResultRow(LSB, "default", "status", "3", OK, ServiceState.DISABLED),
    ResultRow(LSB, "default", "default", "0", OK),
    ResultRow(LSB, "default", "default", "other", BAD),
    ResultRow(OCF, "default", "default", "35", OK, None, Status.DEGRADED, Condition.DATA_SYNCING),
    ResultRow(OCF, "default", "default", "other", BAD),
)
# As init scripts are: a daemon of its own session whose number is in a file; status looks at the process.
INIT = """#!/bin/sh
case $1 in
start) setsid sh -c 'echo $$ > {pid}; exec sleep 1d' < /dev/null > /dev/null 2>&1 &
       until [ -s {pid} ]; do sleep 0.01; done ;;
stop) kill $(cat {pid}) 2> /dev/null; rm -f {pid} ;;
status) grep -q '^State:.[RSD]' /proc/$(cat {pid} 2> /dev/null)/status 2> /dev/null || exit 3 ;;
esac
"""
# Starts helpers out of its own process group that ignore SIGTERM, then waits forever.
ENDLESS = """#!/bin/sh
for turn in 1 2; do
    setsid sh -c "trap '' TERM HUP INT; echo \\$\\$ >> {pid}; setsid sh -c 'trap \\"\\" TERM; echo \\$\\$ >> {pid}; \
while :; do sleep 1; done' & while :; do sleep 1; done" &
done
echo attempt >> {log}
while :; do sleep 1; done
"""


class Node:
    def __init__(self, root: Path) -> None:
        self.units = Units("unix:path=/nowhere")
        self.answers: list[ActionDone] = []
        self.deaths: list[ProcessDied] = []
        retries = Retries(2, 2, 2)
        words = {ENABLE: "start", DISABLE: "stop", AUDIT: "status"}

        def actions(name: str, plugin: PluginKind, timeout_s: int) -> dict[ServiceAction, ActionSpec]:
            return {action: ActionSpec(action, plugin, name, word, timeout_s, "flock", {}, retries)
                    for action, word in words.items()}

        self.catalogue = Catalogue({}, {
            "daemon": ServiceSpec("daemon", actions("daemon", LSB, 10), pid_file=str(root / "daemon.pid"),
                                  program="sleep"),
            "endless": ServiceSpec("endless", actions("endless", LSB, 1)),
            "drbd": ServiceSpec("drbd", actions("drbd", OCF, 10)),
        }, results=ROWS)
        plugins, _ = load(Tools(Scopes(), self.units, root))
        self.runner = Runner(plugins, self.catalogue, self.answers.append)
        self.watches = Watches(self.catalogue, self.units, self.deaths.append)
        self.number = 0

    async def done(self, name: str, action: ServiceAction) -> ActionDone:
        self.number += 1
        self.runner.run(RunAction(name, action, self.number))
        await until(lambda: bool(self.answers) and self.answers[-1].run_id == self.number, 40)
        return self.answers[-1]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for place, text in (("etc/init.d/daemon", INIT), ("etc/init.d/endless", ENDLESS),
                        ("usr/lib/ocf/resource.d/flock/drbd", "#!/bin/sh\nexit 35\n")):
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(pid=tmp_path / f"{path.name}.pid", log=tmp_path / "log"))
        path.chmod(0o755)
    return tmp_path


def pids(path: Path) -> list[int]:
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def alive(found: list[int]) -> list[int]:
    return [pid for pid in found if (process := processes.read(pid)) is not None and not process.ended]


def on(root: Path, body: Callable[[Node], object]) -> None:
    async def whole() -> None:
        node = Node(root)
        try:
            await body(node)  # type: ignore[misc]
        finally:
            await node.runner.close()
            await node.watches.close()
            for pid in alive([*pids(root / "daemon.pid"), *pids(root / "endless.pid")]):
                os.kill(pid, signal.SIGKILL)
    asyncio.run(whole())


def test_a_killed_service_is_noticed_and_started_in_place(root: Path) -> None:
    async def body(node: Node) -> None:
        assert (await node.done("daemon", AUDIT)).state is ServiceState.DISABLED
        for turn in (1, 2):
            assert (await node.done("daemon", ENABLE)).result is OK
            node.watches.watch(WatchProcess("daemon"))
            assert (await node.done("daemon", AUDIT)).state is ServiceState.ENABLED_ACTIVE
            [pid] = pids(root / "daemon.pid")
            assert alive([pid]) and node.deaths[turn - 1:] == []
            os.kill(pid, signal.SIGKILL)
            killed = time.monotonic()
            await until(lambda: len(node.deaths) == turn)  # noqa: B023
            assert time.monotonic() - killed < 1 and str(pid) in node.deaths[-1].reason
            assert (await node.done("daemon", AUDIT)).state is ServiceState.DISABLED
            assert (await node.done("daemon", DISABLE)).result is OK
    on(root, body)


def test_a_start_that_never_ends_is_killed_whole_and_made_again_twice(root: Path) -> None:
    async def body(node: Node) -> None:
        begun = time.monotonic()
        done = await node.done("endless", ENABLE)
        assert done.result is BAD and "did not end within 1 s" in done.reason
        assert (root / "log").read_text().split() == ["attempt"] * 3
        assert 3 <= time.monotonic() - begun < 12
        started = pids(root / "endless.pid")
        assert len(started) == 12 and alive(started) == []
    on(root, body)


def test_a_cancelled_start_leaves_nothing_and_other_services_did_not_wait(root: Path) -> None:
    async def body(node: Node) -> None:
        node.runner.run(RunAction("endless", ENABLE, 1000))
        await until(lambda: len(pids(root / "endless.pid")) == 4)
        assert (await node.done("daemon", ENABLE)).result is OK
        node.runner.cancel(CancelAction("endless", 1000))
        await until(lambda: alive(pids(root / "endless.pid")) == [])
        assert [done.run_id for done in node.answers] == [1]
    on(root, body)


def test_data_that_is_not_in_sync_is_a_condition_of_the_service(root: Path) -> None:
    async def body(node: Node) -> None:
        done = await node.done("drbd", AUDIT)
        assert (done.result, done.state, done.status, done.condition) == (
            OK, None, Status.DEGRADED, Condition.DATA_SYNCING)
    on(root, body)

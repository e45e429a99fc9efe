# SPDX-License-Identifier: Apache-2.0
"""The agent without a bus: orders, their repetition, reports, kills, boots."""
from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flock.core.errors import Unavailable
from flock.core.records import replace
from flock.exec.root import Root
from flock.testing.services.process import wait_for
from patching.agent import decide, flags, local
from patching.agent.daemon import LOCK_NEEDED, Agent, Limits, WrongHost
from patching.backends.interface import BackendFailed
from patching.content.fetch import Feed
from patching.content.holding import Holding
from patching.contract.records import HostFacts, InstallProgress, InstallResult, Mirrored
from patching.contract.rpc import AgentReports
from patching.contract.states import AgentState
from tests.unit.patching.agent.hosts import Host


class Conductor(AgentReports):
    """Takes what agents tell; ``away``: the bus does not accept it."""

    def __init__(self) -> None:
        self.facts: list[HostFacts] = []
        self.results: list[InstallResult] = []
        self.progress: list[InstallProgress] = []
        self.contents: list[Mirrored] = []
        self.away = False

    def _take(self, into: list[Any], what: Any) -> None:
        if self.away:
            raise Unavailable(service="bus", reason="it is away")
        into.append(what)

    def report(self, *, facts: HostFacts) -> None:
        self._take(self.facts, facts)

    def install_progress(self, *, progress: InstallProgress) -> None:
        self._take(self.progress, progress)

    def install_ended(self, *, result: InstallResult) -> None:
        self._take(self.results, result)

    def mirrored(self, *, mirrored: Mirrored) -> None:
        self._take(self.contents, mirrored)


LIMITS = Limits(report_period_s=0.2, rejected_max_s=60.0, hooks_timeout_s=20.0, audit_period_s=0.2)


class Running:
    """An agent on a host of ``hosts``."""

    def __init__(self, folder: Path) -> None:
        self.host = Host(folder)
        self.host.has({"tool": "1.0"})
        self.conductor = Conductor()
        self.agent: Agent | None = None

    def start(self, limits: Limits = LIMITS, holding: Holding | None = None) -> Agent:
        """The process begins, also after ``kill``."""
        self.host.restart()
        host = self.host
        self.agent = Agent(self.conductor, host.installer, host.book, Root(host.root), "worker-0", limits, ("fake",),
                           holding=holding)
        self.agent.start()
        return self.agent

    def stop(self) -> None:
        if self.agent is not None:
            self.agent.stop()
            self.agent = None

    def facts(self, fits: Callable[[HostFacts], bool]) -> HostFacts:
        """The newest report once it fits."""
        wait_for(lambda: bool(self.conductor.facts) and fits(self.conductor.facts[-1]), 20, "no report fits")
        return self.conductor.facts[-1]

    def result(self, attempt: int) -> InstallResult:
        found: list[InstallResult] = []

        def told() -> bool:
            found[:] = [one for one in self.conductor.results if one.attempt == attempt]
            return bool(found)

        wait_for(told, 20, "no result")
        return found[0]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    made = Running(tmp_path)
    yield made
    for name in ("hold", "fail"):
        (made.host.root / "var/lib/fake-packages" / name).unlink(missing_ok=True)
    made.stop()


def test_the_agent_reports_what_the_host_runs(running: Running) -> None:
    running.start()
    found = running.facts(lambda facts: True)
    assert (found.hostname, found.host_uuid, found.version, found.installed_version) == (
        "worker-0", "u-1", "10.0.0", "10.0.0")
    assert (found.state, found.nodetype, found.subfunctions, found.backend) == (
        AgentState.IDLE, "worker", ["worker"], "fake")
    running.facts(lambda facts: len(running.conductor.facts) > 2)


def test_an_order_is_carried_out_and_told(running: Running) -> None:
    agent = running.start()
    content = running.host.feed.release("10.0.1", {"tool": "1.1"})
    agent.install(order=running.host.order("10.0.1", [content]))
    assert running.result(1).error == ""
    found = running.facts(lambda facts: facts.version == "10.0.1" and facts.packages == {"tool": "1.1"})
    assert found.digests == {content.release_id: content.digest}
    assert found.result == running.result(1)
    assert running.conductor.progress


def test_a_query_is_answered_at_once_also_during_an_installation(running: Running) -> None:
    agent = running.start(replace(LIMITS, report_period_s=300.0))
    running.host.fault("hold")
    agent.install(order=running.host.order("10.0.1", [running.host.feed.release("10.0.1", {"tool": "1.1"})]))
    wait_for(lambda: running.host.packages == {"tool": "1.1"}, 20, "nothing is installed")
    agent.report_now(query_id="q-7")
    assert running.facts(lambda facts: facts.query_id == "q-7").state is AgentState.INSTALLING


def test_the_same_order_again_is_answered_with_the_same_result(running: Running) -> None:
    agent = running.start()
    content = running.host.feed.release("10.0.1", {"tool": "1.1"}, members={"post-install.sh": running.host.say()})
    order = running.host.order("10.0.1", [content])
    agent.install(order=order)
    running.result(1)
    agent.install(order=order)
    wait_for(lambda: len(running.conductor.results) == 2, 20, "the result is not told again")
    assert len(running.host.said()) == 1


def test_an_order_that_is_being_carried_out_is_not_begun_twice(running: Running) -> None:
    agent = running.start()
    hold = running.host.fault("hold")
    order = running.host.order("10.0.1", [running.host.feed.release(
        "10.0.1", {"tool": "1.1"}, members={"pre-install.sh": running.host.say()})])
    agent.install(order=order)
    wait_for(lambda: bool(running.host.said()), 20, "it does not begin")
    agent.install(order=order)
    hold.unlink()
    running.result(1)
    assert len(running.host.said()) == 1


def test_a_newer_attempt_ends_an_older_one(running: Running) -> None:
    agent = running.start()
    content = running.host.feed.release("10.0.1", {"aaa": "1.0", "tool": "1.1"})
    hold = running.host.fault("hold")
    first = running.host.order("10.0.1", [content])
    agent.install(order=first)
    wait_for(lambda: "aaa" in running.host.packages, 20, "it does not begin")
    agent.install(order=replace(first, attempt=2))
    hold.unlink()
    assert running.result(2).error == ""
    assert running.host.packages == {"aaa": "1.0", "tool": "1.1"}


def test_an_unlocked_host_rejects_what_needs_a_reboot_and_forgets_it_when_locked(running: Running) -> None:
    agent = running.start()
    order = running.host.order("10.0.1", [running.host.feed.release("10.0.1", {"tool": "1.1"})], reboot_required=True)
    agent.install(order=order)
    assert running.result(1).error == LOCK_NEEDED
    assert running.host.packages == {"tool": "1.0"}
    running.facts(lambda facts: facts.state is AgentState.INSTALL_REJECTED)
    running.host.put(flags.LOCKED, "")
    running.facts(lambda facts: facts.state is AgentState.IDLE)
    agent.install(order=replace(order, attempt=2))
    assert running.result(2).needs_reboot


def test_after_the_boot_the_host_runs_what_was_installed(running: Running) -> None:
    agent = running.start()
    running.host.put(flags.LOCKED, "")
    content = running.host.feed.release("10.0.1", {"tool": "1.1"}, members={"post-install.sh": running.host.say()})
    agent.install(order=running.host.order("10.0.1", [content], reboot_required=True))
    found = running.facts(lambda facts: facts.needs_reboot)
    assert (found.version, found.installed_version) == ("10.0.0", "10.0.1")
    running.stop()
    running.start()
    assert running.facts(lambda facts: True).needs_reboot, "a restart of the agent is no boot"
    running.stop()
    running.host.put("proc/sys/kernel/random/boot_id", "boot-2")
    running.conductor.facts.clear()
    running.start()
    found = running.facts(lambda facts: not facts.needs_reboot)
    assert (found.version, found.installed_version) == ("10.0.1", "10.0.1")
    wait_for(lambda: running.host.said()[-1].startswith("post-install.sh after-reboot"), 20, "the hook does not run")
    assert not (running.host.root / flags.PATCHED_REBOOT).exists()


def test_a_kill_is_told_as_the_end_of_the_order_and_a_retry_succeeds(running: Running) -> None:
    content = running.host.feed.release("10.0.1", {"tool": "1.1"})
    order = running.host.order("10.0.1", [content])
    running.host.book.write(order=order)  # what a killed process leaves
    agent = running.start()
    assert running.result(1).error == decide.INTERRUPTED
    running.facts(lambda facts: facts.state is AgentState.INSTALL_FAILED)
    agent.install(order=replace(order, attempt=2))
    assert running.result(2).error == ""


def test_a_package_tool_that_fails_at_the_start_does_not_keep_the_agent_away(
        running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> dict[str, str]:
        raise BackendFailed(detail="it is broken")

    monkeypatch.setattr(running.host.backends["fake"], "running", fails)
    running.start()
    running.facts(lambda facts: facts.state is AgentState.IDLE)


def test_what_the_bus_did_not_take_is_told_later(running: Running) -> None:
    running.conductor.away = True
    agent = running.start()
    agent.install(order=running.host.order("10.0.1", [running.host.feed.release("10.0.1", {"tool": "1.1"})]))
    wait_for(lambda: running.host.book.memory.version == "10.0.1", 20, "it is not installed")
    assert running.conductor.results == []
    running.conductor.away = False
    assert running.result(1).error == ""


def test_orders_for_other_hosts_are_refused(running: Running) -> None:
    agent = running.start()
    with pytest.raises(WrongHost, match="worker-0 drops an order: it was meant for worker-9"):
        agent.install(order=replace(running.host.order("10.0.1", []), hostname="worker-9"))


def test_nothing_is_cleaned_up_under_an_installation(running: Running) -> None:
    agent = running.start()
    content = running.host.feed.release("10.0.1", {"tool": "1.1"})
    hold = running.host.fault("hold")
    agent.install(order=running.host.order("10.0.1", [content]))
    wait_for(lambda: running.host.packages == {"tool": "1.1"}, 20, "nothing is installed")
    agent.clean_up(deploy_id="d", keep=[])
    assert running.host.store.held(content) is not None
    hold.unlink()
    running.result(1)


def test_a_controller_tells_what_it_holds(running: Running) -> None:
    content = running.host.feed.release("10.0.1", {"tool": "1.1"})
    running.start(holding=Holding(running.host.feed.repository.feed))
    wait_for(lambda: bool(running.conductor.contents), 20, "no content is told")
    assert running.conductor.contents[-1] == Mirrored("worker-0", {content.release_id: content.digest})


def caught_up(host: Host) -> local.Ended:
    return local.catch_up(host.installer, host.book, Feed(host.feed.url), Root(host.root), "worker-0")


def test_at_its_boot_a_host_installs_what_it_missed(tmp_path: Path) -> None:
    host = Host(tmp_path)
    host.has({"tool": "1.0"})
    content = host.feed.release("10.0.1", {"tool": "1.1"}, reboot_required=True)
    host.feed.repository.set_current("10.0.1", [content.release_id])
    assert caught_up(host) is local.Ended.BOOT_NEEDED
    assert host.packages == {"tool": "1.1"}
    assert (host.root / flags.PATCHED_REBOOT).exists()
    assert caught_up(host) is local.Ended.OK


def test_at_its_boot_a_host_ends_what_it_was_ended_in(tmp_path: Path) -> None:
    host = Host(tmp_path)
    host.has({"tool": "1.0"})
    order = host.order("10.0.1", [host.feed.release("10.0.1", {"tool": "1.1"})])
    host.book.write(order=order)
    assert caught_up(host) is local.Ended.OK
    assert host.packages == {"tool": "1.1"}
    assert host.book.memory.result == decide.result(order)


def test_a_boot_without_controller_or_with_rubbish_in_the_feed_is_survived(tmp_path: Path) -> None:
    host = Host(tmp_path)
    assert caught_up(host) is local.Ended.OK
    host.feed.repository.feed.mkdir(parents=True)
    (host.feed.repository.feed / "current.json").write_text("{")
    assert caught_up(host) is local.Ended.FAILED


def test_a_failed_installation_at_the_boot_is_told(tmp_path: Path) -> None:
    host = Host(tmp_path)
    content = host.feed.release("10.0.1", {"tool": "1.1"})
    host.feed.repository.set_current("10.0.1", [content.release_id])
    host.fault("fail", "tool")
    assert caught_up(host) is local.Ended.FAILED


def test_a_stop_during_an_installation_does_not_wait_for_it(running: Running) -> None:
    agent = running.start()
    hold = running.host.fault("hold")
    agent.install(order=running.host.order("10.0.1", [running.host.feed.release("10.0.1", {"tool": "1.1"})]))
    wait_for(lambda: running.host.packages == {"tool": "1.1"}, 20, "nothing is installed")
    stopped = threading.Thread(target=running.stop)
    stopped.start()
    stopped.join(15)
    assert not stopped.is_alive()
    hold.unlink()

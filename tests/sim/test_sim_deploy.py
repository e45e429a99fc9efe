# SPDX-License-Identifier: Apache-2.0
"""Random operators, agents and crashes against releases and their deployment.

The reference (``deploymodel``) is written anew from the specification. It says of every order whether it is accepted,
and agrees after each step on the state of the deployment, of its hosts and of all releases.
"""
from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from flock.core.errors import FlockError
from flock.core.records import replace
from flock.sim import scaled
from patching.contract.states import ReleaseState
from patching.core import events, hostorder
from patching.core.actions import Install, RunPrecheck, RunScripts
from patching.core.model import Precheck
from patching.core.step import step
from tests.sim.deploymodel import ASKS_PRECHECK, DONE, REFUSED, Reference
from tests.unit.patching.core.systems import System, a_release, a_system

pytestmark = pytest.mark.soak
FOLLOWS = """
    none: start
    start: start-done start-failed
    start-failed: none
    start-done: host none host-done host-failed
    host: host-done host-failed host-rollback host-rollback-done
    host-failed: host host-done host-rollback host-rollback-done
    host-done: activate host-rollback host-failed
    activate: activate-done activate-failed activate-rollback-pending
    activate-failed: activate activate-done activate-rollback-pending
    activate-done: completed activate-rollback-pending
    completed: none activate-rollback-pending
    activate-rollback-pending: activate-rollback
    activate-rollback: activate-rollback-done activate-rollback-failed
    activate-rollback-failed: activate-rollback activate-rollback-done
    activate-rollback-done: host-rollback host-rollback-done host-rollback-failed
    host-rollback: host-rollback-done host-rollback-failed
    host-rollback-failed: host-rollback host-rollback-done
    host-rollback-done: none
"""
MAY_FOLLOW = {line.partition(":")[0].strip(): set(line.partition(":")[2].split())
              for line in FOLLOWS.strip().splitlines()}
VERSIONS = ("10.0.1", "10.0.2", "10.0.3", "11.0.0", "11.0.1")
REQUIRES = {"10.0.2": ("starlingx-10.0.1",), "11.0.1": ("starlingx-11.0.0",)}
REBOOTS = {"10.0.2", "11.0.0"}
ORDERS = (events.Activate(), events.Activate(force=True), events.Complete(), events.Abort(), events.ActivateRollback(),
          events.ActivateRollback(force=True), events.DeleteDeploy(), events.Restarted(), events.Tick())
ORDER = {"controller": 0, "storage": 1, "worker": 2}


class Cloud(RuleBasedStateMachine):
    """Operators order at random; agents install, fail, are late, and tell twice; conductors die."""

    @initialize(kind=st.sampled_from(["SX", "DX", "STD", "STG"]), uploaded=st.sets(st.sampled_from(VERSIONS)))
    def begin(self, kind: str, uploaded: set[str]) -> None:
        self.system = System(a_system(kind))
        requires = {text: tuple(name.removeprefix("starlingx-") for name in names) for text, names in REQUIRES.items()}
        self.reference = Reference(list(self.system.view.hosts), requires, REBOOTS)
        for text in sorted(uploaded):
            self.upload(text)
        self.runs = dict.fromkeys(self.system.view.hosts, "10.0.0")
        self.sent: list[Any] = []
        self.followed = "none"

    def order(self, event: events.Event) -> None:
        """Give an order; a refusal changes nothing."""
        before = self.system.view
        expected = self.foretold(event)
        try:
            actions = self.system.happen(event)
        except FlockError:
            assert self.system.view is before
            assert expected == REFUSED, f"{event} was refused in {self.system.state}"
            return
        asks = any(isinstance(action, RunPrecheck) for action in actions)
        assert expected == (ASKS_PRECHECK if asks else DONE), f"{event} was accepted in {self.followed}"
        self.note(actions)
        self.agrees()
        self.follows()

    def foretold(self, event: events.Event) -> str:
        """What the reference says to an event; it has happened there then."""
        one, now_ms = self.reference, self.system.now_ms + 1000
        at_work = {host.hostname for host in self.system.view.hosts.values() if host.is_in_service}
        orders: dict[type[Any], Callable[[Any], str | None]] = {
            events.Start: lambda given: one.start(given.release.removeprefix("starlingx-"), now_ms),
            events.DeployHost: lambda given: one.deploy_host(given.hostname, at_work, now_ms),
            events.RollBackHost: lambda given: one.roll_back_host(given.hostname, at_work, now_ms),
            events.Activate: lambda given: one.activate(at_work, given.force),
            events.Complete: lambda _given: one.complete(),
            events.Abort: lambda _given: one.abort(), events.DeleteDeploy: lambda _given: one.delete(at_work),
            events.ActivateRollback: lambda given: one.activate_rollback(given.force),
            events.DeleteReleases: lambda given: one.delete_release(given.releases[0].removeprefix("starlingx-")),
            events.Commit: lambda given: one.commit(given.releases[0].removeprefix("starlingx-")),
            events.ScriptsEnded: lambda given: one.scripts_end(given.attempt, bool(given.error)),
            events.HostEnded: lambda given: one.host_end(given.hostname, given.attempt, bool(given.error)),
            events.HostGone: lambda given: one.host_gone(given.hostname),
            events.Restarted: lambda _given: one.restart(), events.Tick: lambda _given: one.tick(now_ms)}
        return orders[type(event)](event) or DONE

    def agrees(self) -> None:
        view, one = self.system.view, self.reference
        assert (self.system.state or "none") == one.state
        assert self.system.states == {name: row.state for name, row in one.rows.items()}
        assert {release.version.text: release.state.value for release in view.releases.values()} == one.releases
        assert str(view.running) == one.running
        if view.deploy is not None:
            assert (str(view.deploy.from_release), str(view.deploy.to_release)) == one.heading
            assert view.deploy.reboot_required == one.reboot

    def note(self, actions: Sequence[Any]) -> None:
        for action in actions:
            if isinstance(action, RunPrecheck):
                self.system.view = replace(self.system.view, precheck=Precheck(
                    action.release, True, self.system.now_ms, action.relaxed))
                self.reference.checked = (action.release.removeprefix("starlingx-"), self.system.now_ms)
            elif isinstance(action, Install):
                self.sent.append(action)
                self.reference.rows[action.hostname].attempt = action.attempt
                self.is_permitted(action)
            elif isinstance(action, RunScripts):
                self.sent.append(action)
                self.reference.script = action.attempt

    def follows(self) -> None:
        now = self.system.state or "none"
        if now != self.followed:
            assert now in MAY_FOLLOW[self.followed], f"{self.followed} was followed by {now}"
        self.followed = now

    def is_permitted(self, action: Install) -> None:
        """Hosts before it in the order run the same already, and a host that reboots does no work."""
        host, deploy = self.system.view.hosts[action.hostname], self.system.view.deploy
        assert deploy is not None
        if action.reboot_required:
            assert (host.administrative, host.availability) == ("locked", "online")
        if not deploy.is_aborted:
            for other in self.system.view.hosts.values():
                if ORDER[other.personality] < ORDER[host.personality]:
                    assert self.runs[other.hostname] == action.version, f"{other.hostname} before {host.hostname}"

    @rule(text=st.sampled_from(VERSIONS))
    def upload(self, text: str) -> None:
        if f"starlingx-{text}" not in self.system.view.releases:
            made = a_release(text, requires=REQUIRES.get(text, ()), reboot_required=text in REBOOTS)
            self.system.view = replace(self.system.view, releases={**self.system.view.releases, made.id: made})
            self.reference.releases[text] = "available"

    @precondition(lambda self: "compute-2" in self.system.view.hosts)
    @rule(choice=st.integers(0, 15))
    def lose_a_host(self, choice: int) -> None:
        """Seldom: one of the workers is deleted from the inventory, whatever it does."""
        if choice == 15:
            self.order(events.HostGone("compute-2"))
            del self.runs["compute-2"]

    @rule(data=st.data(), twice=st.booleans())
    def start(self, data: st.DataObject, twice: bool) -> None:
        """The first order asks for a precheck; a client may also send both at once."""
        if self.system.view.releases:
            name = data.draw(st.sampled_from(sorted(self.system.view.releases, reverse=True)))
            for _ in range(3 if twice else 2):
                self.order(events.Start(name))

    @rule(event=st.sampled_from(ORDERS))
    def operate(self, event: events.Event) -> None:
        if not isinstance(event, events.DeleteDeploy) or self.followed not in ("start-done", "start-failed"):
            self.order(event)

    @rule(choice=st.integers(0, 15))
    def give_up(self, choice: int) -> None:
        if choice == 15:
            self.order(events.DeleteDeploy())

    @rule(text=st.sampled_from(("10.0.0", *VERSIONS)), choice=st.integers(0, 15))
    def tidy(self, text: str, choice: int) -> None:
        """Seldom: without releases nothing happens."""
        names = (f"starlingx-{text}",)
        if choice > 13:
            self.order(events.Commit(names) if choice == 15 else events.DeleteReleases(names))

    @rule(data=st.data(), back=st.booleans())
    def host(self, data: st.DataObject, back: bool) -> None:
        name = data.draw(st.sampled_from(sorted(self.system.view.hosts)))
        self.order(events.RollBackHost(name) if back else events.DeployHost(name))

    @rule(data=st.data(), locked=st.booleans())
    def lock_or_unlock(self, data: st.DataObject, locked: bool) -> None:
        name = data.draw(st.sampled_from(sorted(self.system.view.hosts)))
        (self.system.lock if locked else self.system.unlock)(name)

    @rule(steps=st.integers(0, 12).map(lambda number: 12 - number))
    def go_on(self, steps: int) -> None:
        """An operator who knows what to do; else chance would seldom come far."""
        for _ in range(steps):
            if self.system.view.deploy is not None:
                self.one_more_step()

    @precondition(lambda self: self.system.view.deploy is not None)
    @rule(steps=st.integers(0, 30))
    def turn_round(self, steps: int) -> None:
        """An operator who changes his mind, late as well as early."""
        for _ in range(steps):
            if self.followed not in ("none", "completed"):
                self.one_more_step()
        self.order(events.Abort())

    @precondition(lambda self: self.sent)
    @rule(data=st.data(), works=st.booleans(), forget=st.booleans(), wait=st.booleans())
    def result(self, data: st.DataObject, works: bool, forget: bool, wait: bool) -> None:
        """One result, perhaps of long ago, perhaps told again later; perhaps only after its time was over."""
        action = data.draw(st.sampled_from(self.sent))
        if wait:
            self.system.now_ms += 3_600_000
            self.order(events.Tick())
        self.tell(action, "" if works else "it failed")
        if forget and action in self.sent:
            self.sent.remove(action)

    def tell(self, action: Any, error: str) -> None:
        if isinstance(action, RunScripts):
            self.order(events.ScriptsEnded(action.attempt, error))
            return
        row = self.system.view.rows.get(action.hostname)
        if row is not None and row.attempt == action.attempt and row.state.value.endswith("deploying") and not error:
            self.runs[action.hostname] = action.version
        self.order(events.HostEnded(action.hostname, action.attempt, error))

    @invariant()
    def every_order_is_judged_alike(self) -> None:
        """In each state that is reached, also orders that nobody gives there."""
        if not hasattr(self, "system"):
            return
        names = [*self.system.view.hosts][:3]
        orders: list[events.Event] = [*ORDERS[:5], *map(events.DeployHost, names), *map(events.RollBackHost, names)]
        for event in orders:
            kept = self.reference
            self.reference = copy.deepcopy(kept)
            try:
                expected = self.foretold(event)
            finally:
                self.reference = kept
            try:
                step(self.system.view, event, self.system.now_ms + 1000)
                found = DONE
            except FlockError:
                found = REFUSED
            assert found == expected, f"{event} in {self.system.state}: {found} instead of {expected}"

    @invariant()
    def releases_agree_with_the_deployment(self) -> None:
        if not hasattr(self, "system"):
            return
        view = self.system.view
        moving = {name for name, release in view.releases.items() if release.state in ("deploying", "removing")}
        assert moving == (set(view.deploy.covers) if view.deploy else set())
        if view.deploy is None:
            assert set(self.runs.values()) == {str(view.running)}
            deployed = [release.version for release in view.releases.values()
                        if release.state in (ReleaseState.DEPLOYED, ReleaseState.COMMITTED)]
            assert max(deployed) == view.running
            assert not view.rows

    def teardown(self) -> None:
        """Whatever has happened, an operator brings it to an end: hosts that work, one order after the other."""
        if not hasattr(self, "system"):
            return
        for _ in range(200):
            if self.system.view.deploy is None:
                return
            self.one_more_step()
        raise AssertionError(f"no way out of {self.system.state} {self.system.states}")

    def one_more_step(self) -> None:
        state = self.system.state
        if state in ("start", "activate", "activate-rollback"):
            self.order(events.ScriptsEnded(self.attempt()))
            return
        busy = [row for row in self.system.view.rows.values() if row.state.value.endswith("deploying")]
        if busy:
            self.tell(next(action for action in reversed(self.system.done) if isinstance(action, Install)
                           and (action.hostname, action.attempt) == (busy[0].hostname, busy[0].attempt)), "")
            return
        turn = hostorder.expected(self.system.view)
        going_back = any(value.startswith("rollback") for value in self.system.states.values())
        if turn and state not in ("start-failed", "activate-rollback-pending", "activate-rollback-failed"):
            self.system.lock(turn[0])
            self.order(events.RollBackHost(turn[0]) if going_back else events.DeployHost(turn[0]))
            return
        for name in self.system.view.hosts:
            self.system.unlock(name)
        following: dict[str | None, events.Event] = {
            "host-done": events.Activate(), "activate-failed": events.Activate(), "activate-done": events.Complete(),
            "activate-rollback-pending": events.ActivateRollback(),
            "activate-rollback-failed": events.ActivateRollback()}
        self.order(following.get(state, events.DeleteDeploy()))

    def attempt(self) -> int:
        deploy = self.system.view.deploy
        assert deploy is not None
        return deploy.attempt


def test_random_operators_and_agents() -> None:
    run_state_machine_as_test(Cloud, settings=settings(
        max_examples=scaled(40), stateful_step_count=60, deadline=None, derandomize=True,
        suppress_health_check=list(HealthCheck)))

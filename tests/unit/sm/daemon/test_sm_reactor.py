# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from flock.core.records import replace
from sm.contract.messages import NodeReport
from sm.contract.states import ActionResult, Administrative, Availability, Operational, ServiceAction, ServiceState
from sm.core.actions import RunAction
from sm.core.domain.events import Tick
from sm.core.events import ActionDone
from sm.core.model import Catalogue, ServiceSpec
from sm.core.node.step import watchdog_until
from sm.core.node.view import Standing, StandingChanged
from sm.daemon import reactor as module
from sm.daemon.reactor import DEFECTS_MAX, DEFECTS_WITHIN_MS, Reactor
from sm.store.errors import StoreUnavailable
from tests.unit.sm.daemon.conftest import NOW, FakeHands, view_of

HEALTHY = NodeReport(Administrative.UNLOCKED, Operational.ENABLED, Availability.AVAILABLE, Operational.ENABLED)


class Clock:
    now_ms = NOW

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def alone(site: Catalogue, hands: FakeHands, clock: Clock) -> Reactor:
    """The reactor of the only node of a system, which becomes the leader once it is ready."""
    return Reactor(view_of(site, ("controller-0",)), site, hands, clock)


def lead(reactor: Reactor, clock: Clock) -> None:
    reactor.feed(StandingChanged(Standing(HEALTHY)))
    for _ in range(80):
        clock.now_ms += 100
        reactor.feed(Tick())


def test_a_vote_is_stored_before_it_is_told(alone: Reactor, hands: FakeHands, clock: Clock) -> None:
    lead(alone, clock)
    assert alone.view.domain.leading
    first = next(index for index, (name, what) in enumerate(hands.done)
                 if name == "send" and what.vote.holder == "controller-0")
    stored = [what.vote for name, what in hands.done[:first] if name == "store"]
    assert stored and stored[-1] == alone.view.domain.durable.vote


def test_the_watchdog_knows_when_it_must_bite_before_a_group_becomes_active(alone: Reactor, hands: FakeHands,
                                                                           clock: Clock) -> None:
    """Else a daemon that hangs before its next tick would leave it active long after its permission has ended."""
    services = {name: replace(one, state=ServiceState.DISABLED, desired=ServiceState.DISABLED, action=None)
                for name, one in alone.view.local.services.items()}
    alone.view = replace(alone.view, local=replace(alone.view.local, services=services))
    lead(alone, clock)
    begun = next(index for index, (name, what) in enumerate(hands.done)
                 if name == "service" and isinstance(what, RunAction) and what.action is ServiceAction.ENABLE)
    told = [what for name, what in hands.done[:begun] if name == "permit"]
    assert told and told[-1] is not None and told[-1] <= clock.now_ms + alone.view.domain.config.timing.lease_ms
    assert watchdog_until(alone.view, alone.catalogue) is not None


def test_nothing_is_sent_while_the_store_refuses(alone: Reactor, hands: FakeHands, clock: Clock) -> None:
    hands.fault = StoreUnavailable(path="/x", reason="disk full")
    lead(alone, clock)
    assert "disk full" in alone.unstored
    # What was told before the first vote is all that was told.
    assert alone.view.domain.durable.vote.holder == "controller-0"
    assert all(what.vote.term == 0 for name, what in hands.done if name == "send")
    hands.fault = None
    alone.feed(Tick())
    assert hands.names()[-2:] == ["store", "send"] and not alone.unstored


def test_events_of_actions_wait_for_their_turn(site: Catalogue, clock: Clock) -> None:
    class Prompt(FakeHands):
        def service(self, action: object, former: ServiceSpec | None) -> None:
            self.done.append(("service", action))
            reactor.feed(ActionDone("vim", ServiceAction.AUDIT_ENABLED, 1, ActionResult.SUCCESS,
                                    ServiceState.ENABLED_ACTIVE))
            assert reactor.view.local.services["vim"].state is ServiceState.INITIAL

    hands = Prompt()
    reactor = Reactor(view_of(site), site, hands, clock)
    clock.now_ms += 200_000
    reactor.feed(Tick())
    assert "service" in hands.names()


def test_a_failing_step_drops_its_event_only(alone: Reactor, hands: FakeHands, clock: Clock,
                                             monkeypatch: pytest.MonkeyPatch,
                                             caplog: pytest.LogCaptureFixture) -> None:
    before, real = alone.view, module.step

    def fails(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(module, "step", fails)
    for _ in range(DEFECTS_MAX - 1):
        alone.feed(Tick())
    clock.now_ms += DEFECTS_WITHIN_MS + 1
    alone.feed(Tick())
    assert alone.view is before and not alone.broken
    assert "holder ''" in caplog.text and "ZeroDivisionError" in caplog.text
    monkeypatch.setattr(module, "step", real)
    alone.feed(Tick())
    assert "send" in hands.names()


def test_repeated_defects_stop_what_is_bound(alone: Reactor, hands: FakeHands, clock: Clock,
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    services = {name: replace(one, state=ServiceState.ENABLED_ACTIVE, desired=ServiceState.ENABLED_ACTIVE, action=None)
                for name, one in alone.view.local.services.items()}
    alone.view = replace(alone.view, local=replace(alone.view.local, services=services))
    assert alone.bound_active == ("cloud-services",)

    def fails(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(module, "step", fails)
    for _ in range(DEFECTS_MAX):
        alone.feed(Tick())
    assert alone.broken
    hands.done.clear()
    alone.feed(Tick())
    run = next(what for name, what in hands.done if name == "service")
    assert (run.service, run.action) == ("vim", ServiceAction.DISABLE)
    alone.feed(ActionDone("vim", ServiceAction.DISABLE, run.run_id, ActionResult.SUCCESS, ServiceState.DISABLED))
    assert alone.bound_active == () and "send" not in hands.names()


def test_a_changed_catalogue_is_adopted(alone: Reactor, hands: FakeHands) -> None:
    alone.adopt(Catalogue({}, {}))
    assert "vim" not in {*alone.catalogue.services}
    assert alone.view.local.groups == {} or alone.view.local.groups["cloud-services"].removed


@pytest.mark.parametrize("redefined", [True, False])
def test_what_left_the_catalogue_or_changed_is_stopped_as_it_was_defined(
        alone: Reactor, hands: FakeHands, site: Catalogue, redefined: bool) -> None:
    old = site.services["vim"]
    services = {name: replace(one, state=ServiceState.ENABLED_ACTIVE, desired=ServiceState.ENABLED_ACTIVE, action=None)
                for name, one in alone.view.local.services.items()}
    alone.view = replace(alone.view, local=replace(alone.view.local, services=services))
    hands.former.clear()
    alone.adopt(replace(site, services={"vim": replace(old, parameters={"ip": "10.10.10.9"})}) if redefined
                else Catalogue({}, {}))
    (name, former), = [one for one in hands.former if one[1] is not None]
    assert name == "vim" and former is not None
    assert former.actions[ServiceAction.DISABLE] == old.actions[ServiceAction.DISABLE] and former.parameters == {}

# SPDX-License-Identifier: Apache-2.0
"""How many services start at once, and which."""
from flock.core.records import replace
from sm.core.local.draft import Draft
from sm.core.local.throttle import starting
from sm.core.model import Catalogue
from tests.sim.service_catalogues import group, needs, service
from tests.unit.sm.core.local.engine import FAILED, Engine

NAMES = ("a", "b", "c", "d")


def throttled(limit, *rows):
    return Catalogue({"g": group("g", NAMES)}, {name: service(name) for name in NAMES}, rows, enabling_max=limit)


def test_no_more_than_the_limit_start_at_once():
    engine = Engine(throttled(2))
    assert engine.order("active").ran() == [("a", "enable"), ("b", "enable")]
    assert starting(Draft(engine.view, engine.catalogue, engine.now_ms)) == 2
    assert engine.done("b").ran() == [("c", "enable")]
    assert engine.done("a").ran() == [("d", "enable")]
    assert engine.done("c").done("d").group.state == "active"


def test_what_waits_for_others_takes_no_place():
    engine = Engine(throttled(1, *needs("a", "d"), *needs("b", "d")))
    assert engine.order("active").ran() == [("c", "enable")]
    assert engine.done("c").ran() == [("d", "enable")]
    assert engine.done("d").ran() == [("a", "enable")]


def test_a_start_that_fails_makes_room_and_queues_behind_the_others():
    engine = Engine(throttled(1))
    engine.order("active")
    assert engine.done("a", FAILED).ran() == [("a", "disable"), ("b", "enable")]
    engine.done("a").wait(1_500, audits=False)
    assert engine.done("b").ran() == [("c", "enable")]
    assert engine.done("c").ran() == [("d", "enable")]
    assert engine.done("d").ran() == [("a", "enable")]


def test_a_limit_below_one_lets_one_start():
    engine = Engine(throttled(0))
    assert engine.order("active").ran() == [("a", "enable")]
    assert engine.done("a").ran() == [("b", "enable")]


def test_a_higher_limit_takes_effect_at_once():
    engine = Engine(throttled(1))
    engine.order("active").adopt(replace(engine.catalogue, enabling_max=3))
    assert engine.ran() == [("b", "enable"), ("c", "enable")]

# SPDX-License-Identifier: Apache-2.0
"""The check of merged journals finds what it must find; and the scenarios are all there."""
import importlib
import re

from tests.duplex.journals import Line, both, parsed, spans

ZERO, ONE, GROUP = "controller-0", "controller-1", "cloud-services"
NUMBERS = {*range(1, 9), *range(11, 18), *range(19, 24), *range(25, 31)}


def lines(*told):
    return [Line(node, ms, text if " " in text else f"{GROUP} is {text} here") for node, ms, text in told]


def test_a_move_in_order_is_no_overlap():
    told = lines((ZERO, 1, "go-active"), (ZERO, 5, "active"), (ZERO, 10, "go-standby"), (ZERO, 20, "standby"),
                 (ONE, 20, "go-active"), (ONE, 25, "active"))
    assert spans(told) == {GROUP: [(ZERO, 1, 20), (ONE, 20, None)]}
    assert both(told, {GROUP}) == []


def test_one_that_starts_before_the_other_has_stopped_is_found():
    told = lines((ZERO, 1, "active"), (ONE, 15, "go-active"), (ZERO, 10, "go-standby"), (ZERO, 20, "standby"))
    assert both(told, {GROUP}) == [f"{GROUP} was active on both from 15 to 20 ms"]
    assert both(told, {"oam-services"}) == []


def test_a_group_that_failed_to_stop_still_serves():
    told = lines((ZERO, 1, "active"), (ZERO, 10, f"{GROUP} is go-standby here, failed action-failure"),
                 (ONE, 15, "active"), (ONE, 30, "standby"))
    assert both(told, {GROUP}) == [f"{GROUP} was active on both from 15 to 30 ms"]


def test_what_is_looked_at_after_a_boot_does_not_serve():
    told = lines((ZERO, 1, "active"), (ONE, 3, "disabling"), (ONE, 4, "disabled"), (ONE, 5, "go-standby"),
                 (ONE, 6, "standby"))
    assert both(told, {GROUP}) == []


def test_a_dead_host_serves_until_there_is_proof():
    dead = lines((ZERO, 1, "active"), (ONE, 30, "go-active"))
    proof = lines((ONE, 25, f"{ZERO} is out: it is switched off"))
    late = lines((ONE, 35, f"{ZERO} is out: it is switched off"))
    word = lines((ONE, 25, f"{ZERO} is out: its lease has ended"))
    fresh = lines((ZERO, 28, "the daemon starts and looks at all"))
    resumed = lines((ZERO, 28, "the daemon starts and goes on where the one before ended"))
    operator = lines((ONE, 25, f"an operator says that {ZERO} is off"))
    assert both(dead + proof, {GROUP}) == both(dead + operator, {GROUP}) == both(dead + fresh, {GROUP}) == []
    assert all(both(dead + more, {GROUP}) for more in (late, word + lines((ONE, 40, "active")),
                                                       resumed + lines((ONE, 40, "active"))))


def test_lines_that_a_crash_has_cut_are_left_out():
    assert parsed(ZERO, '{"at": "x", "ms": 5, "text": "a b"}\n{"at": "x", "ms"\n{"ms": 6}\n') == [Line(ZERO, 5, "a b")]


def test_all_scenarios_of_the_lab_are_there():
    names = [name for file in ("services", "moves", "networks")
             for name in vars(importlib.import_module(f"tests.duplex.test_duplex_{file}")) if name.startswith("test_")]
    numbers = {int(match[1]) for name in names if (match := re.match(r"test_scenario_(\d\d)_", name))}
    assert numbers >= NUMBERS

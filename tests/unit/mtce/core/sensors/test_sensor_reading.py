# SPDX-License-Identifier: Apache-2.0
"""Debounce, missing sensors, failed readings, actions and relearning, step by step."""
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtce.core.sensors import effects as fx
from mtce.core.sensors import model as models
from mtce.core.sensors import reading
from mtce.core.sensors.samples import Sample, Severity
from sysinv.contract.sensors import GroupSettings, SensorAction, SensorSettings

FANS = "server fans"
WORDS = {"ok": "ok", "major": "nc", "critical": "cr", "minor": "odd", "offline": "na"}


def fan(status, name="fan1"):
    return Sample(name, "RPM", WORDS[status], 100.0)


def model_of(*names, settings=(), first="ok"):
    samples = [fan(first, name) for name in names or ("fan1",)]
    return reading.read(models.learnt("10.0.0.1 ipmi", samples, settings), samples)[0]


def after(model, *words):
    """The model after readings of fan1; None is a reading without it."""
    notes = []
    for word in words:
        model, more = reading.read(model, [] if word is None else [fan(word)])
        notes += more
    return model, [note.text.partition(":")[0] for note in notes]


@pytest.mark.parametrize(("words", "status", "notes"), [
    (["critical"], "ok", []),
    (["critical", "critical"], "critical", []),
    (["critical", "ok"], "ok", ["transient"]),
    (["critical", "ok", "critical", "ok", "critical", "ok"], "ok", ["transient", "flapping"]),
    (["critical", "ok", "ok", "critical", "ok"], "ok", ["transient", "transient"]),
    (["major", "critical"], "ok", []),
    (["major", "critical", "critical"], "critical", []),
    (["critical", "critical", "ok"], "critical", []),
    (["critical", "critical", "ok", "ok"], "ok", []),
    (["offline", "offline"], "offline", []),
    ([None, None], "ok", []),
    ([None, None, None], "minor", []),
    ([None, None, None, "ok"], "minor", []),
    ([None, None, None, "ok", "ok"], "ok", []),
    ([None, None, "ok", None, None], "ok", []),
])
def test_a_status_counts_when_it_was_read_twice(words, status, notes):
    found, told = after(model_of(), *words)
    assert (found.sensors[0].status, told) == (status, notes)


def test_the_first_reading_counts_at_once():
    assert model_of(first="critical").sensors[0].status is Severity.CRITICAL


def test_a_missing_sensor_is_offline_at_once_and_back_with_its_reading():
    gone, _ = after(model_of(), None)
    assert (gone.sensors[0].state, gone.sensors[0].value) == ("offline", None)
    assert after(gone, "ok")[0].sensors[0].state == "enabled"


@given(st.lists(st.sampled_from([*WORDS, None]), max_size=30))
def test_no_status_is_acted_upon_that_was_not_read_twice_in_a_row(words):
    model, run, last = model_of(), 1, "ok"
    for word in words:
        run, last = (run + 1 if word == last else 1), word
        before = model.sensors[0].status
        model, _ = after(model, word)
        now = model.sensors[0].status
        if now is not before:
            assert (now == last and run >= 2) or (now is Severity.MINOR and last is None and run >= 3)


@pytest.mark.parametrize(("action", "severity", "alarm", "degraded", "logged", "strike"), [
    ("ignore", "minor", False, False, False, "ignore"), ("ignore", "major", False, False, False, "ignore"),
    ("ignore", "critical", False, False, False, "ignore"), ("log", "minor", False, False, True, "ignore"),
    ("log", "major", False, False, True, "ignore"), ("log", "critical", False, False, True, "ignore"),
    ("alarm", "minor", True, False, False, "ignore"), ("alarm", "major", True, True, False, "ignore"),
    ("alarm", "critical", True, True, False, "ignore"), ("reset", "critical", True, True, False, "reset"),
    ("power-cycle", "critical", True, True, False, "power-cycle"),
    ("alarm", "ok", False, False, False, "ignore"), ("alarm", "offline", False, False, False, "ignore")])
def test_effects_of_each_action(action, severity, alarm, degraded, logged, strike):
    word = SensorAction(action)
    settings = GroupSettings(FANS, minor=word, major=word, critical=word)
    model, due = fx.logs(model_of(settings=[settings], first=severity))
    found = fx.effects(model)
    assert found.alarms == ((("200.007", ".sensor=fan1", severity),) if alarm else ())
    assert (found.degraded, found.strike) == (degraded, strike)
    assert due == ((("200.007", ".sensor=fan1", severity),) if logged else ())
    assert fx.logs(model)[1] == ()
    for wanted in (SensorSettings([replace(settings, suppress=True)]), SensorSettings([settings], ["fan1"])):
        quiet = models.with_settings(model, wanted)
        assert fx.effects(quiet) == fx.Effects() and fx.logs(quiet)[1] == ()


def test_a_log_is_written_again_after_ok():
    model = model_of(first="major")
    model, due = fx.logs(model)
    assert len(due) == 1
    model, due = fx.logs(after(model, "ok", "ok")[0])
    assert due == ()
    assert len(fx.logs(after(model, "major", "major")[0])[1]) == 1


def test_a_power_cycle_comes_before_a_reset_and_names_its_sensor():
    settings = [GroupSettings(FANS, critical=SensorAction.RESET),
                GroupSettings("server temperature", critical=SensorAction.POWER_CYCLE)]
    samples = [fan("critical"), Sample("hot", "degrees C", "cr", 99.0)]
    model, _ = reading.read(models.learnt("b", samples, settings), samples)
    found = fx.effects(model)
    assert (found.strike, found.cause, len(found.alarms)) == ("power-cycle", "hot", 2)


def test_one_failed_reading_says_nothing_two_raise_an_alarm_per_group():
    model = model_of(first="critical")
    once = reading.failed(model)
    assert fx.effects(once) == fx.effects(model) and reading.pause_s(once) == 60
    twice = reading.failed(once)
    assert fx.effects(twice).alarms == (("200.007", ".sensor=fan1", "critical"),
                                        ("200.015", ".sensorgroup=server fans", "major"))
    assert fx.effects(reading.read(twice, [fan("critical")])[0]) == fx.effects(model)


def test_a_host_without_model_raises_the_alarm_of_the_profile():
    model = reading.failed(reading.failed(models.Model("b")))
    assert fx.effects(model).alarms == (("200.014", ".sensor=profile", "minor"),)


def test_ten_short_pauses_after_a_failure_then_the_interval():
    model, pauses = model_of(), []
    for _ in range(12):
        model = reading.failed(model)
        pauses.append(reading.pause_s(model))
    assert pauses == [60] * 10 + [120] * 2


def test_relearning_keeps_the_settings_of_groups_by_name_and_ends_suppressions_of_sensors():
    kept = GroupSettings(FANS, 30, critical=SensorAction.RESET)
    model = models.with_settings(model_of("fan1", "fan2"), SensorSettings([kept], ["fan2"]))
    samples = [fan("ok", "fan9"), Sample("t", "degrees C", "ok", 1.0)]
    again = models.learnt("other", samples, [group.settings for group in model.groups])
    assert [group.settings for group in again.groups] == [kept, GroupSettings("server temperature", 30)]
    assert [(sensor.name, sensor.suppress) for sensor in again.sensors] == [("fan9", False), ("t", False)]
    assert again.interval_s == 30


@pytest.mark.parametrize(("settings", "simplex", "text"), [
    (GroupSettings(FANS, 9), False, "the audit interval of server fans is below 10 s"),
    (GroupSettings(FANS, minor=SensorAction.RESET), False, "action reset of server fans is not allowed at minor"),
    (GroupSettings(FANS, major=SensorAction.POWER_CYCLE), False,
     "action power-cycle of server fans is not allowed at major"),
    (GroupSettings(FANS, critical=SensorAction.RESET), True,
     "action reset of server fans is not allowed on a system with one controller"),
    (GroupSettings(FANS, critical=SensorAction.RESET), False, None),
    (GroupSettings(FANS), True, None)])
def test_settings_that_are_refused(settings, simplex, text):
    assert models.settings_refusal(SensorSettings([settings]), 10, simplex=simplex) == text


@given(st.lists(st.sampled_from([*WORDS, None]), max_size=8))
def test_a_stored_model_is_the_same_model(words):
    model, _ = after(model_of("fan1", "fan2"), *words)
    assert models.from_document(models.to_document(model)) == model

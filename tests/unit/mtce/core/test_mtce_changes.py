# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest

from mtce.contract.states import HostAction
from mtce.core import changes
from mtce.core.view import Stage
from sysinv.contract.enums import Administrative, Availability, Operational


def test_update_holds_only_what_changed(story):
    before = story().view
    after = replace(before, availability=Availability.OFFLINE, task="Booting", sequence=7)
    update = changes.state_update(before, after)
    assert (update.availability, update.task, update.sequence) == ("offline", "Booting", 7)
    assert update.administrative is None
    assert update.operational is None
    assert update.uptime_s is None
    assert update.action_failed is None


def test_emptied_task_is_told(story):
    before = replace(story().view, task="Booting")
    assert changes.state_update(before, replace(before, task="")).task == ""


def test_silence_timer_is_neither_stored_nor_told(story):
    before = story().view
    after = replace(before, silent_ms=1, probe_ms=2, revision=9, sequence=9)
    assert not changes.must_store(before, after)
    assert changes.state_update(before, after) is None
    assert changes.must_store(before, replace(before, stage=Stage.BOOT_WAIT))


def test_first_update_holds_everything_and_aio_its_subfunction(story):
    view = replace(story("controller-0", personality="controller").view, subfunctions="controller,worker")
    update = changes.state_update(None, view)
    assert (update.administrative, update.operational, update.availability) == ("locked", "disabled", "online")
    assert (update.subfunction_oper, update.subfunction_avail) == ("disabled", "online")


def test_failed_action_is_told_once(story):
    before = story().view
    failed = replace(before, action_failed="reset")
    assert changes.state_update(before, failed).action_failed == "reset"
    assert changes.state_update(failed, failed) is None


def test_the_whole_state_tells_of_no_end(story):
    whole = changes.state_update(None, replace(story().view, action_failed="reset", task="Reset Failed"))
    assert (whole.action_failed, whole.error, whole.action) == (None, None, "none")


@pytest.mark.parametrize(("was", "now", "reason"), [
    ({}, {"action_failed": "reset", "task": "Reset Failed - BMC is not accessible"},
     "Reset Failed - BMC is not accessible"),
    ({}, {"stage": Stage.FAILED_WAIT, "action": HostAction.ENABLE, "task": "In-Test Failed, re-enabling"},
     "In-Test Failed, re-enabling"),
    ({"action": HostAction.ENABLE, "stage": Stage.TESTING},
     {"availability": Availability.FAILED, "task": "In-Test Failure, threshold reached"},
     "In-Test Failure, threshold reached"),
    ({"action": HostAction.ENABLE, "stage": Stage.TESTING}, {"degrade": ("enable",), "task": "Critical failure"},
     "Critical failure"),
    ({"administrative": Administrative.UNLOCKED, "operational": Operational.ENABLED},
     {"operational": Operational.DISABLED, "availability": Availability.FAILED, "action": HostAction.RECOVERY,
      "task": "Graceful Recovery", "alarms": (("200.005", ".network=Management", "critical"),)},
     "worker-0 is not answering heartbeats on the Management network."),
    ({"action": HostAction.ENABLE, "stage": Stage.TESTING}, {"stage": Stage.SERVICES, "action": HostAction.ENABLE,
                                                               "task": "Initializing"}, None),
    ({}, {"task": "Rebooting"}, None)])
def test_why_it_failed_is_told_with_the_time(story, was, now, reason):
    before = replace(story().view, **was)
    after = replace(before, **{"action": HostAction.NONE, "stage": Stage.IDLE, **now})
    update = changes.state_update(before, after, "2026-11-29T01:02:03+00:00")
    assert (update.error, update.error_at) == (reason, "2026-11-29T01:02:03+00:00" if reason else None)


def test_raised_severity_replaces_the_alarm_without_a_clear(story):
    major = replace(story().view, alarms=(("200.005", ".network=Management", "major"),))
    critical = replace(major, alarms=(("200.005", ".network=Management", "critical"),))
    assert changes.alarm_changes(major, critical) == ([("200.005", ".network=Management", "critical")], [])
    assert changes.alarm_changes(critical, replace(major, alarms=())) == (
        [], [("200.005", ".network=Management", "critical")])


def test_history_line(story):
    before = story().view
    assert changes.transition(before, replace(before, uptime_s=9)) is None
    line = changes.transition(before, replace(before, task="Testing"))
    assert (line.states, line.task) == ("locked-disabled-online", "Testing")

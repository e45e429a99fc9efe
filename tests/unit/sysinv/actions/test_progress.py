# SPDX-License-Identifier: Apache-2.0
"""What states from mtce, installers and silence do to a record."""
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flock.core.errors import InvalidInput
from sysinv.actions.progress import (
    SEQUENCE_STEP_MAX,
    ActionLimits,
    InstallLimits,
    action_audit,
    check_range,
    install_audit,
    state_changes,
    stored_install_state,
)
from sysinv.contract.records import HostStateUpdate
from sysinv.model.host import InventoryHost

HOST = InventoryHost(
    id=1, uuid="u1", hostname="worker-0", personality="worker", subfunctions="worker", subfunction_oper="disabled",
    subfunction_avail="not-installed", administrative="locked", operational="disabled", availability="online",
    invprovision="unprovisioned", inv_state="inventoried", action_state=None, install_state=None, ihost_action=None,
    mtce_action=None, action_text=None, mgmt_mac="08:00:27:be:6e:25",
    bm_type=None, bm_ip=None, bm_username=None, bm_secret=None,
    vim_progress_status=None, config_applied=None, config_target=None, mtce_sequence=5, revision=1)


def changes(host: InventoryHost = HOST, **fields: Any) -> dict[str, Any]:
    found = state_changes(host, HostStateUpdate(host_uuid="u1", sequence=6, **fields))
    assert found is not None
    return found


@given(st.integers(-3, 5))
def test_late_redelivery_is_dropped(sequence: int) -> None:
    assert state_changes(HOST, HostStateUpdate("u1", sequence, availability="failed")) is None


def test_only_given_fields_are_written_and_an_empty_task_empties() -> None:
    assert changes(task="") == {"mtce_sequence": 6, "task": None}
    assert changes(availability="offline", uptime_s=7) == {"mtce_sequence": 6, "availability": "offline", "uptime": 7}
    assert len(changes(task="x" * 100)["task"]) == 64


def test_first_unlock_provisions_in_two_steps() -> None:
    assert changes(administrative="unlocked")["invprovision"] == "provisioning"
    halfway = replace(HOST, administrative="unlocked", invprovision="provisioning")
    assert changes(halfway, operational="enabled")["invprovision"] == "provisioned"
    assert changes(replace(HOST, invprovision="provisioned"), administrative="unlocked").get("invprovision") is None
    assert "invprovision" not in changes(operational="enabled")
    upgrading = replace(HOST, administrative="unlocked", invprovision="upgrading")
    assert "invprovision" not in changes(upgrading, operational="enabled")


@pytest.mark.parametrize(("action", "fields", "ends"), [
    ("lock", {"administrative": "locked"}, True), ("lock", {"task": ""}, False),
    ("force-lock", {"administrative": "locked"}, True), ("unlock", {"administrative": "unlocked"}, True),
    ("unlock", {"administrative": "locked"}, False), ("reset", {"action": "none"}, True),
    ("reset", {"task": ""}, False), ("reset", {"action": "reset", "task": "Reset Requested"}, False),
    ("unlock", {"action_failed": "no"}, True)])
def test_when_an_action_ends(action: str, fields: dict[str, Any], ends: bool) -> None:
    found = changes(replace(HOST, ihost_action=action, mtce_action=action), **fields)
    assert ("ihost_action" in found and found["ihost_action"] is None) == ends


def test_the_end_of_an_earlier_action_is_not_that_of_the_wished_one() -> None:
    wished = replace(HOST, ihost_action="reset", mtce_action="reboot")
    assert "ihost_action" not in changes(wished, action="none")


def test_the_word_of_host_maintenance_stays_when_an_action_fails() -> None:
    found = changes(replace(HOST, ihost_action="reset", action_text="Resetting"), action_failed="reset",
                    task="Reset Failed - BMC is not accessible", error="Reset Failed - BMC is not accessible",
                    error_at="2026-11-29T01:02:03+01:00")
    assert (found["task"], found["action_text"], found["ihost_action"]) == (
        "Reset Failed - BMC is not accessible", None, None)
    assert (found["last_error"], found["last_error_at"].isoformat()) == (
        "Reset Failed - BMC is not accessible", "2026-11-29T00:02:03+00:00")


@pytest.mark.parametrize(("action", "fields", "cleared"), [
    (None, {"operational": "enabled"}, True), ("lock", {"administrative": "locked"}, True),
    ("unlock", {"administrative": "unlocked"}, False), ("reset", {"action": "none"}, True),
    (None, {"availability": "online"}, False)])
def test_the_last_error_stays_until_something_ended_well(action: str | None, fields: dict[str, Any],
                                                         cleared: bool) -> None:
    found = changes(replace(HOST, ihost_action=action, mtce_action=action), **fields)
    assert (found.get("last_error", "kept") is None) == cleared


def test_an_error_without_time_is_refused() -> None:
    with pytest.raises(InvalidInput, match="error_at"):
        changes(error="x")


def test_own_words_go_only_when_host_maintenance_has_a_word_on_the_action() -> None:
    assert "action_text" not in changes(replace(HOST, action_text="Deleting"), task="")
    assert changes(replace(HOST, ihost_action="lock", action_text="Locking"), task="Disabling")["action_text"] is None


def test_services_stay_off_while_a_lock_is_under_way() -> None:
    locking = replace(HOST, administrative="unlocked", operational="enabled", ihost_action="lock")
    assert "vim_progress_status" not in changes(locking, task="Disabling Services")
    assert changes(locking, action_failed="no")["vim_progress_status"] == "services-enabled"
    served = replace(locking, vim_progress_status="services-enabled")
    assert changes(served, administrative="locked")["vim_progress_status"] == "services-disabled"


def test_coming_online_completes_an_installation() -> None:
    booting = replace(HOST, install_state="booting")
    assert changes(booting, availability="online")["install_state"] == "completed"
    assert "install_state" not in changes(booting, availability="offline")
    assert stored_install_state("installed") == "booting" and stored_install_state("failed") == "failed"


@pytest.mark.parametrize(("state", "availability", "silent_s", "result"), [
    ("installing", "offline", 899, None), ("installing", "offline", 900, "failed"),
    ("preinstall", "offline", 900, "failed"),
    ("booting", "offline", 900, None), ("booting", "offline", 2400, "failed"), ("booting", "online", 0, "completed"),
    ("failed", "online", 0, "completed"), ("failed", "offline", 9999, None), ("completed", "offline", 9999, None),
    (None, "offline", 9999, None)])
def test_installations_that_fall_silent(state: str | None, availability: str, silent_s: int,
                                        result: str | None) -> None:
    assert install_audit(state, availability, silent_s, InstallLimits()) == result


@pytest.mark.parametrize(("action", "age_s", "resent", "clear", "resend"), [
    ("lock", 599, False, False, False), ("lock", 600, False, True, False), ("force-lock", 119, False, False, False),
    ("force-lock", 120, False, False, True), ("force-lock", 200, True, False, False),
    ("force-lock", 240, True, True, False), ("unlock", 9999, False, False, False), (None, 9999, False, False, False)])
def test_locks_that_nobody_answers(action: str | None, age_s: int, resent: bool, clear: bool, resend: bool) -> None:
    verdict = action_audit(action, age_s, resent, ActionLimits())
    assert (verdict.clear, verdict.resend) == (clear, resend)


def test_numbers_that_host_maintenance_cannot_have_reached_are_refused() -> None:
    check_range(HOST, HostStateUpdate("u1", HOST.mtce_sequence + SEQUENCE_STEP_MAX, uptime_s=2**31 - 1))
    for sequence in (-1, HOST.mtce_sequence + SEQUENCE_STEP_MAX + 1, 2**53):
        with pytest.raises(InvalidInput, match="sequence"):
            check_range(HOST, HostStateUpdate("u1", sequence))
    for uptime_s in (-1, 2**31):
        with pytest.raises(InvalidInput, match="uptime_s"):
            check_range(HOST, HostStateUpdate("u1", 6, uptime_s=uptime_s))

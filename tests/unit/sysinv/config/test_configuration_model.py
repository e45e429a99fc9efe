# SPDX-License-Identifier: Apache-2.0
"""Target and applied configuration: pure rules."""
from __future__ import annotations

import datetime
import itertools
import uuid
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysinv.config import model
from sysinv.config.model import Change, Order, OrderState
from sysinv.contract.records import ClassFailure, ConfigurationResult

NOW = datetime.datetime(2030, 1, 1, 12, tzinfo=datetime.UTC)
BEFORE = NOW - datetime.timedelta(seconds=600)
LATER = NOW + datetime.timedelta(seconds=600)


def name(number: int, *, reboot: bool = False) -> str:
    return model.new_uuid(uuid.UUID(int=number), reboot_required=reboot)


def order(number: int, **changes: object) -> Order:
    made = Order(id=number, config_uuid=name(number), reason="DNS servers", state=OrderState.PENDING,
                 classes=("platform::dns",), reboot_required=False, whole=False, ran=False, created_at=BEFORE,
                 alarm_at=LATER)
    return replace(made, **changes)  # type: ignore[arg-type]


def reboot_order(number: int, **changes: object) -> Order:
    return order(number, config_uuid=name(number, reboot=True), reboot_required=True, alarm_at=BEFORE, **changes)


def result(*numbers: int | str, **changes: object) -> ConfigurationResult:
    names = [name(one) if isinstance(one, int) else one for one in numbers]
    return replace(ConfigurationResult(names), **changes)  # type: ignore[arg-type]


def test_the_top_bit_of_the_name_says_that_a_reboot_is_needed() -> None:
    assert model.needs_reboot(name(5, reboot=True))
    assert not model.needs_reboot(name(5))
    assert name(5, reboot=True).startswith("80000000-")
    assert model.unmarked(name(5, reboot=True)) == name(5)


def test_a_target_inherits_the_mark_while_a_reboot_is_owed() -> None:
    fresh = uuid.UUID(int=7)
    assert not model.needs_reboot(model.target_after(fresh, False, [order(1)]))
    assert model.needs_reboot(model.target_after(fresh, False, [order(1), reboot_order(2)]))
    assert model.needs_reboot(model.target_after(fresh, True, []))


@pytest.mark.parametrize(("change", "concerned"), [
    (Change("x"), True), (Change("x", personalities=("worker",)), True),
    (Change("x", personalities=("storage",)), False), (Change("x", personalities=("controller",)), True),
    (Change("x", host_uuids=("u",)), True), (Change("x", host_uuids=("v",), personalities=("worker",)), False)])
def test_a_change_concerns_all_some_personalities_or_named_hosts(change: Change, concerned: bool) -> None:
    assert change.concerns("u", "controller", ("controller", "worker")) is concerned


def test_many_orders_make_one_run_in_their_sequence() -> None:
    orders = [order(3, classes=("a", "b")), order(1, classes=("b",)), order(2, classes=("c",), state=OrderState.FAILED)]
    assert model.classes_of(model.runnable(orders)) == ["b", "c", "a"]


def test_what_waits_for_a_boot_does_not_run_at_once() -> None:
    assert model.runnable([order(1, whole=True), reboot_order(2, ran=True)]) == []


def test_a_run_settles_its_orders_and_the_target_is_applied() -> None:
    settled = model.settle([order(1), order(2)], name(2), result(1, 2), NOW)
    assert {row: values["state"] for row, values in settled.orders.items()} == {1: "applied", 2: "applied"}
    assert settled.applied == name(2)


def test_an_order_that_came_meanwhile_keeps_the_host_out_of_date() -> None:
    settled = model.settle([order(1), order(2)], name(2), result(1), NOW)
    assert list(settled.orders) == [1]
    assert settled.applied is None


def test_a_class_that_fails_fails_only_the_orders_that_need_it() -> None:
    orders = [order(1, classes=("a",)), order(2, classes=("b",))]
    settled = model.settle(orders, name(2), result(1, 2, failures=[ClassFailure("b", "no such file")]), NOW)
    assert settled.orders[1]["state"] == "applied"
    assert settled.orders[2] == {"state": "failed", "error": "b: no such file", "settled_at": NOW}
    assert settled.applied is None


def test_a_failed_order_keeps_the_host_out_of_date_until_it_is_applied() -> None:
    failed = order(1, state=OrderState.FAILED, error="no")
    assert model.settle([failed, order(2)], name(2), result(2), NOW).applied is None
    assert model.settle([failed, order(2)], name(2), result(1, 2), NOW).applied == name(2)


def test_a_run_that_fails_as_a_whole_fails_every_order() -> None:
    settled = model.settle([order(1), order(2)], name(2), result(1, 2, error="syntax error"), NOW)
    assert [values["state"] for values in settled.orders.values()] == ["failed", "failed"]


def test_a_run_time_result_does_not_settle_what_needs_a_boot() -> None:
    target = name(1, reboot=True)
    settled = model.settle([reboot_order(1)], target, result(target), NOW)
    assert settled.orders[1]["state"] == "pending"
    assert settled.orders[1]["ran_at"] == NOW
    assert settled.applied == name(1), "all but the boot is done"


def test_a_boot_after_the_order_settles_it() -> None:
    target = name(1, reboot=True)
    booted = result(target, whole=True, uptime_s=60)
    assert model.settle([reboot_order(1)], target, booted, NOW).applied == target


def test_a_boot_before_the_order_does_not_settle_it() -> None:
    target = name(1, reboot=True)
    early = result(target, whole=True, uptime_s=3600)
    assert model.settle([reboot_order(1)], target, early, NOW).applied == name(1)


@pytest.mark.parametrize("uptime_s", [-1, 10**30])
def test_any_uptime_is_borne(uptime_s: int) -> None:
    target = name(1, reboot=True)
    settled = model.settle([reboot_order(1)], target, result(target, uptime_s=uptime_s), NOW)
    assert settled.orders[1]["state"] == "pending"


def test_texts_of_a_host_can_be_stored_whatever_they_are() -> None:
    settled = model.settle([order(1)], name(1), result(1, failures=[ClassFailure("platform::dns", "\x00" * 9999)]), NOW)
    assert len(str(settled.orders[1]["error"])) <= model.ERROR_MAX
    assert "\x00" not in str(settled.orders[1]["error"])


def test_results_about_others_change_nothing() -> None:
    assert model.settle([order(1)], name(1), result(9), NOW) == model.Settled({}, None)


def test_a_host_that_booted_without_its_orders_runs_all_of_them() -> None:
    whole = order(1, whole=True, reboot_required=True)
    assert model.booted_without([whole], NOW)
    assert not model.booted_without([whole], BEFORE - datetime.timedelta(seconds=1))
    assert not model.booted_without([order(1)], NOW)
    assert not model.booted_without([replace(whole, state=OrderState.FAILED)], NOW)


def test_what_is_being_applied_raises_no_alarm() -> None:
    assert model.alarm_reason("worker-0", None, name(1), [order(1)], NOW) is None
    assert model.alarm_reason("worker-0", name(1), name(1), [], NOW) is None
    assert model.alarm_reason("worker-0", None, None, [], NOW) is None


def test_an_owed_reboot_raises_the_alarm_at_once_with_both_names() -> None:
    target = name(2, reboot=True)
    assert model.alarm_reason("worker-0", name(1), target, [reboot_order(2)], NOW) == (
        f"worker-0 Configuration is out-of-date. (applied: {name(1)} target: {target})")


def test_a_failure_raises_the_alarm_and_says_why() -> None:
    failed = order(2, state=OrderState.FAILED, error="platform::dns: no")
    text = model.alarm_reason("worker-0", None, name(2), [failed], NOW)
    assert text is not None
    assert text.endswith(" DNS servers: platform::dns: no")


def test_a_run_replaces_only_the_keys_of_its_classes() -> None:
    before = {"a::x": 1, "b::y": 1, "b::old": 1}
    wanted = {"a::x": 2, "b::y": 2, "b::c::z": 3}
    assert model.merged(before, wanted, ["b"]) == {"a::x": 1, "b::y": 2}
    assert model.merged(before, wanted, None) == wanted


def test_differences_name_each_key_once() -> None:
    assert model.differences({"a": 1, "b": 1}, {"b": 2, "c": None, "d": 1}) == [
        {"key": "a", "applied": 1, "wanted": None}, {"key": "b", "applied": 1, "wanted": 2},
        {"key": "d", "applied": None, "wanted": 1}]


def test_entries_of_a_mapping_differ_one_by_one() -> None:
    before = {"n": {"eth0": {"mtu": 1500, "vlans": []}, "gone": {}}}
    wanted = {"n": {"eth0": {"mtu": 9000, "vlans": []}, "eth1": {"mtu": 1500}}}
    assert model.differences(before, wanted) == [
        {"key": "n[eth0][mtu]", "applied": 1500, "wanted": 9000},
        {"key": "n[eth1][mtu]", "applied": None, "wanted": 1500},
        {"key": "n[gone]", "applied": {}, "wanted": None}]


SETS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=6)


@given(kinds=SETS, cuts=st.lists(st.integers(0, 6), max_size=4), fails=st.booleans())
def test_a_host_is_current_only_when_nothing_is_open(kinds: list[tuple[bool, bool]], cuts: list[int],
                                                     fails: bool) -> None:
    """Any sequence of results: the target counts as applied exactly when the last open order is settled."""
    orders = [order(index + 1, config_uuid=name(index + 1, reboot=reboot), reboot_required=reboot,
                    created_at=BEFORE) for index, (reboot, _) in enumerate(kinds)]
    target = name(len(kinds), reboot=any(reboot for reboot, _ in kinds))
    states = {one.id: one for one in orders}
    applied: str | None = None
    for number, cut in zip(itertools.count(), cuts, strict=False):
        open_now = [one for one in states.values() if one.state is not OrderState.APPLIED]
        told = ConfigurationResult([one.config_uuid for one in open_now[:cut]], whole=number % 2 == 1, uptime_s=60,
                                   error="no" if fails and number == 0 else "")
        settled = model.settle(open_now, target, told, NOW)
        applied = settled.applied or applied
        for row_id, values in settled.orders.items():
            states[row_id] = replace(states[row_id], state=OrderState(str(values["state"])),
                                     ran=states[row_id].ran or "ran_at" in values)
    is_open = any(one.state is not OrderState.APPLIED for one in states.values())
    assert (applied == target) is not is_open


def test_hosts_do_not_run_what_is_held_and_a_boot_settles_it() -> None:
    held = order(1, held=True)
    assert [one.id for one in model.runnable([held, order(2)])] == [2]
    assert model.alarm_reason("h", "a", name(1), [replace(held, alarm_at=BEFORE)], NOW) is not None
    settled = model.settle([held, order(2)], name(2), result(2), NOW)
    assert (list(settled.orders), settled.applied) == ([2], None)
    settled = model.settle([held, order(2, whole=True)], name(2), result(1, 2, whole=True), NOW)
    assert (set(settled.orders), settled.applied) == ({1, 2}, name(2))

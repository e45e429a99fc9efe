# SPDX-License-Identifier: Apache-2.0
"""The agent's decisions, without clock, bus or machine."""
from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysinv.agent import plan
from sysinv.agent.plan import AgentView, Payload
from sysinv.contract.reports import Report, in_order, reports
from sysinv.resources.host.report import PlatformReport
from sysinv.resources.memory.report import MemoryReport

KNOWN = reports()
NOTHING: frozenset[str] = frozenset()
MEMORY = MemoryReport(numa_node=0, node_memtotal_mib=1000, memtotal_mib=1000, memavail_mib=500,
                      platform_reserved_mib=0, hugepages_nr_2m=0, hugepages_avail_2m=0, hugepages_nr_1g=0,
                      hugepages_avail_1g=0, pages_4k=0, supports_1g=False)
PLATFORM = PlatformReport(boot_id="b1", uptime_s=10, kernel_release="6.1", kernel_running="standard",
                          after_install=True, first_report=True)
CURRENT: dict[str, Payload] = {
    "platform": (PLATFORM,), "numa": ("node",), "port": ("port",), "pci_device": (), "cpu": ("cpu",),
    "memory": (MEMORY,), "disk": ("disk",), "lldp_agent": (), "lldp_neighbour": ("neighbour",),
    "partition": ("partition",), "lvg": (), "pv": (), "host_filesystems": ()}


def reported(view: AgentView, current: dict[str, Payload]) -> AgentView:
    for report, payload in current.items():
        view = plan.acknowledged(view, report, payload)
    return view


def test_nothing_is_due_without_an_own_record() -> None:
    assert plan.due(KNOWN, AgentView(), CURRENT, frozenset(KNOWN)) == ()


def test_first_series_in_order() -> None:
    assert plan.due(KNOWN, AgentView(host_uuid="h"), dict(reversed(CURRENT.items())), NOTHING) == tuple(KNOWN)


def test_each_kind_goes_out_behind_what_it_needs() -> None:
    first, second = Report("a", object, "", after=("b",)), Report("b", object, "")
    assert list(in_order([first, second])) == ["b", "a"]
    with pytest.raises(ValueError, match="twice"):
        in_order([second, second])
    with pytest.raises(ValueError, match="nobody declares"):
        in_order([first])


def test_what_the_conductor_does_not_know_is_not_waited_for_and_offered_again() -> None:
    view = reported(AgentView(host_uuid="h"), {kind: p for kind, p in CURRENT.items() if kind != "disk"})
    view = plan.not_known(view, "disk")
    assert plan.completion_due(KNOWN, view)
    assert plan.due(KNOWN, view, CURRENT, NOTHING) == ("disk",)
    view = plan.acknowledged(view, "disk", CURRENT["disk"])
    assert view.foreign == NOTHING
    assert plan.due(KNOWN, view, CURRENT, NOTHING) == ()


def test_failed_report_alone_is_due_again() -> None:
    view = reported(AgentView(host_uuid="h"), {r: p for r, p in CURRENT.items() if r != "cpu"})
    assert plan.due(KNOWN, view, CURRENT, NOTHING) == ("cpu",)
    assert not plan.completion_due(KNOWN, view)


def test_unchanged_is_not_sent_and_changed_is() -> None:
    view = reported(AgentView(host_uuid="h"), CURRENT)
    assert plan.due(KNOWN, view, CURRENT, NOTHING) == ()
    assert plan.due(KNOWN, view, {**CURRENT, "disk": ("disk", "another")}, NOTHING) == ("disk",)


def test_what_could_not_be_collected_is_not_due() -> None:
    current = {report: payload for report, payload in CURRENT.items() if report != "port"}
    assert "port" not in plan.due(KNOWN, AgentView(host_uuid="h"), current, frozenset(KNOWN))


def test_forced_reports_go_out_unchanged_and_stay_forced_until_answered() -> None:
    view = reported(AgentView(host_uuid="h"), CURRENT)
    view, unknown = plan.requested(KNOWN, view, ["audit_memory", "disk", "nonsense"])
    assert unknown == ("nonsense",)
    view, forced = plan.taken(view)
    assert plan.due(KNOWN, view, CURRENT, forced) == ("disk", "memory")
    assert plan.put_back(view, forced - {"memory"}).forced == {"disk"}


def test_request_during_an_audit_is_kept_for_the_next() -> None:
    view, forced = plan.taken(plan.requested(KNOWN, AgentView(host_uuid="h"), ["cpu"])[0])
    view, _ = plan.requested(KNOWN, view, ["cpu"])
    assert plan.put_back(view, forced - {"cpu"}).forced == {"cpu"}


def test_request_that_names_nothing_asks_for_all_but_only_unknown_names_for_nothing() -> None:
    assert plan.requested(KNOWN, AgentView(), [])[0].forced == set(KNOWN)
    assert plan.requested(KNOWN, AgentView(), ["audit_fs"])[0].forced == NOTHING


def test_complete_once_everything_is_acknowledged_and_told_once() -> None:
    view = AgentView(host_uuid="h")
    for report, payload in CURRENT.items():
        assert not plan.completion_due(KNOWN, view)
        view = plan.acknowledged(view, report, payload)
    assert plan.completion_due(KNOWN, view)
    assert not plan.completion_due(KNOWN, plan.completed(view))


def test_another_record_starts_over_and_the_same_does_not() -> None:
    view = plan.completed(reported(AgentView(host_uuid="h"), CURRENT))
    assert plan.found(view, "h") == view
    assert plan.found(view, "other") == AgentView(host_uuid="other")
    assert plan.lost(view) == AgentView()


@pytest.mark.parametrize(("moved_mib", "worth"), [(0, False), (50, False), (-50, False), (51, True), (-400, True)])
def test_free_memory_is_reported_when_it_moved_by_five_percent(moved_mib: int, worth: bool) -> None:
    new = replace(MEMORY, memavail_mib=MEMORY.memavail_mib + moved_mib)
    assert plan.changed(KNOWN["memory"], (MEMORY,), (new,)) is worth


def test_free_memory_is_compared_with_what_was_reported_not_with_the_last_look() -> None:
    view = reported(AgentView(host_uuid="h"), CURRENT)
    creeping = [replace(MEMORY, memavail_mib=500 - 20 * step) for step in range(1, 4)]
    assert [plan.due(KNOWN, view, {**CURRENT, "memory": (one,)}, NOTHING) for one in creeping] == [
        (), (), ("memory",)]


@pytest.mark.parametrize("change", [{"hugepages_nr_2m": 1}, {"node_memtotal_mib": 1001}, {"supports_1g": True}])
def test_any_other_change_of_memory_counts(change: dict[str, int]) -> None:
    assert plan.changed(KNOWN["memory"], (MEMORY,), (replace(MEMORY, **change),))


def test_a_node_more_or_less_counts() -> None:
    assert plan.changed(KNOWN["memory"], (MEMORY,), (MEMORY, replace(MEMORY, numa_node=1)))


def test_passing_time_is_no_change_of_the_platform_a_new_boot_is() -> None:
    later = replace(PLATFORM, uptime_s=9999, first_report=False, after_install=False)
    assert not plan.changed(KNOWN["platform"], (PLATFORM,), (later,))
    assert plan.changed(KNOWN["platform"], (PLATFORM,), (replace(later, boot_id="b2"),))


@given(st.text(max_size=20), st.booleans())
def test_pauses_are_bounded(hostname: str, failed: bool) -> None:
    pause_s = plan.wait_s(hostname, 60, 10, failed=failed)
    assert pause_s == 10 if failed else 60 <= pause_s <= 66


def test_hosts_are_spread() -> None:
    pauses = {plan.wait_s(f"worker-{number}", 60, 10, failed=False) for number in range(200)}
    assert len(pauses) == 200


REPORTS = st.sampled_from(list(KNOWN))


@given(st.lists(st.tuples(st.sampled_from(["ack", "force", "lose", "find"]), REPORTS), max_size=40))
def test_completion_is_never_due_while_anything_is_unacknowledged(events: list[tuple[str, str]]) -> None:
    view = AgentView()
    for kind, report in events:
        if kind == "ack" and view.host_uuid:
            view = plan.acknowledged(view, report, CURRENT[report])
        elif kind == "force":
            view, _ = plan.requested(KNOWN, view, [report])
        elif kind == "lose":
            view = plan.lost(view)
        elif kind == "find":
            view = plan.found(view, "h")
        if plan.completion_due(KNOWN, view):
            assert plan.due(KNOWN, view, CURRENT, NOTHING) == ()
            view = plan.completed(view)

# SPDX-License-Identifier: Apache-2.0
"""An operator repairs what mtce stores of a host; numbers and texts of agents out of range are refused."""
from dataclasses import replace

import pytest

from flock.core.errors import InvalidInput
from mtce.contract.records import STATE_SEQUENCE_MAX, CommandResult
from mtce.core import actions as act
from sysinv.contract.enums import Operational
from tests.unit.mtce.conductor.lives import UUID, enabled, locked_online


@pytest.mark.parametrize(("bring", "field", "value"), [
    (locked_online, "availability", "online"), (enabled, "operational", "enabled")])
@pytest.mark.parametrize(("ours", "theirs"), [(2**53, 2**53), (2**53, 7), (None, 2**53), (None, 500), (2**62, 3)])
def test_resync_counts_from_a_number_in_range_and_stores_it(bench, ours, theirs, bring, field, value):
    bring(bench)
    entry = bench.loop.roster.get(UUID)
    before = entry.view.sequence
    if ours is not None:
        entry.view = replace(entry.view, sequence=ours)
    status = bench.hosts.resync_host(host_uuid=UUID, sequence=theirs)
    assert status is not None and getattr(status, field) == value
    known = [number for number in (ours or before, theirs) if number <= STATE_SEQUENCE_MAX]
    assert status.sequence == max(known, default=0) + 1
    bench.restart()
    assert bench.status().sequence >= status.sequence and bench.status().sequence < 1000
    assert bench.hosts.resync_host(host_uuid="unknown", sequence=1) is None


def test_resync_lets_a_host_be_heard_again_whose_boot_a_forged_message_replaced(bench):
    locked_online(bench)
    bench.alive("forged")
    bench.alive("boot-1", sequence=9, uptime_s=5000)
    assert bench.loop.roster.get(UUID).view.boot_id == "forged", "the real boot counts as a past one"
    bench.hosts.resync_host(host_uuid=UUID, sequence=1)
    bench.effects.wait_for(act.RequestAlive)
    assert bench.effects.of(act.SetLocked)[-1] == act.SetLocked(True)
    bench.alive("boot-1", sequence=10)
    assert bench.loop.roster.get(UUID).view.boot_id == "boot-1"


def test_resync_runs_a_stopped_state_machine_again(bench):
    locked_online(bench)
    entry = bench.loop.roster.get(UUID)
    entry.view, entry.broken = replace(entry.view, operational=Operational.ENABLED), "it stopped"
    status = bench.hosts.resync_host(host_uuid=UUID, sequence=1)
    assert (status.operational, status.availability) == ("disabled", "offline") and bench.loop.troubles() is None
    bench.alive("boot-1", sequence=11)
    assert bench.status().availability == "online"


@pytest.mark.parametrize("forged", [
    {"sequence": 2**60}, {"sequence": -1}, {"uptime_s": 2**31}, {"uptime_s": -1}, {"boot_id": ""},
    {"boot_id": "b" * 65}, {"goenabled_failed": "t" * 1025}])
def test_an_alive_out_of_range_changes_nothing(bench, forged):
    locked_online(bench)
    before = bench.loop.roster.get(UUID).view
    with pytest.raises(InvalidInput) as refused:
        bench.alive(**forged)
    assert refused.value.params["field"] in forged
    bench.settle()
    assert bench.loop.roster.get(UUID).view == before


def test_a_result_out_of_range_is_refused(bench):
    locked_online(bench)
    for forged in ({"boot_id": "b" * 65}, {"command": "c" * 65}, {"request_id": "r" * 256}, {"detail": "d" * 4097}):
        with pytest.raises(InvalidInput):
            bench.agents.command_result(result=replace(CommandResult(UUID, "boot-1", "goenabled", "1", True), **forged))


def test_a_number_out_of_range_in_a_record_does_not_count(bench):
    bench.hosts.put_host(host=bench.host(state_sequence=2**53))
    assert bench.status().sequence < 1000

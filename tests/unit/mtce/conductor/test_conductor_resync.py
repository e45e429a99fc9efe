# SPDX-License-Identifier: Apache-2.0
"""An operator has the states of one host counted and told anew."""
from dataclasses import replace

import pytest

from mtce.contract.records import STATE_SEQUENCE_MAX
from mtce.core import actions as act
from sysinv.contract.enums import Operational
from tests.unit.mtce.conductor.lives import UUID, enabled, locked_online


@pytest.mark.parametrize(("ours", "theirs"), [(2**53, 2**53), (2**53, 7), (None, 2**53), (None, 500), (2**62, 3)])
def test_resync_counts_from_a_number_in_range_and_stores_it(bench, ours, theirs):
    enabled(bench)
    entry = bench.loop.roster.get(UUID)
    before = entry.view.sequence
    if ours is not None:
        entry.view = replace(entry.view, sequence=ours)
    status = bench.hosts.resync_host(host_uuid=UUID, sequence=theirs)
    assert status is not None and status.operational == "enabled"
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

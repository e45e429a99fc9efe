# SPDX-License-Identifier: Apache-2.0
"""An event that comes between a timer's end and its tick is taken as any other; the tick follows."""

import pytest

from mtce.contract.records import MtcAlive
from mtce.contract.states import HostAction
from mtce.core.events import Alive, BmcAnswer, Pulse, RebootAnswer, Tick
from mtce.core.fsm import machine, step
from mtce.core.legal import InvariantBroken
from mtce.core.settings import Settings
from mtce.core.view import Level, MaintainedHost, Network, Stage
from sysinv.contract.enums import Administrative, Availability, Operational

SOAKING = MaintainedHost(
    uuid="0f6cbb5e-2a0e-4c0e-8f0e-0d8c5c0a1b70", hostname="worker-0", personality="worker", subfunctions="worker",
    mgmt_ip="192.168.204.10", cluster_host_ip="192.168.206.10", administrative=Administrative.UNLOCKED,
    operational=Operational.DISABLED, availability=Availability.INTEST, action=HostAction.ENABLE,
    stage=Stage.HEARTBEAT_SOAK, deadline_ms=1_000, boot_id="b", left_boot_id="b", monitored=True, epoch=1,
    mgmt=Level.OK, cluster_host=Level.OK)
ALIVE = MtcAlive(SOAKING.uuid, "worker-0", "b", 60, 1, True, True, False, True, None, False, True)


@pytest.mark.parametrize("event", [
    Alive(ALIVE), Pulse(Network.MGMT, Level.MINOR, 1), Pulse(Network.MGMT, Level.OK, 1), BmcAnswer("x", True),
    RebootAnswer("x", True)])
def test_late_event_leaves_the_timer_to_its_tick(event) -> None:
    view, _ = step(SOAKING, event, 1_005, Settings())
    assert view.stage is Stage.HEARTBEAT_SOAK
    view, _ = step(view, Tick(), 1_006, Settings())
    assert view.states() == ("unlocked", "enabled", "available")


def test_a_tick_must_handle_what_is_due(monkeypatch) -> None:
    monkeypatch.setitem(machine._ADVANCE, HostAction.ENABLE, lambda draft, event: None)
    with pytest.raises(InvariantBroken, match="left a timer"):
        step(SOAKING, Tick(), 1_005, Settings())

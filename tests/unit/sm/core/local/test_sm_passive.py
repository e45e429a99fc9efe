# SPDX-License-Identifier: Apache-2.0
"""What stands by, or is on its way there, is not active."""
import pytest

from sm.contract.states import ServiceAction
from sm.core.events import ProcessDied, SetManaged
from tests.sim.service_catalogues import WARM
from tests.unit.sm.core.local.engine import ACTIVE, FAILED, Engine, single

A = ServiceAction


@pytest.mark.parametrize("fails", [False, True])
def test_a_start_to_stand_by_makes_nothing_active(fails):
    """A standby whose database takes long to start holds no lease; the watchdog must not reset it for that."""
    engine = Engine(single("db", WARM)).order("standby")
    assert engine.running("db") is A.ENABLE and not engine.view.is_active("g")
    if fails:
        engine.done("db", FAILED)
        assert engine.running("db") is A.DISABLE and not engine.view.is_active("g")
        engine.done("db").wait(1_000, audits=False)
        assert engine.running("db") is A.ENABLE and not engine.view.is_active("g")
    engine.done("db").order("active")
    assert engine.running("db") is A.GO_ACTIVE and engine.view.is_active("g")
    engine.done("db", FAILED)
    assert engine.view.is_active("g")


def test_what_stands_by_is_not_active_while_it_is_repaired():
    engine = Engine(single("db", WARM)).order("standby").answer()
    engine.tell(ProcessDied("db", "killed"))
    assert engine.running("db") is A.DISABLE and not engine.view.is_active("g")
    engine.tell(SetManaged("db", False))
    assert engine.view.is_active("g")


def test_a_start_of_what_was_never_proven_stopped_may_be_active():
    engine = Engine(single("db", WARM), found=None)
    engine.done("db", state=ACTIVE).order("standby")
    assert engine.view.is_active("g")

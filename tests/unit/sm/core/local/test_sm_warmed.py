# SPDX-License-Identifier: Apache-2.0
"""A service that stands by with everything loaded: stopped, it delays nobody, and it is started again later."""
import pytest

from flock.core.records import replace
from sm.contract.states import GroupState, PluginKind, ServiceAction
from sm.core.events import ProcessDied
from sm.core.model import Catalogue, Dependency
from tests.sim.service_catalogues import WARM, WARMED, group, service
from tests.unit.sm.core.local.engine import ACTIVE, DISABLED, FAILED, STANDBY, Engine, single

A = ServiceAction
PAUSE_MS = 30_000


def unit(name):
    """A unit of systemd that loads its program and waits."""
    spec = service(name, WARMED)
    return replace(spec, actions={kind: replace(one, plugin=PluginKind.SYSTEMD) for kind, one in spec.actions.items()})


def alone():
    return Catalogue({"g": group("g", ["app"])}, {"app": unit("app")})


def app_on_db():
    """``app``, which is warmed, goes active after ``db``, which is promoted and demoted."""
    rows = (Dependency("app", A.GO_ACTIVE, "db", ACTIVE), Dependency("db", A.GO_STANDBY, "app", STANDBY),
            Dependency("db", A.DISABLE, "app", DISABLED))
    return Catalogue({"g": group("g", ["app", "db"])},
                     {"app": unit("app"), "db": service("db", WARM)}, rows)


def test_it_is_started_before_it_is_needed_and_made_active_when_it_may():
    engine = Engine(app_on_db()).order("standby")
    assert engine.running("app") is A.ENABLE and engine.running("db") is A.ENABLE
    engine.answer()
    assert engine["app"].state is STANDBY and engine.group.state is GroupState.STANDBY
    engine.order("active")
    assert engine.running("app") is None and engine.running("db") is A.GO_ACTIVE
    engine.done("db")
    assert engine.running("app") is A.GO_ACTIVE and engine.view.is_active("g")
    engine.done("app")
    assert engine.group.state is GroupState.ACTIVE


def test_a_group_stands_by_when_it_is_stopped_and_it_starts_later():
    engine = Engine(alone()).up().order("standby")
    assert engine.running("app") is A.DISABLE and engine.view.is_active("g")
    engine.done("app")
    assert engine.group.state is GroupState.STANDBY and not engine.view.is_active("g")
    assert engine.running("app") is None, "what goes active elsewhere now needs the processor"
    engine.wait(PAUSE_MS - 100, audits=False)
    assert engine.running("app") is None
    engine.wait(200, audits=False)
    assert engine.running("app") is A.ENABLE
    assert engine.group.state is GroupState.STANDBY and not engine.view.is_active("g")
    engine.done("app")
    assert engine["app"].state is STANDBY and engine["app"].fail_count == 0


def test_data_is_followed_again_at_once():
    """Only loading a program can wait."""
    engine = Engine(single("db", WARMED)).up().order("standby")
    engine.done("db")
    assert engine.group.state is GroupState.STANDBY and engine.running("db") is A.ENABLE
    assert not engine.view.is_active("g")


def test_an_order_to_go_active_does_not_wait_for_the_pause():
    engine = Engine(alone()).up().order("standby")
    engine.done("app").order("active")
    assert engine.running("app") is A.ENABLE
    engine.done("app")
    assert engine.running("app") is A.GO_ACTIVE


def test_what_it_uses_does_not_wait_for_its_start_to_stand_by():
    engine = Engine(app_on_db()).up().order("standby")
    assert engine.running("app") is A.DISABLE and engine.running("db") is None
    engine.done("app")
    assert engine.running("db") is A.GO_STANDBY
    engine.wait(PAUSE_MS, audits=False)
    assert engine.running("app") is A.ENABLE
    engine.done("db")
    assert engine.group.state is GroupState.STANDBY


def test_a_database_that_is_repaired_takes_it_down_and_back():
    engine = Engine(app_on_db()).up()
    engine.tell(ProcessDied("db", "killed")).answer()
    assert engine["db"].state is ACTIVE and engine["app"].state is ACTIVE


@pytest.mark.parametrize("died", [False, True])
def test_a_failure_to_stand_by_shows(died):
    engine = Engine(alone()).order("standby")
    if died:
        engine.answer()
        engine.tell(ProcessDied("app", "killed"))
        assert engine["app"].fail_count == 1
    else:
        engine.done("app", FAILED)
        assert engine["app"].action_failures == 1
    assert engine.running("app") is A.DISABLE and not engine.view.is_active("g")


def test_what_is_found_at_work_on_a_standby_is_stopped():
    engine = Engine(alone(), found=None)
    engine.done("app", state=ACTIVE).order("standby")
    assert engine.running("app") is A.DISABLE and engine.view.is_active("g")


def test_disabled_means_stopped():
    engine = Engine(alone()).order("standby").answer().order("disabled").answer()
    assert engine["app"].state is DISABLED and engine.group.state is GroupState.DISABLED
    engine.wait(60_000, audits=False)
    assert engine["app"].state is DISABLED

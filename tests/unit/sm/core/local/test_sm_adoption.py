# SPDX-License-Identifier: Apache-2.0
"""A catalogue that changes while services run, and a view of an earlier process."""
from flock.core.codec import codec_for
from flock.core.records import replace
from sm.contract.states import GroupState, ServiceAction, ServiceState
from sm.core.actions import CancelAction, RunAction
from sm.core.events import ProcessDied, SetManaged
from sm.core.local.adoption import resume
from sm.core.local.view import LocalView
from sm.core.model import Catalogue
from tests.sim.service_catalogues import WARM, group, needs, service
from tests.unit.sm.core.local.engine import ACTIVE, DISABLED, FAILED, STANDBY, Engine, chain, single

A = ServiceAction


def without(catalogue, *names):
    """The catalogue without some services, and without groups that are left empty."""
    groups = {one.name: replace(one, members=tuple(member for member in one.members if member.service not in names))
              for one in catalogue.groups.values()}
    return Catalogue({name: one for name, one in groups.items() if one.members},
                     {name: spec for name, spec in catalogue.services.items() if name not in names},
                     tuple(row for row in catalogue.dependencies if not {row.service, row.dependent} & set(names)))


def resumed(engine):
    codec = codec_for(LocalView)
    engine.now_ms += 500
    stored = codec.decode(codec.encode(engine.view, "view"), "view")
    assert stored == engine.view
    engine.view, engine.actions = resume(stored, engine.catalogue, engine.now_ms)
    return engine


def test_a_new_service_of_an_active_group_is_looked_at_and_started():
    engine = Engine(without(chain(), "app")).up()
    assert engine.adopt(chain()).ran() == [("app", "audit-enabled")]
    assert engine.group.state == "active"
    assert engine.done("app", state=DISABLED).ran() == [("app", "enable")]
    engine.done("app")
    assert engine["app"].state is ACTIVE


def test_a_removed_service_stops_and_is_forgotten():
    engine = Engine(chain()).up()
    assert engine.adopt(without(chain(), "app")).ran() == [("app", "disable")]
    assert engine.view.former["app"].spec.actions == chain().services["app"].actions
    assert "removed" in engine.explain("app")
    engine.done("app")
    assert set(engine.view.services) == {"ip", "db"} and engine.view.former == {}
    assert engine.group.state == "active"


def test_removed_services_stop_in_the_order_of_the_old_catalogue():
    engine = Engine(chain()).up()
    assert engine.adopt(Catalogue({}, {})).ran() == [("app", "disable")]
    assert engine.view.is_active("g") and engine.group.removed
    assert engine.done("app").ran() == [("db", "disable")]
    assert engine.done("db").ran() == [("ip", "disable")]
    assert engine.done("ip").view.groups == {} and engine.view.services == {}


def test_a_removed_service_that_does_not_stop_is_tried_for_ever_and_counts_as_active():
    engine = Engine(chain(max_transition_failures=3)).up()
    engine.adopt(without(chain(), "app"))
    for _ in range(5):
        engine.done("app", FAILED)
        assert engine["app"].is_active
        engine.wait(60_000)
        assert engine.running("app") is A.DISABLE
    engine.done("app")
    assert "app" not in engine.view.services


def test_a_stopped_service_is_forgotten_at_once():
    engine = Engine(chain())
    assert engine.adopt(without(chain(), "app")).actions == ()
    assert set(engine.view.services) == {"ip", "db"}


def test_a_start_of_a_removed_service_is_killed():
    engine = Engine(single())
    engine.order("active")
    engine.adopt(Catalogue({}, {}))
    assert engine.cancelled() == ["svc"] and engine.ran() == [("svc", "disable")]


def test_an_unmanaged_service_is_forgotten_without_being_touched():
    engine = Engine(single()).up()
    engine.tell(SetManaged("svc", False))
    assert engine.adopt(Catalogue({}, {})).ran() == [] and engine.view.services == {}


def test_an_unmanaged_service_whose_definition_has_changed_stays():
    engine = Engine(chain()).up()
    changed = replace(chain().services["app"], parameters={"a": "b"})
    engine.adopt(replace(chain(), services=chain().services | {"app": changed}))
    assert engine.running("app") is A.DISABLE
    engine.tell(SetManaged("app", False))
    assert engine["app"].state is ACTIVE and engine["app"].is_active and engine.view.former == {}
    assert engine.tell(SetManaged("app", True)).done("app", state=ACTIVE).ran() == []


def test_a_service_that_is_redefined_does_not_wait_for_a_user_that_has_returned():
    def warm(version):
        services = {name: service(name, WARM, parameters={"version": version}) for name in ("base", "top")}
        return Catalogue({"g": group("g", services)}, services, tuple(needs("top", "base")))
    engine = Engine(warm("1"))
    engine.order("standby").answer().adopt(warm("2"))
    assert engine.ran() == [("top", "disable")]
    assert engine.done("top").ran() == [("base", "disable"), ("top", "enable")]
    engine.done("top").done("base", FAILED)
    engine.wait(1_100, audits=False)
    assert engine["top"].state is STANDBY and engine.running("base") is A.DISABLE
    engine.done("base").answer()
    assert engine.group.state == "standby" and engine.view.former == {} and engine["base"].state is STANDBY


def test_a_service_that_returns_before_it_has_stopped_is_started_again():
    engine = Engine(chain()).up()
    engine.adopt(without(chain(), "app")).adopt(chain())
    assert engine.done("app").ran() == [("app", "enable")]
    engine.done("app")
    assert engine["app"].state is ACTIVE and engine.view.former == {}


def test_a_group_that_returns_waits_for_an_order():
    engine = Engine(single()).up()
    engine.adopt(Catalogue({}, {})).adopt(single())
    assert engine.done("svc").ran() == [] and not engine.group.removed
    assert engine.order("active").ran() == [("svc", "enable")]


def test_a_group_without_orders_starts_nothing_new():
    engine = Engine(Catalogue({}, {}))
    assert engine.adopt(single()).ran() == [("svc", "audit-enabled")]
    assert engine.done("svc", state=DISABLED).ran() == [] and engine.group.state == "disabled"


def test_a_changed_definition_is_stopped_as_it_was_and_started_as_it_is():
    before = chain()
    moved = replace(before.services["ip"], parameters={"ip": "fd00::2"})
    after = replace(before, services=before.services | {"ip": moved})
    engine = Engine(before).up()
    engine.adopt(after)
    assert engine.ran() == [("app", "disable")]
    engine.done("app").done("db")
    assert engine.ran() == [("ip", "disable")] and engine.view.former["ip"].spec.parameters == {}
    assert engine.done("ip").ran() == [("ip", "enable")] and engine.view.former == {}
    assert engine.answer().group.state == "active"


def test_a_changed_limit_or_period_of_audits_restarts_nothing():
    before = single()
    engine = Engine(before).up()
    engine.adopt(single(interval_s=5, timeout_s=60, max_failures=9))
    assert engine.ran() == [] and engine.view.former == {}


def test_a_changed_definition_of_a_stopped_service_takes_effect_at_the_next_start():
    engine = Engine(single())
    engine.adopt(single(parameters={"a": "b"}))
    assert engine.view.former == {} and engine.order("active").ran() == [("svc", "enable")]


def test_a_service_that_moves_to_another_group_follows_its_order():
    def parted(one, other):
        return Catalogue({"g": group("g", one), "h": group("h", other)}, {name: service(name) for name in "ab"})
    engine = Engine(parted("ab", ""))
    engine.order("active").order("standby", "h").answer()
    assert engine.adopt(parted("a", "b")).ran() == [("b", "disable")]
    assert engine.view.groups["h"].state == "go-standby"
    engine.done("b")
    assert engine.view.groups["h"].state == "standby" and engine.group.state == "active"


def test_after_a_restart_of_the_process_all_is_looked_at_and_left_until_ordered():
    engine = resumed(Engine(chain()).up())
    assert engine.ran() == [(name, "audit-enabled") for name in ("ip", "db", "app")]
    assert engine.view.active_groups == {"g"} and engine.group.desired == "initial"
    for name in ("ip", "db"):
        assert engine.done(name, state=ACTIVE).ran() == []
    engine.done("app", state=DISABLED)
    assert engine.tell(ProcessDied("db", "killed")).ran() == [("db", "audit-enabled")]
    engine.done("db", state=ACTIVE)
    assert engine.order("active").ran() == [("app", "enable")]
    assert engine.done("app").group.state == "active"


def test_what_ran_when_the_process_ended_is_killed_before_anything_else():
    engine = Engine(chain())
    engine.order("active")
    run_id = engine["ip"].run_id
    resumed(engine)
    assert engine.actions[0] == CancelAction("ip", run_id)
    assert min(action.run_id for action in engine.actions if isinstance(action, RunAction)) > run_id
    engine.done("ip", state=DISABLED)
    assert engine.ran() == [] and engine.order("disabled").group.state == "disabling"


def test_counters_and_unmanaged_services_survive_a_restart_of_the_process():
    engine = Engine(chain()).up()
    engine.tell(SetManaged("app", False))
    for _ in range(2):
        engine.tell(ProcessDied("db", "killed")).answer("db")
    resumed(engine)
    assert not engine["app"].managed and engine["app"].state is ACTIVE and engine["app"].is_active
    engine.done("ip", state=ACTIVE).done("db", state=DISABLED)
    assert engine["db"].fail_count == 2
    assert engine.order("active").ran() == []
    assert any(isinstance(action, RunAction) and action.action is A.ENABLE for action in engine.wait(90_000).actions)


def test_a_removal_goes_on_after_a_restart_of_the_process():
    engine = Engine(chain()).up()
    engine.adopt(without(chain(), "app"))
    resumed(engine)
    assert engine.done("app", state=ACTIVE).ran() == [("app", "disable")]
    engine.done("app")
    assert "app" not in engine.view.services


def test_services_that_nobody_can_stop_are_dropped_after_a_restart_of_the_process():
    engine = Engine(chain()).up()
    engine.catalogue = without(chain(), "app")
    resumed(engine)
    assert set(engine.view.services) == {"ip", "db"}


def test_a_reboot_that_was_due_is_not_carried_over():
    engine = Engine(single(max_transition_failures=1, group_fields={"fatal_error_reboot": True}))
    engine.order("active").done("svc", FAILED).done("svc").order("standby", escalate=True)
    assert engine.view.reboot_ms is not None
    assert resumed(engine).view.reboot_ms is None
    assert engine["svc"].given_up and engine["svc"].state is ServiceState.UNKNOWN


def test_removed_groups_keep_stopping_after_a_restart_of_the_process():
    engine = Engine(single()).up()
    engine.adopt(Catalogue({}, {}))
    resumed(engine)
    assert engine.group.desired is GroupState.DISABLED
    engine.done("svc", state=ACTIVE).answer()
    assert engine.view.groups == {}


def test_a_removed_service_has_its_users_stop_first_only_among_those_that_leave():
    engine = Engine(Catalogue({"g": group("g", "abc")}, {name: service(name) for name in "abc"},
                              (*needs("b", "a"), *needs("c", "a")))).up()
    engine.adopt(Catalogue({"g": group("g", "c")}, {"c": service("c")}))
    assert engine.ran() == [("b", "disable")]
    assert engine.done("b").ran() == [("a", "disable")]
    engine.done("a")
    assert set(engine.view.services) == {"c"} and engine["c"].state is ACTIVE

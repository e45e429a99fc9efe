# SPDX-License-Identifier: Apache-2.0
"""What the view answers: activity, shown states, deadlines; and that it can be stored."""
import pytest

from flock.core.codec import codec_for
from flock.core.records import names
from sm.contract.states import Condition, ServiceAction, ServiceState, Status
from sm.core.events import SetManaged
from sm.core.local import settle
from sm.core.local.draft import Draft
from sm.core.local.view import LocalView, ServiceView, Settings, next_deadline_ms
from sm.core.model import Catalogue
from tests.sim.service_catalogues import controller
from tests.unit.sm.core.local.engine import Engine, chain, single

S = ServiceState


@pytest.mark.parametrize(("fields", "active"), [
    ({"state": S.INITIAL}, True), ({"state": S.UNKNOWN}, True), ({"state": S.ENABLING}, True),
    ({"state": S.DISABLING}, True), ({"state": S.ENABLED_ACTIVE}, True), ({"state": S.ENABLED_GO_STANDBY}, True),
    ({"state": S.ENABLED_GO_ACTIVE}, True), ({"state": S.DISABLED}, True), ({"state": S.SHUTDOWN}, True),
    ({"state": S.ENABLED_STANDBY}, False), ({"state": S.ENABLED_STANDBY, "managed": False}, True),
    ({"state": S.DISABLED, "stopped": True}, False), ({"state": S.SHUTDOWN, "stopped": True}, False),
    ({"state": S.DISABLED, "managed": False}, True), ({"state": S.DISABLED, "managed": False, "stopped": True}, False)])
def test_active_until_proven_otherwise(fields, active):
    view = LocalView({"a": ServiceView("a", group="g", **fields)})
    assert view.is_active() is view.is_active("g") is active
    assert not view.is_active("other")
    assert view.active_groups == ({"g"} if active else set())


@pytest.mark.parametrize(("fields", "shown"), [
    ({"state": S.DISABLED, "stopped": True, "desired": S.ENABLED_STANDBY}, S.ENABLED_STANDBY),
    ({"state": S.DISABLED, "managed": False, "desired": S.ENABLED_STANDBY}, S.ENABLED_STANDBY),
    ({"state": S.DISABLED, "desired": S.ENABLED_STANDBY}, S.DISABLED),
    ({"state": S.DISABLED, "stopped": True, "desired": S.DISABLED}, S.DISABLED),
    ({"state": S.DISABLING, "desired": S.ENABLED_STANDBY}, S.DISABLING)])
def test_a_service_stopped_for_standby_is_shown_as_standing_by(fields, shown):
    assert ServiceView("a", **fields).shown_state is shown


def test_the_engine_has_the_last_word_on_status_and_condition():
    service = ServiceView("a", reported=Status.WARN, reported_condition=Condition.DATA_SYNCING)
    assert (service.status, service.condition) == (Status.WARN, Condition.DATA_SYNCING)
    service = ServiceView("a", reported=Status.WARN, failure=Condition.ACTION_FAILURE)
    assert (service.status, service.condition) == (Status.FAILED, Condition.ACTION_FAILURE)


@pytest.mark.parametrize("field", [name for name in names(ServiceView) if name.endswith("_ms") and name not in (
    "since_ms", "run_since_ms", "recovered_ms")])
def test_every_moment_to_come_is_a_deadline(field):
    view = LocalView({"a": ServiceView("a", **{field: 500})}, audit_ms=30_000)
    assert next_deadline_ms(view) == 500


def test_an_audit_is_due_only_when_nothing_runs():
    busy = ServiceView("a", audit_ms=500, action=ServiceAction.ENABLE, run_due_ms=900)
    assert next_deadline_ms(LocalView({"a": busy}, audit_ms=30_000)) == 900
    assert next_deadline_ms(LocalView({}, audit_ms=30_000)) == 30_000
    assert next_deadline_ms(LocalView({}, audit_ms=30_000, reboot_ms=700)) == 700


def test_a_view_is_stored_and_loaded_whole():
    engine = Engine(controller()).up()
    engine.tell(SetManaged("postgres", False)).adopt(Catalogue({}, {}))
    assert engine.view.former
    codec = codec_for(LocalView)
    assert codec.decode(codec.encode(engine.view, "view"), "view") == engine.view


def test_a_view_of_an_earlier_release_takes_defaults_and_one_of_a_later_is_understood():
    view = codec_for(LocalView).decode('{"services": {"a": {"name": "a", "invented": 1}}, "later": []}', "view")
    assert view == LocalView({"a": ServiceView("a")}) and view.settings == Settings()


class Restless(Draft):
    """Every look at a service gives a reason for another one."""

    looks = 0

    def watch(self, name):
        super().watch(name)
        self.looks += 1
        self.touch(name)


def test_a_service_that_changes_without_end_waits_a_second():
    engine = Engine(single())
    draft = Restless(engine.view, engine.catalogue, engine.now_ms)
    draft.touch("svc")
    assert next_deadline_ms(settle.settle(draft)) == engine.now_ms + 1_000
    assert draft.looks == settle.LOOKS_MAX


def test_fields_are_replaced_as_dataclasses_do():
    engine = Engine(chain())
    draft = Draft(engine.view, engine.catalogue, 99_000)
    before = draft.services["db"]
    after = draft.change("db", state=S.ENABLING, fail_count=3)
    assert (after.state, after.since_ms, after.fail_count, after.stopped) == (S.ENABLING, 99_000, 3, False)
    assert before is engine.view.services["db"] and before.state is S.DISABLED
    assert draft.change("db", fail_count=3) is after


def test_a_definition_that_is_missing_is_named():
    draft = Draft(LocalView({"a": ServiceView("a")}), Catalogue({}, {}), 0)
    with pytest.raises(ValueError, match="a has no definition"):
        draft.run("a", ServiceAction.ENABLE)

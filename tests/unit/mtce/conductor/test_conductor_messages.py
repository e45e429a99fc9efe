# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest

from flock.core.errors import InvalidInput, StaleWrite, Unavailable
from fm.contract.rpc import FaultOutcome
from fm.raiser import Raiser
from mtce.conductor import messages
from mtce.contract.records import MtceHost
from mtce.core.actions import Log
from mtce.core.reasons import ALARMS, LOGS
from mtce.core.view import first_view

HOST = MtceHost("2f1c1d7e-0000-4000-8000-000000000001", "worker-0", "worker", "worker", "", "192.168.204.10", None,
                "locked", "disabled", "online")


class Manager:
    def __init__(self):
        self.requests = []

    def apply(self, *, requests):
        self.requests += requests
        return [FaultOutcome(request.request_id) for request in requests]


class Inventory:
    def __init__(self, error=None):
        self.updates, self.error = [], error

    def update_host_state(self, *, update):
        if self.error is not None:
            raise self.error
        self.updates.append(update)


@pytest.fixture
def faults(tmp_path):
    manager = Manager()
    raiser = Raiser(None, tmp_path, manager=manager)
    yield raiser, manager
    raiser.stop()


def deliver(told, inventory, raiser):
    handlers = messages.handlers(messages.Inventory(inventory), raiser)
    for message in told:
        handlers[message.kind](message.payload)
    assert raiser.flush(5)


@pytest.mark.parametrize("alarm_id", sorted(ALARMS))
@pytest.mark.parametrize("severity", ["critical", "major"])
def test_every_alarm_is_taken_by_fault_management(faults, alarm_id, severity):
    raiser, manager = faults
    before = first_view(HOST)
    after = replace(before, alarms=((alarm_id, "", severity),))
    deliver(messages.of_step(before, after, ()), Inventory(), raiser)
    fault = manager.requests[-1].fault
    assert (fault.alarm_id, fault.entity_instance_id, fault.severity) == (alarm_id, "host=worker-0", severity)
    assert "worker-0" in fault.reason_text
    assert fault.inhibit_alarms is (alarm_id == "200.001")
    deliver(messages.of_step(after, before, ()), Inventory(), raiser)
    assert manager.requests[-1].clear.alarm_id == alarm_id


@pytest.mark.parametrize("suffix", [*sorted(LOGS), "command=unlock", "command=lock"])
def test_every_log_is_taken_by_fault_management(faults, suffix):
    raiser, manager = faults
    view = first_view(HOST)
    kind = {"event": "200.020", "command": "200.021"}.get(suffix.partition("=")[0], "200.022")
    deliver(messages.of_step(view, view, [Log(kind, suffix)]), Inventory(), raiser)
    assert manager.requests[-1].fault.entity_instance_id == f"host=worker-0.{suffix}"
    assert manager.requests[-1].fault.severity == "warning"


def test_states_and_faults_of_a_host_do_not_wait_for_each_other():
    before = first_view(HOST)
    after = replace(before, task="Booting", alarms=(("200.004", "", "critical"),))
    keys = {message.kind: message.key for message in messages.of_step(before, after, ())}
    assert keys["state"] != keys["alarm-set"]


@pytest.mark.parametrize("error", [Unavailable(service="bus", reason="test"), StaleWrite(resource="i_host", id=1)])
def test_inventory_that_is_away_or_collides_is_asked_again(faults, error):
    raiser, _ = faults
    with pytest.raises(type(error)):
        deliver([messages.whole_state(first_view(HOST))], Inventory(error), raiser)


def test_a_state_that_inventory_refuses_is_told_until_one_is_taken():
    neighbour = Inventory(InvalidInput(field="update.availability", rule="must be known"))
    inventory, view = messages.Inventory(neighbour), first_view(HOST)
    inventory.tell(messages.whole_state(view).payload)
    assert "worker-0: Invalid input for update.availability" in inventory.troubles([view])
    assert inventory.troubles([]) is None, "a host that is gone is no trouble"
    neighbour.error = None
    inventory.tell(messages.whole_state(view).payload | {"of_a_newer_release": 1})
    assert inventory.troubles([view]) is None
    assert neighbour.updates[-1].availability == "online"


def test_forgotten_host_leaves_no_alarm(faults):
    raiser, manager = faults
    deliver(messages.of_delete(first_view(HOST)), Inventory(), raiser)
    assert manager.requests[-1].clear_all_below == "host=worker-0"
    assert manager.requests[-2].fault.entity_instance_id == "host=worker-0.command=delete"

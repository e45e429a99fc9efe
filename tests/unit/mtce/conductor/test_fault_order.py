# SPDX-License-Identifier: Apache-2.0
"""Alarms of a host name reach fm in order, and one that fm can never store delays no other."""
import time

import pytest
import sqlalchemy as sa

from flock.core.backoff import Backoff
from flock.core.errors import Unavailable
from flock.db import deadletters
from flock.db.migrate import upgrade
from flock.db.outbox import REFUSALS_MAX, Policy, Relay
from fm.contract.fault import Fault
from fm.contract.rpc import FaultOutcome, FaultPage
from fm.raiser.deadletters import ALARM_ID, DeadLetterAlarm
from mtce.conductor import messages
from mtce.conductor.store import Message
from mtce.db.tables import OUTBOX

OTHER_UUID = "2f1c1d7e-0000-4000-8000-000000000002"
LONG = "x" * 255


class Manager:
    """Fault management as far as a raiser sees it."""

    def __init__(self):
        self.alarms: dict[tuple[str, str], Fault] = {}

    def apply(self, *, requests):
        for request in requests:
            if request.fault is not None and str(request.fault.alarm_state) == "set":
                self.alarms[request.fault.alarm_id, request.fault.entity_instance_id] = request.fault
            elif request.clear is not None:
                self.alarms.pop((request.clear.alarm_id, request.clear.entity_instance_id), None)
            elif request.clear_all_below is not None:
                below = request.clear_all_below
                self.alarms = {key: fault for key, fault in self.alarms.items()
                               if key[1] != below and not key[1].startswith(below + ".")}
        return [FaultOutcome(request.request_id) for request in requests]

    def get_faults_page(self, *, alarm_id, entity_instance_id, below, after=0):
        return FaultPage([fault for key, fault in self.alarms.items() if key[0] == alarm_id
                          and entity_instance_id in (None, key[1])])


@pytest.fixture
def manager():
    return Manager()


def relay_with(bench, handlers):
    return Relay(bench.store.outbox, handlers, Policy(retry=Backoff(0.0, 0.0, jitter=0.0)))


def alarm_of(bench, raiser):
    return DeadLetterAlarm("mtce", raiser, lambda: deadletters.trouble(
        bench.db, OUTBOX, lambda key: key.partition(":")[2]))


def handlers_of(raiser):
    return {**messages.handlers(messages.Inventory(None), raiser), messages.STATE: lambda payload: None}


def test_a_host_added_again_at_once_has_its_own_alarms_only(bench, manager, raiser):
    held = [False]
    handlers = handlers_of(raiser)
    log, forget = handlers[messages.CUSTOMER_LOG], handlers[messages.FORGET]

    def unless_held(deliver, payload):
        # Only what the deleted host left behind is held up, as when its last delivery has just failed.
        if held[0] and (deliver is forget or payload["entity"].endswith("command=delete")):
            raise Unavailable(service="fault spool", reason="full")
        deliver(payload)

    handlers[messages.CUSTOMER_LOG] = lambda payload: unless_held(log, payload)
    handlers[messages.FORGET] = lambda payload: unless_held(forget, payload)
    relay = relay_with(bench, handlers)
    bench.hosts.put_host(host=bench.host())
    bench.advance(2)
    with bench.db.writer() as conn:
        bench.store.outbox.put(conn, key=messages.faults_key("host=worker-0"), kind=messages.ALARM_SET, payload={
            "alarm_id": "200.004", "entity": "host=worker-0", "severity": "critical", "reason": "failed"})
    for _ in range(5):
        relay.deliver_due()
    assert raiser.flush(5) and ("200.004", "host=worker-0") in manager.alarms
    held[0] = True
    began = time.monotonic()
    assert bench.hosts.delete_host(host_uuid=bench.host().uuid).status == "pass"
    assert bench.hosts.put_host(host=bench.host(uuid=OTHER_UUID)).status == "pass"
    assert time.monotonic() - began < 1
    bench.advance(2)
    for _ in range(5):
        relay.deliver_due()
    held[0] = False
    for _ in range(10):
        relay.deliver_due()
    assert relay.backlog() == 0 and raiser.flush(5)
    assert {key: str(fault.severity) for key, fault in manager.alarms.items()} == {
        ("200.001", "host=worker-0"): "warning"}


def test_the_key_of_any_entity_can_be_stored(bench):
    bench.store.tell([messages.alarm_clear(messages.faults_key(f"host={LONG}"), "200.004", f"host={LONG}")])
    assert messages.faults_key("host=worker-0.network=Management") == messages.faults_key("host=worker-0")


def test_an_alarm_that_can_never_be_stored_delays_no_other_and_is_alarmed_itself(bench, manager, raiser):
    key = messages.faults_key("host=worker-0")
    bench.store.tell([
        Message(key, messages.ALARM_SET, {"alarm_id": "200.005", "entity": f"host=worker-0.network={LONG}",
                                          "severity": "critical", "reason": "lost"}),
        Message(key, messages.ALARM_SET, {"alarm_id": "200.004", "entity": "host=worker-0", "severity": "critical",
                                          "reason": "failed"})])
    relay = relay_with(bench, handlers_of(raiser))
    alarm = alarm_of(bench, raiser)
    alarm.audit()
    assert manager.alarms == {}
    for _ in range(REFUSALS_MAX):
        relay.deliver_due()
    assert raiser.flush(5) and list(manager.alarms) == [("200.004", "host=worker-0")]
    alarm.audit()
    raised = manager.alarms[ALARM_ID, "subsystem=mtce"]
    for text in ("host=worker-0", "entity_instance_id must have at most 255 characters"):
        assert text in raised.reason_text
    assert "mtce-dead-letters list" in raised.proposed_repair_action
    manager.alarms.clear()
    alarm.audit()
    assert (ALARM_ID, "subsystem=mtce") in manager.alarms, "an alarm that an operator deleted comes back"
    (letter,) = deadletters.found(bench.db, OUTBOX)
    assert deadletters.drop(bench.db, OUTBOX, [letter.id]) == 1
    alarm.audit()
    assert manager.alarms == {}


def test_a_message_longer_than_any_text_is_alarmed_within_the_limit(bench, manager, raiser):
    bench.store.tell([Message(f"faults:host={LONG}"[:255], "of the future", {})])
    with bench.db.writer() as conn:
        deadletters.bury(conn, OUTBOX, 1, 5, "é" * 5000)
    alarm_of(bench, raiser).audit()
    assert len(manager.alarms[ALARM_ID, "subsystem=mtce"].reason_text) < 600


def test_what_waits_at_an_upgrade_keeps_its_order(tmp_path):
    url = f"sqlite:///{tmp_path}/old.sqlite"
    upgrade(url, "mtce", "0002")
    engine = sa.create_engine(url)
    insert = sa.text("INSERT INTO outbox (id, key, kind, payload, next_try_at, created_at) VALUES "
                     "(:id, :key, 'alarm-set', :payload, '2026-01-01 00:00:00', '2026-01-01 00:00:00')")
    with engine.begin() as conn:
        conn.execute(insert, [
            {"id": 1, "key": "faults:uuid-1", "payload": '{"entity":"host=worker-0.network=Management"}'},
            {"id": 2, "key": "inventory:uuid-1", "payload": '{"host_uuid":"uuid-1"}'},
            {"id": 3, "key": "faults:uuid-2", "payload": '{torn'}])
    upgrade(url, "mtce")
    with engine.connect() as conn:
        keys = conn.execute(sa.text("SELECT key FROM outbox ORDER BY id")).scalars().all()
    assert keys == [messages.faults_key("host=worker-0"), "inventory:uuid-1", "faults:uuid-2"]
    engine.dispose()

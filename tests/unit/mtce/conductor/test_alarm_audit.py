# SPDX-License-Identifier: Apache-2.0
import pytest
import sqlalchemy as sa

from flock.core.errors import Unavailable
from fm.contract.fault import Fault
from fm.contract.rpc import FaultOutcome, FaultPage
from mtce.conductor import messages
from mtce.conductor.alarmaudit import AlarmAudit
from mtce.core.alarms import corrections
from mtce.core.reasons import ALARMS
from mtce.db.tables import OUTBOX


def active(alarm_id, entity, severity="critical"):
    return Fault(alarm_id, "set", "host", entity, severity, "reason", "operational-violation", "unknown")


UUID = "2f1c1d7e-0000-4000-8000-000000000001"


class Manager:
    """Fault management as far as a raiser sees it."""

    def __init__(self):
        self.alarms, self.error = {}, None

    def apply(self, *, requests):
        for request in requests:
            if request.fault is not None and request.fault.alarm_id in ALARMS:
                self.alarms[request.fault.alarm_id, request.fault.entity_instance_id] = request.fault
            elif request.clear is not None:
                self.alarms.pop((request.clear.alarm_id, request.clear.entity_instance_id), None)
        return [FaultOutcome(request.request_id) for request in requests]

    def get_faults_page(self, *, alarm_id, entity_instance_id, below, after=0):
        if self.error is not None:
            raise self.error
        return FaultPage([fault for key, fault in self.alarms.items() if key[0] == alarm_id])

    def severities(self):
        return {key: str(fault.severity) for key, fault in self.alarms.items()}


@pytest.fixture
def manager():
    return Manager()


def deliver(bench, raiser):
    """What the relay does, until nothing is left."""
    handlers = messages.handlers(messages.Inventory(None), raiser)
    with bench.db.writer() as conn:
        for row in conn.execute(sa.select(OUTBOX).order_by(OUTBOX.c.id)).mappings().all():
            if row["kind"] != messages.STATE:
                handlers[row["kind"]](row["payload"])
            conn.execute(sa.delete(OUTBOX).where(OUTBOX.c.id == row["id"]))
    assert raiser.flush(5)


def locked(bench, raiser):
    bench.hosts.put_host(host=bench.host())
    bench.advance(2)
    deliver(bench, raiser)


def test_what_was_deleted_comes_back_and_what_was_left_behind_goes(bench, manager, raiser):
    locked(bench, raiser)
    wanted = manager.severities()
    assert wanted == {("200.001", "host=worker-0"): "warning"}
    manager.alarms.clear()
    for alarm_id, entity in (("200.004", "host=worker-0"), ("200.005", "host=gone.network=Management"),
                             ("200.001", "system=x"), ("100.101", "host=worker-0")):
        manager.alarms[alarm_id, entity] = active(alarm_id, entity)
    bench.restart()
    AlarmAudit(bench.loop, bench.effects, raiser).audit()
    deliver(bench, raiser)
    others = {("200.001", "system=x"): "critical", ("100.101", "host=worker-0"): "critical"}
    assert manager.severities() == wanted | others


def test_another_severity_is_set_right(bench, manager, raiser):
    locked(bench, raiser)
    manager.alarms["200.001", "host=worker-0"] = active("200.001", "host=worker-0", "major")
    AlarmAudit(bench.loop, bench.effects, raiser).audit()
    deliver(bench, raiser)
    assert manager.severities() == {("200.001", "host=worker-0"): "warning"}


def test_agreement_tells_nothing(bench, manager, raiser):
    locked(bench, raiser)
    AlarmAudit(bench.loop, bench.effects, raiser).audit()
    with bench.db.reader() as conn:
        assert conn.execute(sa.select(OUTBOX)).all() == []


def test_fault_management_that_does_not_answer_proves_nothing(bench, manager, raiser):
    locked(bench, raiser)
    manager.error = Unavailable(service="fm-manager", reason="test")
    with pytest.raises(Unavailable):
        AlarmAudit(bench.loop, bench.effects, raiser).audit()
    with bench.db.reader() as conn:
        assert conn.execute(sa.select(OUTBOX)).all() == []


def test_one_round_is_limited(bench, raiser):
    locked(bench, raiser)
    view = bench.loop.roster.get(UUID).view
    active = {("200.001", f"host=gone-{number}"): "warning" for number in range(50)}
    found = corrections([view], active, 20)
    assert (len(found.to_set), len(found.to_clear)) == (1, 20)

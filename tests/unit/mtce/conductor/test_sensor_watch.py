# SPDX-License-Identifier: Apache-2.0
"""Readings of hosts at their interval, and what is told of them, with a clock and a BMC that tests move."""
from dataclasses import replace

import pytest
import sqlalchemy as sa

from flock.core.errors import NotFound, Unavailable
from mtce.bmc.interfaces import BmcError
from mtce.conductor.bmcjobs import PoweredOff
from mtce.conductor.sensors import SensorRequests, SensorWatch
from mtce.conductor.sensorstore import ModelStore
from mtce.contract.records import MtceHost
from mtce.core.events import Sensed
from mtce.core.sensors.samples import Sample
from mtce.db.tables import HOST, METADATA, SENSOR_MODEL
from sysinv.contract.sensors import GroupSettings, SensorAction, SensorSettings

UUID = "2f1c1d7e-0000-4000-8000-000000000001"
FANS = "server fans"
RECORD = MtceHost(UUID, "worker-0", "worker", "worker", "", "192.168.204.10", None, "unlocked", "enabled",
                  "available", "ipmi", "10.10.20.102", "root")


class Bench:
    """One host with a BMC whose fan reads ``status``, and a sysinv that keeps what it is told."""

    def __init__(self, database):
        self.now, self.status, self.error = 1000.0, "ok", None
        self.names = ["fan1", "fan2"]
        self.records, self.events, self.reports, self.reads = [RECORD], [], [], []
        self.settings, self.refusal, self.during = SensorSettings(), None, lambda: None
        self.store = ModelStore(database)
        self.start()

    def start(self):
        self.watch = SensorWatch(lambda: self.records, self.read, self.store,
                                 lambda _, event: self.events.append(event), self.tell, self,
                                 monotonic=lambda: self.now)
        self.requests = SensorRequests(self.watch)

    def submit(self, function, /, *words):
        function(*words)

    def stop(self, timeout_s):
        """Nothing runs."""

    def read(self, record, *, powered):
        self.reads.append(powered)
        self.during()
        if self.error is not None:
            raise self.error
        return [Sample(name, "RPM", self.status if name == "fan1" else "ok", 100.0) for name in self.names]

    def tell(self, report):
        self.reports.append(report)
        if self.refusal is not None:
            raise self.refusal
        return self.settings

    def pass_s(self, seconds):
        """Let time pass, with every call that is due."""
        end = self.now + seconds
        while True:
            self.now += min(self.watch.run_due(), max(0.0, end - self.now))
            if self.now >= end:
                return
    @property
    def sensed(self):
        return self.events[-1]


@pytest.fixture
def bench(database):
    METADATA.create_all(database.engine)
    with database.writer() as conn:
        conn.execute(sa.insert(HOST).values(
            uuid=UUID, revision=1, hostname="worker-0", administrative="unlocked", operational="enabled",
            availability="available", action="none", stage="idle", view={}, record={}))
    made = Bench(database)
    made.records, found = [], made.records
    made.watch.run_due()
    made.records = found
    made.pass_s(11)
    return made


def test_a_new_host_is_learnt_soon_and_told_completely(bench):
    assert bench.reads == [True]
    (report,) = bench.reports
    assert report.complete and not report.relearnt
    assert [group.name for group in report.groups] == [FANS]
    assert [(sensor.name, sensor.status, sensor.value) for sensor in report.sensors] == [
        ("fan1", "ok", 100.0), ("fan2", "ok", 100.0)]
    assert bench.sensed == Sensed()


def test_only_changes_are_told_and_only_twice_read_ones_are_acted_upon(bench):
    bench.pass_s(240)
    assert len(bench.reads) == 3 and len(bench.reports) == 1
    bench.status = "cr"
    bench.pass_s(120)
    assert len(bench.reports) == 1 and bench.sensed == Sensed()
    bench.pass_s(120)
    assert [(sensor.name, sensor.status) for sensor in bench.reports[-1].sensors] == [("fan1", "critical")]
    assert not bench.reports[-1].complete
    assert bench.sensed == Sensed((("200.007", ".sensor=fan1", "critical"),), degraded=True)
    bench.status = "ok"
    bench.pass_s(240)
    assert bench.sensed == Sensed()


def test_settings_of_sysinv_come_with_each_reply_and_at_least_every_ten_minutes(bench):
    bench.status = "cr"
    bench.pass_s(240)
    assert bench.sensed.alarms
    bench.settings = SensorSettings([GroupSettings(FANS, 30)], ["fan1"])
    bench.pass_s(720)
    assert bench.reports[-1].sensors == [] and bench.sensed == Sensed()
    reads = len(bench.reads)
    bench.pass_s(60)
    assert len(bench.reads) == reads + 2


def test_changed_settings_take_effect_at_once_and_survive_a_restart(bench):
    bench.status = "cr"
    bench.pass_s(240)
    assert bench.requests.change_settings(host_uuid=UUID, settings=SensorSettings(
        [GroupSettings(FANS, suppress=True)])).status == "pass"
    assert bench.sensed == Sensed()
    assert bench.requests.change_settings(host_uuid=UUID, settings=SensorSettings(
        [GroupSettings(FANS, critical=SensorAction.RESET)])).status == "pass"
    assert bench.sensed.alarms and bench.sensed.strike == ""
    bench.settings = SensorSettings([GroupSettings(FANS, critical=SensorAction.RESET)])
    bench.pass_s(120)
    assert (bench.sensed.strike, bench.sensed.cause) == ("reset", "fan1")
    bench.start()
    bench.refusal = Unavailable(service="sysinv", reason="down")
    bench.pass_s(61)
    assert (bench.sensed.strike, bench.sensed.cause) == ("reset", "fan1")


@pytest.mark.parametrize(("settings", "reason"), [
    (GroupSettings(FANS, 5), "the audit interval of server fans is below 10 s"),
    (GroupSettings(FANS, minor=SensorAction.RESET), "action reset of server fans is not allowed at minor")])
def test_refused_settings_change_nothing(bench, settings, reason):
    before = bench.store.load(UUID)
    reply = bench.requests.change_settings(host_uuid=UUID, settings=SensorSettings([settings]))
    assert (reply.status, reply.reason) == ("fail", reason)
    assert bench.store.load(UUID) == before


def test_settings_of_an_unknown_host_are_refused(bench):
    reply = bench.requests.change_settings(host_uuid="x", settings=SensorSettings())
    assert reply.reason == "the sensors of the host are not known"
    assert bench.requests.relearn(host_uuid="x").reason == "the host has no board management controller"


def test_a_bmc_that_fails_is_read_every_minute_and_alarmed_after_the_second_time(bench):
    bench.error = BmcError(address="x", verb="list its sensors", reason="silence")
    bench.pass_s(120)
    assert bench.sensed == Sensed()
    bench.pass_s(60)
    assert bench.sensed.alarms == (("200.015", ".sensorgroup=server fans", "major"),)
    assert [group.state for group in bench.reports[-1].groups] == ["failed"]
    reads = len(bench.reads)
    bench.pass_s(300)
    assert len(bench.reads) == reads + 5
    bench.error = None
    bench.pass_s(60)
    assert bench.sensed == Sensed() and [group.state for group in bench.reports[-1].groups] == ["enabled"]


def test_a_host_that_is_off_is_learnt_when_it_is_on_without_an_alarm(bench):
    bench.records = [replace(RECORD, bm_ip="10.10.20.103")]
    bench.error = PoweredOff(address="x", verb="show all sensors", reason="off")
    bench.pass_s(240)
    assert bench.sensed == Sensed()
    bench.error, bench.names = None, ["fan7"]
    bench.pass_s(120)
    assert [sensor.name for sensor in bench.reports[-1].sensors] == ["fan7"]
    assert bench.reports[-1].complete and bench.reports[-1].relearnt


def test_relearning_reads_at_once_and_is_refused_while_it_goes_on(bench):
    bench.names = ["fan1", "fan3"]
    replies = []
    bench.during = lambda: replies.append(bench.requests.relearn(host_uuid=UUID))
    assert bench.requests.relearn(host_uuid=UUID).status == "pass"
    bench.watch.run_due()
    assert [reply.reason for reply in replies] == ["the sensors of the host are being relearnt"]
    assert bench.reports[-1].relearnt and [sensor.name for sensor in bench.reports[-1].sensors] == ["fan1", "fan3"]
    bench.during = lambda: None
    assert bench.requests.relearn(host_uuid=UUID).status == "pass"


def test_relearning_asked_for_during_a_reading_is_served_by_the_next(bench):
    bench.during = lambda: bench.requests.relearn(host_uuid=UUID)
    bench.pass_s(120)
    assert bench.reads[-2:] == [False, True]


def test_a_sysinv_that_does_not_answer_is_told_later(bench):
    bench.refusal = Unavailable(service="sysinv", reason="down")
    bench.names = ["fan1"]
    bench.pass_s(120)
    failed = len(bench.reports)
    bench.refusal = None
    bench.pass_s(120)
    assert len(bench.reports) == failed + 1
    assert [(sensor.name, sensor.state) for sensor in bench.reports[-1].sensors] == [("fan2", "offline")]


def test_a_sysinv_that_lost_the_sensors_gets_all_of_them(bench):
    bench.settings = SensorSettings(complete=False)
    bench.pass_s(720)
    bench.settings = SensorSettings()
    bench.pass_s(120)
    assert bench.reports[-1].complete and not bench.reports[-1].relearnt


@pytest.mark.parametrize("restarted", [False, True])
def test_a_deprovisioned_bmc_leaves_nothing_behind(bench, database, restarted):
    bench.status = "cr"
    bench.pass_s(240)
    bench.records = [replace(RECORD, bm_type="none")]
    bench.refusal = Unavailable(service="sysinv", reason="down")
    if restarted:
        bench.start()
    bench.pass_s(10)
    assert bench.sensed == Sensed()
    with database.reader() as conn:
        assert conn.execute(sa.select(SENSOR_MODEL.c.uuid)).all() == []
    bench.refusal = None
    bench.pass_s(60)
    assert (bench.reports[-1].groups, bench.reports[-1].complete) == ([], True)
    told = len(bench.reports)
    bench.pass_s(300)
    assert len(bench.reports) == told
    bench.records = [RECORD]
    bench.pass_s(20)
    assert bench.reports[-1].complete and bench.reports[-1].sensors


def test_a_deleted_host_is_forgotten_with_its_first_refusal(bench):
    bench.records, bench.refusal = [], NotFound(resource="host", id=UUID)
    bench.pass_s(10)
    told = len(bench.reports)
    bench.pass_s(300)
    assert len(bench.reports) == told


def test_a_row_that_cannot_be_read_is_learnt_anew(bench, database):
    with database.writer() as conn:
        conn.execute(sa.update(SENSOR_MODEL).values(model={"groups": "rubbish"}))
    bench.start()
    bench.pass_s(70)
    assert bench.reports[-1].complete and len(bench.store.load(UUID).model.sensors) == 2


def test_another_conductor_that_wrote_the_row_is_followed(bench, database):
    with database.writer() as conn:
        conn.execute(sa.update(SENSOR_MODEL).values(revision=9))
    bench.status = "cr"
    bench.pass_s(600)
    assert bench.sensed.alarms and bench.store.load(UUID).revision > 9

# SPDX-License-Identifier: Apache-2.0
import time
from dataclasses import replace

import pytest

from flock.auth.secrets import SecretBox, SecretUnreadable
from mtce.bmc.interfaces import Bmc, BmcError, PowerState
from mtce.bmc.kinds import BmcSettings
from mtce.conductor.bmcjobs import BmcJobs
from mtce.conductor.bmcsecret import receiver
from mtce.contract.bmcsecret import SENT_AGE_MAX_S, sealed_for, sent_for
from mtce.contract.records import MtceHost
from sysinv.conductor.maintenance import freshly_sealed

UUID = "2f1c1d7e-0000-4000-8000-000000000001"


class Chassis:
    """A BMC whose host goes off only after a while."""

    def __init__(self, power=PowerState.ON, polls_until_off=3):
        self.power_state, self.polls, self.done = power, polls_until_off, []

    def state(self):
        if self.power_state is PowerState.ON and "off" in self.done:
            self.polls -= 1
            if self.polls <= 0:
                self.power_state = PowerState.OFF
        return self.power_state

    def on(self):
        self.done.append("on")
        self.power_state = PowerState.ON

    def off(self, *, graceful):
        self.done.append("graceful off" if graceful else "off")

    def reset(self, *, graceful):
        self.done.append("reset")

    def network_once(self):
        self.done.append("netboot")


class Bench:
    def __init__(self, tmp_path, chassis):
        self.chassis, self.access, self.now = chassis, None, 0.0
        self.box = SecretBox.create(tmp_path / "secrets.key")
        self.jobs = BmcJobs(lambda: self.box, BmcSettings(), self.open, self.pause, lambda: self.now)

    def open(self, bm_type, access, settings):
        self.access = access
        return Bmc(bm_type, self.chassis, self.chassis, self.chassis)

    def pause(self, seconds):
        self.now += seconds

    def run(self, verb, graceful=False, owner=UUID, sealed_address="10.10.20.102"):
        sealed = self.box.seal("geheim", sealed_for(owner, sealed_address, "root"))
        record = MtceHost(UUID, "worker-0", "worker", "worker", "", "192.168.204.10", None, "locked", "disabled",
                          "online", "redfish", "10.10.20.102", "root", sealed)
        return self.jobs.run(record, verb, "c-1", graceful=graceful)


def test_query_opens_the_password_and_tells_the_power(tmp_path):
    bench = Bench(tmp_path, Chassis())
    answer = bench.run("query")
    assert (answer.command_id, answer.ok, answer.power) == ("c-1", True, "on")
    assert (bench.access.address, bench.access.username, bench.access.password) == ("10.10.20.102", "root", "geheim")
    assert "geheim" not in repr(bench.access)


def test_reset_of_a_host_without_power_switches_it_on(tmp_path):
    bench = Bench(tmp_path, Chassis(PowerState.OFF))
    assert bench.run("reset").ok
    assert bench.chassis.done == ["on"]


def test_reset_of_a_running_host(tmp_path):
    bench = Bench(tmp_path, Chassis())
    assert bench.run("reset").ok
    assert bench.chassis.done == ["reset"]


def test_forced_power_off_ends_when_the_power_is_off(tmp_path):
    bench = Bench(tmp_path, Chassis())
    answer = bench.run("power-off")
    assert (answer.ok, answer.power) == (True, "off")
    assert bench.now == 2.0


def test_graceful_power_off_is_not_waited_for(tmp_path):
    bench = Bench(tmp_path, Chassis(polls_until_off=10_000))
    assert bench.run("power-off", graceful=True).ok
    assert bench.now == 0.0


def test_power_that_never_goes_off_is_a_failure(tmp_path):
    bench = Bench(tmp_path, Chassis(polls_until_off=10_000))
    answer = bench.run("power-off")
    assert not answer.ok
    assert "still on" in answer.reason


@pytest.mark.parametrize("verb", ["netboot", "power-on"])
def test_other_commands(tmp_path, verb):
    bench = Bench(tmp_path, Chassis(PowerState.OFF))
    assert bench.run(verb).ok
    assert bench.chassis.done == [{"netboot": "netboot", "power-on": "on"}[verb]]


def test_password_of_another_host_does_not_open(tmp_path):
    answer = Bench(tmp_path, Chassis()).run("query", owner="another")
    assert not answer.ok
    assert "belongs to another owner" in answer.reason


def test_bmc_that_fails_is_an_answer_not_an_error(tmp_path):
    chassis = Chassis()
    chassis.state = lambda: (_ for _ in ()).throw(BmcError(address="10.10.20.102", verb="answer", reason="timeout"))
    answer = Bench(tmp_path, chassis).run("query")
    assert not answer.ok
    assert "timeout" in answer.reason


def test_what_is_configured_for_one_host_reaches_its_bmc(tmp_path):
    bench = Bench(tmp_path, Chassis())
    settings = BmcSettings(systems={"worker-0": "System_0", "worker-1": "x"}, legacy_boot=frozenset({"worker-0"}))
    bench.jobs = BmcJobs(lambda: bench.box, settings, bench.open, bench.pause, lambda: bench.now)
    assert bench.run("query").ok
    assert (bench.access.system, bench.access.legacy_boot) == ("System_0", True)


def test_a_captured_password_with_another_address_reaches_nobody(tmp_path):
    bench = Bench(tmp_path, Chassis())
    answer = bench.run("query", sealed_address="10.10.20.66")
    assert not answer.ok
    assert "belongs to another owner" in answer.reason
    assert bench.access is None


def test_bmc_that_tells_no_power_state_is_named(tmp_path):
    answer = Bench(tmp_path, Chassis(PowerState.UNKNOWN)).run("query")
    assert not answer.ok
    assert answer.reason == ("The board management controller 10.10.20.102 did not tell its power state: "
                             "the reply says neither on nor off")


RECORD = MtceHost(UUID, "worker-0", "worker", "worker", "", "192.168.204.10", None, "locked", "disabled", "online",
                  "redfish", "10.10.20.102", "root")


def test_a_sent_password_is_stored_sealed_for_storage(tmp_path):
    box = SecretBox.create(tmp_path / "secrets.key")
    sent = replace(RECORD, bm_secret=box.seal("geheim", sealed_for(UUID, "10.10.20.102", "root")))
    received = receiver(lambda: box)(freshly_sealed(sent, tmp_path / "secrets.key"))
    assert box.unseal(received.bm_secret, sealed_for(UUID, "10.10.20.102", "root")) == "geheim"
    assert replace(received, bm_secret=None) == RECORD
    assert receiver(lambda: box)(freshly_sealed(RECORD, tmp_path / "secrets.key")) == RECORD


@pytest.mark.parametrize(("age_s", "address", "seal_for", "taken"), [
    (0, "10.10.20.102", sent_for, True), (290, "10.10.20.102", sent_for, True), (-50, "10.10.20.102", sent_for, True),
    (SENT_AGE_MAX_S + 5, "10.10.20.102", sent_for, False), (-90, "10.10.20.102", sent_for, False),
    (0, "10.10.20.66", sent_for, False), (0, "10.10.20.102", sealed_for, False)])
def test_a_captured_password_is_refused(tmp_path, monkeypatch, age_s, address, seal_for, taken):
    box, now = SecretBox.create(tmp_path / "secrets.key"), time.time()
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: now - age_s)
        sealed = box.seal("geheim", seal_for(UUID, "10.10.20.102", "root"))
    record = replace(RECORD, bm_ip=address, bm_secret=sealed)
    if taken:
        assert receiver(lambda: box)(record).bm_secret is not None
        return
    with pytest.raises(SecretUnreadable):
        receiver(lambda: box)(record)


def test_a_password_that_cannot_be_opened_does_not_hold_up_the_record(tmp_path, caplog):
    other = SecretBox.create(tmp_path / "other.key")
    SecretBox.create(tmp_path / "secrets.key")
    lost = replace(RECORD, bm_secret=other.seal("geheim", sealed_for(UUID, "10.10.20.102", "root")))
    assert freshly_sealed(lost, tmp_path / "secrets.key") == RECORD
    assert freshly_sealed(lost, tmp_path / "absent.key") == RECORD
    assert "worker-0" in caplog.text and "geheim" not in caplog.text

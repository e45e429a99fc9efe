# SPDX-License-Identifier: Apache-2.0
import threading

import pytest

from flock.core.errors import DeadlineExceeded
from flock.testing.services.process import wait_for
from mtce.conductor.bmcjobs import BmcJobs
from mtce.conductor.effects import PooledEffects
from mtce.contract.records import MtceHost
from mtce.core import actions as act
from mtce.core.events import BmcAnswer, RebootAnswer
from mtce.core.strike import Permit, Wish
from mtce.core.view import first_view

PERMIT = Permit(Wish.OPERATOR, "operator: reboot")

UUID = "2f1c1d7e-0000-4000-8000-000000000001"
HOST = MtceHost(UUID, "worker-0", "worker", "worker", "", "192.168.204.10", None, "locked", "disabled", "online")


class Agent:
    def __init__(self, error=None):
        self.calls, self.error = [], error

    def __getattr__(self, name):
        def call(**arguments):
            self.calls.append((name, arguments))
            if self.error is not None:
                raise self.error
        return call


class Jobs(BmcJobs):
    def run(self, record, verb, command_id, *, graceful):
        if verb == "explode":
            raise RuntimeError("defect")
        return BmcAnswer(command_id, True, "on")


class Pulses:
    def __init__(self):
        self.seen = []

    def watch(self, view):
        self.seen.append(view.uuid)

    def forget(self, uuid):
        self.seen.append(f"-{uuid}")

    def session(self):
        return True


@pytest.fixture
def bench():
    class Bench:
        def __init__(self):
            self.agent, self.posted, self.arrived = Agent(), [], threading.Condition()
            self.effects = PooledEffects(lambda hostname: self.agent, Jobs(None, None), Pulses(), self.post)

        def post(self, uuid, event):
            with self.arrived:
                self.posted.append(event)
                self.arrived.notify_all()

        def perform(self, *actions, answers=1):
            self.effects.perform(first_view(HOST), HOST, actions)
            with self.arrived:
                assert self.arrived.wait_for(lambda: len(self.posted) >= answers, 10)
            return self.posted

    made = Bench()
    yield made
    made.effects.stop()


def test_a_reboot_is_sent_and_answered_by_the_agent_only(bench):
    bench.perform(act.SendReboot("c-1", "boot-1", 3, PERMIT), answers=0)
    wait_for(lambda: bench.agent.calls, 10, "the command to arrive")
    bench.effects.stop()
    assert bench.posted == []
    assert bench.agent.calls == [("reboot", {"host_uuid": UUID, "boot_id": "boot-1", "request_id": "c-1",
                                             "delay_s": 3})]


def test_a_reboot_that_is_not_sent_has_failed(bench):
    bench.agent.error = DeadlineExceeded(what="x", timeout_s="10")
    assert bench.perform(act.SendReboot("c-2", "", 0, PERMIT)) == [RebootAnswer("c-2", False)]


def test_defect_in_a_bmc_job_is_an_answer(bench):
    answers = bench.perform(act.Bmc("c-1", "query"), act.Bmc("c-2", "explode"), answers=2)
    assert {(answer.command_id, answer.ok) for answer in answers} == {("c-1", True), ("c-2", False)}


@pytest.mark.parametrize(("action", "call"), [
    (act.RequestAlive(), "request_mtcalive"), (act.SetLocked(True), "set_locked"),
    (act.RunGoenabled("c", "b"), "run_goenabled"), (act.StartServices("c", "b"), "start_services"),
    (act.StopServices("c", "b"), "stop_services")])
def test_commands_reach_the_agent(bench, action, call):
    bench.perform(action, answers=0)
    wait_for(lambda: call in [name for name, _ in bench.agent.calls], 10, f"{call} to arrive")


def test_command_that_cannot_be_started_is_answered(bench):
    bench.effects.stop()
    assert bench.perform(act.SendReboot("c-1", "", 0, PERMIT), act.Bmc("c-2", "reset", permit=PERMIT), answers=2) == [
        RebootAnswer("c-1", False), BmcAnswer("c-2", False, reason=bench.posted[-1].reason)]


def test_watch_and_forget_go_to_the_heartbeat(bench):
    bench.effects.watch(first_view(HOST))
    bench.effects.forget(UUID)
    assert bench.effects._pulses.seen == [UUID, f"-{UUID}"]
    assert bench.effects.pulses_session()

# SPDX-License-Identifier: Apache-2.0
"""The host agent against a directory that stands for the host: flags, tests, services, commands, signs of life."""
import os
import socket
import threading
import time

import pytest

from flock.core.codec import codec_for
from flock.core.errors import Unavailable
from flock.exec import platformconf
from flock.exec.root import Root
from mtce.agent import flags, goenabled, scripts
from mtce.agent.daemon import Agent, Limits, WrongHost
from mtce.contract.records import MtcAlive

UUID = "7f2a0f0e-64c4-4a55-9a0e-0f4f2b1f9c11"
BOOT = "0d3a6d3e-1111-4222-8333-444455556666"


@pytest.fixture
def host(tmp_path):
    """A host's root with its identity, configured, no tests yet."""
    for rel, text in {"etc/platform/platform.conf": f"nodetype=worker\nsubfunction=worker\nUUID={UUID}\n",
                      "etc/platform/.initial_config_complete": "", "run/.config_pass": "", "run/.goenabled": "",
                      "proc/sys/kernel/random/boot_id": BOOT + "\n", "proc/uptime": "12.5 20.1\n"}.items():
        path = tmp_path / rel
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Root(tmp_path)


def script(root, directory, name, body):
    path = root.path / directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + body + "\n")
    path.chmod(0o755)


class Conductor:
    """Collects what the agent says; can be out of reach."""

    def __init__(self):
        self.said, self.results, self.away = [], [], False
        self.heard = threading.Condition()

    def mtc_alive(self, *, alive):
        self._take(self.said, alive)

    def command_result(self, *, result):
        self._take(self.results, result)

    def _take(self, into, item):
        if self.away:
            raise Unavailable(service="bus", reason="test")
        with self.heard:
            into.append(item)
            self.heard.notify_all()

    def wait_result(self, timeout_s=10):
        with self.heard:
            assert self.heard.wait_for(lambda: self.results, timeout_s), "no result arrived"
            return self.results[-1]


@pytest.fixture
def agent(host):
    conductor = Conductor()
    reboots = []
    made = Agent(conductor, host, "worker-0", Limits(alive_period_s=0.05, goenabled_timeout_s=5), reboots.append)
    made.conductor, made.reboots = conductor, reboots
    yield made
    made.stop()


def test_flags_are_read_and_locked_is_kept_in_line(host):
    state = flags.read(host)
    assert (state.configured, state.healthy, state.locked, state.tests_passed) == (True, True, False, False)
    flags.set_locked(host, True)
    assert flags.read(host).locked and not host.exists(flags.LOCKED_PERSISTENT)
    flags.put(host, flags.SIMPLEX)
    flags.set_locked(host, True)
    assert host.exists(flags.LOCKED_PERSISTENT)
    flags.set_locked(host, False)
    assert not flags.read(host).locked and not host.exists(flags.LOCKED_PERSISTENT)
    flags.put(host, flags.CONFIG_FAIL)
    assert not flags.read(host).healthy


@pytest.mark.parametrize("configured, allowed, passed, age_s, expected", [
    (True, True, False, None, goenabled.Decision.RUN),
    (False, True, False, None, goenabled.Decision.WAIT),
    (True, False, False, None, goenabled.Decision.WAIT),
    (True, True, True, 10.0, goenabled.Decision.PASSED_RECENTLY),
    (True, True, True, 1200.0, goenabled.Decision.RUN),
])
def test_when_tests_run(configured, allowed, passed, age_s, expected):
    state = flags.HostFlags(configured, True, False, allowed, passed, None)
    assert goenabled.decide(state, age_s) is expected


def test_all_tests_run_side_by_side_and_the_first_failure_is_named(host):
    for name in ("a", "b", "c"):
        # Each test waits for a file that the next one makes: in sequence the first would never end in time.
        following = {"a": "b", "b": "c", "c": "a"}[name]
        script(host, goenabled.DIRECTORY, name,
               f'touch {host.path}/{name}; until [ -e {host.path}/{following} ]; do sleep 0.01; done')
    assert goenabled.run(host, "self-test", 10).passed
    script(host, goenabled.DIRECTORY, "b", "exit 3")
    outcome = goenabled.run(host, "self-test", 10)
    assert (outcome.passed, outcome.failed_test) == (False, "b")
    assert flags.read(host).tests_failed == "b" and not flags.read(host).tests_passed


def test_service_management_says_that_a_group_is_degraded_here(host):
    assert not flags.read(host).degraded
    flags.put(host, "run/.sm_degraded")
    assert flags.read(host).degraded


def test_a_test_that_hangs_is_killed_and_has_failed(host):
    script(host, goenabled.DIRECTORY, "hang", f"echo $$ > {host.path}/pid; exec sleep 300")
    assert goenabled.run(host, "self-test", 0.5).failed_test == "hang"
    pid = int((host.path / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_only_executables_and_at_most_twenty(host):
    for number in range(25):
        script(host, "d", f"s{number:02}", "true")
    (host.path / "d" / "a-text").write_text("no program")
    found = scripts.programs(host.path / "d")
    assert [path.name for path in found] == [f"s{number:02}" for number in range(20)]


def test_sign_of_life_tells_what_the_host_says(agent, host):
    agent.say()
    alive = agent.conductor.said[-1]
    assert (alive.host_uuid, alive.boot_id, alive.uptime_s, alive.healthy) == (UUID, BOOT, 12, True)
    flags.put(host, flags.TESTS_FAILED, "disk\n")
    agent.say()
    assert agent.conductor.said[-1].goenabled_failed == "disk"
    assert agent.conductor.said[-1].sequence == alive.sequence + 1


def test_sign_of_life_goes_past_a_bus_that_is_away_or_blocks(host, tmp_path):
    path = tmp_path / "alive.sock"
    blocked = threading.Event()

    class Blocking:
        def mtc_alive(self, *, alive):
            assert blocked.wait(20)

        def command_result(self, *, result):
            raise Unavailable(service="bus", reason="test")

    flags.put(host, flags.TESTS_PASSED)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        daemon.bind(str(path))
        daemon.settimeout(10)
        made = Agent(Blocking(), host, "worker-0", Limits(alive_period_s=0.05), lambda _: None, alive_socket=str(path))
        made.start()
        try:
            heard = [codec_for(MtcAlive).decode(daemon.recv(2_000), "alive") for _ in range(4)]
        finally:
            blocked.set()
            made.stop()
    assert {(alive.host_uuid, alive.boot_id, alive.healthy) for alive in heard} == {(UUID, BOOT, True)}
    assert [alive.sequence for alive in heard] == [1, 2, 3, 4]


def test_a_host_without_a_record_stays_silent(agent, host):
    (host.path / platformconf.PATH).write_text("nodetype=worker\n")
    assert agent.say() == 1.0
    assert agent.conductor.said == []


def test_self_test_runs_at_start_and_its_result_is_sent(agent, host):
    script(host, goenabled.DIRECTORY, "ok", '[ "$1" = start ] && [ "$2" = self-test ]')
    agent.start()
    result = agent.conductor.wait_result()
    assert (result.command, result.passed, result.boot_id) == ("goenabled", True, BOOT)


def test_results_wait_for_the_bus_and_keep_their_order(agent, host):
    agent.conductor.away = True
    agent._finish("goenabled", "1", True, "")
    agent._finish("stop-services", "2", True, "")
    with pytest.raises(Unavailable):
        agent.say()
    agent.conductor.away = False
    agent.say()
    assert [result.request_id for result in agent.conductor.results] == ["1", "2"]
    agent.say()
    assert len(agent.conductor.results) == 2


def test_commands_for_another_host_or_boot_are_dropped(agent):
    with pytest.raises(WrongHost):
        agent.request_mtcalive(host_uuid="another")
    with pytest.raises(WrongHost):
        agent.reboot(host_uuid=UUID, boot_id="earlier", request_id="r", delay_s=0)
    assert agent.reboots == []


def test_reboot_is_acknowledged_first_and_marks_the_reset(agent, host):
    agent.reboot(host_uuid=UUID, boot_id=BOOT, request_id="r", delay_s=0)
    deadline = time.monotonic() + 5
    while not agent.reboots and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    assert agent.reboots == [120]
    assert host.exists(flags.RESETTING)


@pytest.mark.parametrize("body, passed", [("true", True), ("false", False)])
def test_services_of_the_host_are_started_and_stopped(agent, host, body, passed):
    script(host, "etc/services.d/worker", "service", f'echo "$1" >> {host.path}/calls; {body}')
    agent.start_services(host_uuid=UUID, boot_id=BOOT, request_id="s")
    threads = list(agent._jobs.values())
    for thread in threads:
        thread.join(10)
    agent.say()
    result = agent.conductor.results[-1]
    assert (result.command, result.passed) == ("start-services", passed)
    assert agent.conductor.said[-1].services_failed is not passed
    assert (host.path / "calls").read_text() == "start\n"

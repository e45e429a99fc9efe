# SPDX-License-Identifier: Apache-2.0
"""The agent's side of configuration: files between agent and program, reading Puppet's report, results kept."""
from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from flock import tls
from flock.core.errors import InvalidInput, Unavailable
from flock.exec.process import CommandNotFound, Completed
from flock.rpc.errors import VersionMismatch
from sysinv.agent import applying, puppet
from sysinv.agent.configuration import ConfigurationWork
from sysinv.agent.configured import Exchange
from sysinv.cmd import configure
from sysinv.contract.records import ConfigurationResult, WantedConfiguration
from sysinv.model.hostfiles import configuration_purpose

HOST = "6f0c2f6a-35b9-4e4f-9c38-6f2d3f0b7d11"
HIERA = json.dumps({"system": {"a::x": 1}, "host": {"a::y": [1, 2]}})
WANTED = WantedConfiguration(["one"], ["a", "b"], ["one", "two"], ["a", "b", "c"], HIERA)
REPORT = """--- !ruby/object:Puppet::Transaction::Report
status: failed
logs:
- level: err
  message: "'/bin/false' returned 1"
  source: "/Stage[main]/Platform::Bad/Exec[/bin/false]/returns"
- level: notice
  message: fine
  source: Puppet
resource_statuses:
  File[/etc/x]: !ruby/object:Puppet::Resource::Status
    changed: true
    failed: false
    containment_path: ["Stage[main]", "Platform::Ntp", "File[/etc/x]"]
  Exec[/bin/false]: !ruby/object:Puppet::Resource::Status
    changed: false
    failed: true
    containment_path: ["Stage[main]", "Platform::Bad", "Exec[/bin/false]"]
  Schedule[puppet]: !ruby/object:Puppet::Resource::Status
    failed: false
    containment_path: ["Schedule[puppet]"]
"""


class Puppet:
    """Stands in for the program: leaves ``report`` and ends with ``status``."""

    def __init__(self, report: str = REPORT, status: int = 6, err: str = "") -> None:
        self.report, self.status, self.err = report, status, err
        self.runs: list[list[str]] = []
        self.seen: dict[str, Any] = {}

    def __call__(self, argv: list[str], *, timeout_s: float, check: bool) -> Completed:
        self.runs.append(argv)
        directory = Path(argv[-1]).parent
        self.seen = {path.stem: yaml.safe_load(path.read_text()) for path in (directory / "hieradata").iterdir()}
        self.manifest = Path(argv[-1]).read_text()
        state = directory / "var/state"
        state.mkdir(parents=True, exist_ok=True)
        if self.report:
            (state / "last_run_report.yaml").write_text(self.report)
        return Completed(self.status, "", self.err)


def test_the_report_tells_failures_by_class(tmp_path: Path) -> None:
    run = Puppet()
    found = puppet.apply(tmp_path, ["platform::ntp", "platform::bad"], {"host": {"k": 1}}, run)
    assert found.error == ""
    assert found.failures == {"platform::bad": "Exec[/bin/false]: '/bin/false' returned 1"}
    assert (found.resources, found.changed) == (3, 1)
    assert run.manifest == "include platform::ntp\ninclude platform::bad\n"
    assert run.seen == {"local": {}, "host": {"k": 1}, "system": {}, "secure_host": {}, "secure_system": {}}
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "hieradata").iterdir()} == {0o600}


def test_a_wrong_catalog_fails_as_a_whole_with_puppets_words(tmp_path: Path) -> None:
    err = "Error: Facter: Permission denied\nError: Evaluation Error: Unknown variable: 'x' (line: 3)\n"
    found = puppet.apply(tmp_path, ["a"], {}, Puppet(status=1, err=err))
    assert found.error == "Evaluation Error: Unknown variable: 'x' (line: 3)"


def test_an_old_report_is_not_taken_for_this_run(tmp_path: Path) -> None:
    puppet.apply(tmp_path, ["a"], {}, Puppet())
    found = puppet.apply(tmp_path, ["a"], {}, Puppet(report="", status=0))
    assert found.error == "Puppet's report cannot be read: FileNotFoundError"


@pytest.mark.parametrize("report", ["", "[", "--- 5", "resource_statuses: 7", "resource_statuses: {a: 5}",
                                    "--- !ruby/object:X {resource_statuses: [1]}", "[" * 5000])
def test_a_damaged_report_is_an_error_and_no_crash(tmp_path: Path, report: str) -> None:
    path = tmp_path / "report.yaml"
    path.write_text(report)
    assert puppet.read_report(path).error.startswith("Puppet's report cannot be read")


def test_without_puppet_the_result_says_so(tmp_path: Path) -> None:
    def run(*_args: Any, **_more: Any) -> Completed:
        raise CommandNotFound(command="puppet", reason="No such file or directory")

    assert "puppet cannot be started" in puppet.apply(tmp_path, ["a"], {}, run).error


@pytest.fixture(autouse=True)
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Classes a, b, c, platform::ntp and platform::bad."""
    folder = tmp_path / "modules"
    for name in ("a/manifests/init", "b/manifests/init", "c/manifests/init", "platform/manifests/ntp",
                 "platform/manifests/bad"):
        path = folder / f"{name}.pp"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.setattr(puppet, "MODULES", folder)


def test_a_class_that_the_host_does_not_have_fails_alone(tmp_path: Path) -> None:
    run = Puppet(report="resource_statuses: {}", status=0)
    found = puppet.apply(tmp_path / "x", ["a", "platform::later", "b"], {}, run)
    assert found.failures == {"platform::later": "the software of this host has no such class"}
    assert run.manifest == "include a\ninclude b\n"


@pytest.fixture
def exchange(tmp_path: Path) -> Exchange:
    return Exchange(tmp_path / "configuration")


def test_a_boot_does_not_fail_for_a_class_of_a_later_release(tmp_path: Path) -> None:
    """In a rolling upgrade the controllers are upgraded before the hosts, and hosts boot meanwhile."""
    run = Puppet(report="resource_statuses: {}", status=0)
    found = puppet.apply(tmp_path / "x", ["platform::ntp", "platform::later"], {}, run, lacks_none=False)
    assert (found.error, found.failures) == ("", {})


def test_a_run_applies_what_its_orders_name_and_keeps_the_result(exchange: Exchange, tmp_path: Path) -> None:
    exchange.save(WANTED, HOST)
    run = Puppet()
    result = applying.apply(exchange, run, tmp_path / "host.key", boot=False, local={})
    assert result is not None
    assert (result.config_uuids, result.whole) == (["one"], False)
    assert [one.name for one in result.failures] == ["platform::bad"]
    assert run.manifest == "include a\ninclude b\n"
    assert exchange.result() == result
    assert exchange.directory.stat().st_mode & 0o777 == 0o700


def test_a_boot_applies_all_of_it(exchange: Exchange, tmp_path: Path) -> None:
    exchange.save(WANTED, HOST)
    run = Puppet(status=2)
    result = applying.apply(exchange, run, tmp_path / "host.key", boot=True, local={})
    assert result is not None
    assert (result.config_uuids, result.whole) == (["one", "two"], True)
    assert run.manifest == "include a\ninclude b\ninclude c\n"


def test_a_host_without_configuration_boots_without_puppet(exchange: Exchange, tmp_path: Path) -> None:
    run = Puppet()
    assert applying.apply(exchange, run, tmp_path / "host.key", boot=True, local={}) is None
    exchange.save(WantedConfiguration([], [], [], [], HIERA), HOST)
    assert applying.apply(exchange, run, tmp_path / "host.key", boot=True, local={}) is None
    assert run.runs == []


def test_secrets_are_opened_with_the_hosts_key_only(exchange: Exchange, tmp_path: Path) -> None:
    key = tls.new_key()
    (tmp_path / "host.key").write_bytes(key)
    request_key = tls.request_key(tls.new_request(key, "x"))
    secrets = json.dumps({"system": {"a::p": "s"}, "host": {"a::q": "t"}}).encode()
    sealed = tls.seal_for(request_key, secrets, configuration_purpose(HOST))
    wanted = WantedConfiguration(["one"], ["a"], [], [], HIERA, sealed)
    exchange.save(wanted, HOST)
    run = Puppet(status=0)
    applying.apply(exchange, run, tmp_path / "host.key", boot=False, local={})
    assert (run.seen["secure_system"], run.seen["secure_host"]) == ({"a::p": "s"}, {"a::q": "t"})
    (tmp_path / "host.key").write_bytes(tls.new_key())
    broken = applying.apply(exchange, run, tmp_path / "host.key", boot=False, local={})
    assert broken is not None
    assert broken.error.startswith("the secrets cannot be opened")
    assert len(run.runs) == 1


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"host_uuid": 1, "wanted": 5}', "null\x00"])
def test_a_damaged_file_is_refused(exchange: Exchange, tmp_path: Path, text: str) -> None:
    exchange.directory.mkdir()
    (exchange.directory / "wanted.json").write_text(text)
    with pytest.raises(InvalidInput):
        applying.apply(exchange, Puppet(), tmp_path / "host.key", boot=True, local={})


def test_two_runs_come_one_after_the_other(exchange: Exchange) -> None:
    entered = threading.Event()

    def second() -> None:
        with exchange.alone():
            entered.set()

    with exchange.alone():
        other = threading.Thread(target=second)
        other.start()
        assert not entered.wait(0.2)
    assert entered.wait(5)
    other.join()


class Conductor:
    """Gives orders and keeps results; ``away``: it does not answer; ``older``: it does not know the question;
    ``killed``: so is the host's run."""

    def __init__(self, *replies: WantedConfiguration) -> None:
        self.replies, self.away, self.older, self.killed = list(replies), False, False, False
        self.fetched: list[Mapping[str, Any]] = []
        self.results: list[ConfigurationResult] = []

    def wanted_configuration(self, **asked: Any) -> WantedConfiguration:
        if self.away:
            raise Unavailable(service="sysinv", reason="away")
        if self.older:
            raise VersionMismatch(interface="HostConfiguration", version="1.0")
        self.fetched.append(asked)
        return self.replies.pop(0) if self.replies else WantedConfiguration([], [], [], [], HIERA)

    def configuration_applied(self, *, host_uuid: str, result: ConfigurationResult) -> None:
        if self.away:
            raise Unavailable(service="sysinv", reason="away")
        self.results.append(result)


def work_of(conductor: Conductor, exchange: Exchange, tmp_path: Path) -> tuple[ConfigurationWork, list[int]]:
    applied: list[int] = []

    def apply() -> str:
        applied.append(1)
        if conductor.killed:
            return "it was killed"
        exchange.finish(ConfigurationResult(["one"], changed=3))
        return ""

    return ConfigurationWork(conductor, exchange, tmp_path / "host.crt", apply, lambda: 77), applied  # type: ignore[arg-type]


def test_the_agent_fetches_at_its_start_and_then_when_it_is_told(exchange: Exchange, tmp_path: Path) -> None:
    conductor = Conductor(WANTED)
    work, applied = work_of(conductor, exchange, tmp_path)
    assert work.carry_out(HOST) is None
    assert work.carry_out(HOST) is None
    assert (len(conductor.fetched), applied) == (1, [1])
    assert conductor.fetched[0] == {"host_uuid": HOST, "certificate_pem": "", "uptime_s": 77}
    assert conductor.results == [ConfigurationResult(["one"], changed=3, uptime_s=77)]
    work.request()
    work.carry_out(HOST)
    assert (len(conductor.fetched), applied) == (2, [1])


def test_a_result_is_kept_until_the_conductor_has_it(exchange: Exchange, tmp_path: Path) -> None:
    conductor = Conductor()
    work, applied = work_of(conductor, exchange, tmp_path)
    exchange.finish(ConfigurationResult(["two"], whole=True))
    conductor.away = True
    assert "waits" in str(work.carry_out(HOST))
    conductor.away = False
    assert work.carry_out(HOST) is None
    assert conductor.results == [ConfigurationResult(["two"], whole=True, uptime_s=77)]
    assert exchange.result() is None
    assert applied == [], "it was not applied again"


def test_a_run_that_was_killed_is_told_and_not_tried_again_at_once(exchange: Exchange, tmp_path: Path) -> None:
    conductor = Conductor(WANTED)
    conductor.killed = True
    work, applied = work_of(conductor, exchange, tmp_path)
    assert work.carry_out(HOST) is None
    assert work.carry_out(HOST) is None
    assert applied == [1]
    assert conductor.results == [
        ConfigurationResult(["one"], uptime_s=77, error="The run left no result: it was killed")]


def test_an_older_conductor_is_no_trouble(exchange: Exchange, tmp_path: Path) -> None:
    conductor = Conductor(WANTED)
    conductor.older = True
    work, applied = work_of(conductor, exchange, tmp_path)
    assert work.carry_out(HOST) is None
    conductor.older = False
    assert work.carry_out(HOST) is None
    assert applied == [1]


def test_a_damaged_result_does_not_stop_the_agent(exchange: Exchange, tmp_path: Path) -> None:
    conductor = Conductor(WANTED)
    work, applied = work_of(conductor, exchange, tmp_path)
    exchange.directory.mkdir()
    (exchange.directory / "result.json").write_text("{")
    assert work.carry_out(HOST) is None
    assert applied == [1]


def test_the_program_says_what_was_not_applied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                               capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FLOCK_CONF_DIR", str(tmp_path))
    (tmp_path / "flock.conf").write_text(f"[DEFAULT]\nstate_dir = {tmp_path}\n")
    monkeypatch.setattr(configure, "run", Puppet())
    assert configure.main(["--boot"]) == 0
    Exchange(tmp_path / "configuration").save(WANTED, HOST)
    assert configure.main([]) == 1
    assert capsys.readouterr().err == "platform::bad: Exec[/bin/false]: '/bin/false' returned 1\n"
    monkeypatch.setattr(configure, "run", Puppet(report=REPORT.replace("failed: true", "failed: false"), status=2))
    assert configure.main(["--boot"]) == 0

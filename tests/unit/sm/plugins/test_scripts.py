# SPDX-License-Identifier: Apache-2.0
"""OCF agents, init scripts and programs: which file, which words, which environment; and what is refused."""
from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sm.contract.states import PluginKind, ServiceAction
from sm.plugins.exec import ExecPlugin
from sm.plugins.lsb import LsbPlugin
from sm.plugins.ocf import OcfPlugin
from sm.plugins.plugin import Outcome, PluginFailed, Tools, load
from tests.unit.sm.plugins.conftest import Write
from tests.unit.sm.plugins.rows import job, spec

OCF, LSB, EXEC = PluginKind.OCF, PluginKind.LSB, PluginKind.EXEC
AGENT = "usr/lib/ocf/resource.d/heartbeat/IPaddr2"


def test_an_agent_gets_the_environment_of_ocf(tools: Tools, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_SM", "1")
    write(AGENT, "echo $1; env | sort; exit 7")
    wanted = job(spec(OCF, "IPaddr2", "monitor", provider="heartbeat", parameters={"clone_max": "2"}),
                 {"ip": "192.0.2.1", "nic": "a b"})
    outcome = asyncio.run(OcfPlugin(tools).attempt(wanted))
    lines = outcome.text.splitlines()
    assert (outcome.code, lines[0]) == (7, "monitor")
    mine = [line for line in lines if line.startswith(("OCF_", "HA_", "SECRET", "SM_"))]
    assert [line for line in mine if not line.startswith("SM_ATTEMPT=")] == [
        "HA_LOGFACILITY=daemon", "OCF_RA_VERSION_MAJOR=1", "OCF_RA_VERSION_MINOR=1",
        "OCF_RESKEY_CRM_meta_clone_max=2", "OCF_RESKEY_ip=192.0.2.1", "OCF_RESKEY_nic=a b",
        "OCF_RESOURCE_INSTANCE=one", "OCF_RESOURCE_PROVIDER=heartbeat", "OCF_RESOURCE_TYPE=IPaddr2",
        f"OCF_ROOT={tools.root}/usr/lib/ocf"]


def test_an_agent_is_told_the_name_of_its_instance(tools: Tools, write: Write) -> None:
    write(AGENT, "echo $OCF_RESOURCE_INSTANCE")
    wanted = job(spec(OCF, "IPaddr2", "monitor", provider="heartbeat"), instance="drbd-pg:0")
    assert asyncio.run(OcfPlugin(tools).attempt(wanted)) == Outcome(0, "drbd-pg:0")


def test_an_init_script_gets_its_parameters_and_does_the_work_itself(tools: Tools, write: Write) -> None:
    write("etc/init.d/haproxy", "echo $1 $SYSTEMCTL_SKIP_REDIRECT $A $B; exit 3")
    wanted = job(spec(LSB, "haproxy", "status", parameters={"B": "action"}), {"A": "service", "B": "service"})
    assert asyncio.run(LsbPlugin(tools).attempt(wanted)) == Outcome(3, "status 1 service action")


def test_a_program_gets_its_command_as_the_only_argument(tools: Tools, write: Write) -> None:
    write("opt/mirror", "echo $# $1 $directory; exit 35")
    wanted = job(spec(EXEC, "/opt/mirror", "monitor"), {"directory": "/opt/x"})
    assert asyncio.run(ExecPlugin(tools).attempt(wanted)) == Outcome(35, "1 monitor /opt/x")
    assert asyncio.run(ExecPlugin(tools).attempt(job(spec(EXEC, "/opt/mirror", "")))) == Outcome(35, "0")


def test_only_audits_are_limited(tools: Tools, write: Write) -> None:
    write("opt/limits", "ulimit -f; ulimit -c")
    audit = spec(EXEC, "/opt/limits", "monitor", action=ServiceAction.AUDIT_ENABLED)
    audited, started = (asyncio.run(ExecPlugin(tools).attempt(job(one))).text.split()
                        for one in (audit, spec(EXEC, "/opt/limits", "start")))
    assert audited == [str(64 << 11), "0"] and started[0] == "unlimited"


@pytest.mark.parametrize(("name", "command", "rule"), [
    ("../../bin/true", "start", "name must be"),
    ("-x", "start", "name must be"),
    ("", "start", "name must be"),
    ("a/b", "start", "name must be"),
    ("good", "start; reboot", "command must be"),
    ("absent", "start", "absent cannot be used: No such file"),
    ("folder", "start", "is no program"),
    ("plain", "start", "is no program"),
    ("shared", "start", "can be changed by others than root"),
    ("killed", "start", "was ended by signal 9"),
])
def test_what_is_no_script_of_root_is_not_executed(name: str, command: str, rule: str, tools: Tools, write: Write,
                                                   tmp_path: Path) -> None:
    write("etc/init.d/good", f"touch {tmp_path}/ran")
    write("etc/init.d/plain", "", 0o644)
    write("etc/init.d/shared", f"touch {tmp_path}/ran", 0o777)
    write("etc/init.d/killed", "kill -9 $$")
    (tmp_path / "etc/init.d/folder").mkdir()
    with pytest.raises(PluginFailed, match=rule):
        asyncio.run(LsbPlugin(tools).attempt(job(spec(LSB, name, command))))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["relative", "/opt/../etc/x", ""])
def test_a_program_is_named_by_a_plain_absolute_path(name: str, tools: Tools) -> None:
    with pytest.raises(PluginFailed, match="absolute path"):
        asyncio.run(ExecPlugin(tools).attempt(job(spec(EXEC, name, "start"))))


@pytest.mark.parametrize("parameters", [{"a-b": "1"}, {"1a": "1"}, {"a": "x\0y"}, {"a": "x" * 5000}, {"": "1"}])
def test_parameters_must_be_variables(parameters: dict[str, str], tools: Tools, write: Write) -> None:
    write(AGENT, "exit 0")
    with pytest.raises(PluginFailed, match="parameter"):
        asyncio.run(OcfPlugin(tools).attempt(job(spec(OCF, "IPaddr2", "start", provider="heartbeat"), parameters)))


def test_all_kinds_are_found_and_a_broken_one_is_named(
        tools: Tools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugins, broken = load(tools)
    assert set(plugins) == set(PluginKind) and broken == {}
    package = tmp_path / "plugins_of_a_test"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "bad.py").write_text("import module_that_does_not_exist\n")
    (package / "good.py").write_text("from sm.plugins.lsb import PLUGIN\n")
    (package / "second.py").write_text("from sm.plugins.lsb import PLUGIN\n")
    (package / "tool.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    plugins, broken = load(tools, "plugins_of_a_test")
    assert list(plugins) == [LSB] and set(broken) == {"bad", "second"}
    assert "module_that_does_not_exist" in broken["bad"]

# SPDX-License-Identifier: Apache-2.0
"""The devstack plugin, phase by phase, with stubs for everything that would touch the machine."""
from __future__ import annotations

import configparser
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from flock.conf.options import list_opts as shared_options
from flock.core.errors import FlockError
from flock.db import Database
from flock.rpc import Server, client, transport
from flock.testing.fixtures import private_conf
from flock.testing.services.process import wait_for
from flock.testing.services.rabbitmq import SERVES_S, RabbitNode
from fm.conf import options as fm_options
from fm.contract.rpc import FmManager
from mtce.conf import agent as mtce_agent
from mtce.conf import conductor as mtce_conductor
from mtce.heartbeat.settings import from_ini
from patching.conf import agent as patching_agent
from patching.conf import conductor as patching_conductor
from patching.conf import orchestrator as patching_orchestrator
from sm.catalogue.load import read_site, shipped
from sm.catalogue.seed import configured
from sm.client.control import ask
from sm.cmd.daemon import checked_in_words
from sm.conf import options as sm_options
from sm.contract.control import Request, Verb
from sm.contract.states import PluginKind
from sm.daemon import settings as sm_settings
from sysinv.bootstrap.answers import parse
from sysinv.conf import agent as sysinv_agent
from sysinv.conf import options as sysinv_options
from sysinv.db import tables as sysinv_tables
from sysinv.hosts.seed import seed_system

HERE = Path(__file__).resolve().parent
REPO = HERE.parents[2]
SCRIPTS = [REPO / "devstack" / name for name in
           ("override-defaults", "settings", "plugin.sh", "files/sm-unit", "lib/flock", "lib/fm", "lib/sysinv",
            "lib/mtce", "lib/patching", "lib/sm")]
PORTS = {"fm": "18002", "sysinv": "6385", "mtce": "2112", "patching": "5497", "sm": "7777"}
WITH_DATABASE = ("fm", "sysinv", "mtce", "patching")
ALL = ["fm-api", "fm-mgr", "sysinv-api", "sysinv-cond", "sysinv-agent", "mtce-api", "mtc-agent", "mtc-client",
       "hbs-agent", "patching-cond", "patching-orch", "patching-api", "patching-vim-api", "patching-agent", "sm-daemon",
       "sm-api", "sm-alarms"]
TYPES = {"fm": "faultmanagement", "sysinv": "platform", "mtce": "maintenance", "patching": "patching", "sm": "smapi"}
ENDPOINTS = {"faultmanagement": ":18002", "platform": ":6385/v1", "maintenance": ":2112", "usm": ":5497/v1",
             "patching": ":5497", "nfv": ":4545", "smapi": ":7777"}
# What service management runs, by devstack's name and that of the catalogue.
MANAGED = {"fm-mgr": "fm-mgr", "fm-api": "fm-api", "sysinv-cond": "sysinv-conductor", "sysinv-api": "sysinv-inv",
           "mtc-agent": "mtc-agent", "mtce-api": "mtce-api", "patching-cond": "patching-conductor",
           "patching-api": "patching-api", "patching-orch": "patching-orchestrator",
           "patching-vim-api": "patching-vim-api"}
STARTED = ("fm-mgr", "fm-api", "sysinv-cond", "sysinv-api", "sysinv-agent", "hbs-agent", "mtc-agent", "mtce-api",
           "mtc-client", "patching-cond", "patching-orch", "patching-api", "patching-vim-api", "patching-agent",
           "sm-daemon", "sm-api", "sm-alarms")


def subsystem_of(service: str) -> str:
    """The subsystem of one of devstack's services."""
    first = service.split("-")[0]
    return first if first in PORTS else "mtce"


@dataclass
class Stacked:
    """What a run left in its scratch directory."""

    work: Path

    @property
    def log(self) -> list[str]:
        return (self.work / "log").read_text().splitlines()

    def lines(self, start: str) -> list[str]:
        return [line for line in self.log if line.startswith(start)]

    @property
    def enabled(self) -> list[str]:
        return self.lines("ENABLED_SERVICES=")[-1].partition("=")[2].split(",")

    def units(self) -> dict[str, str]:
        found = {}
        for path in sorted((self.work / "systemd").glob("devstack@*.service")):
            unit = configparser.RawConfigParser()
            unit.read(path)
            found[path.name[len("devstack@"):-len(".service")]] = unit["Service"]["ExecStart"]
        return found

    def conf(self, name: str) -> configparser.RawConfigParser:
        ini = configparser.RawConfigParser(strict=True)
        with open(self.work / "etc/flock" / f"{name}.conf") as stream:
            ini.read_file(stream)
        return ini

    def files(self) -> dict[str, bytes]:
        roots = [self.work / "etc", self.work / "systemd"]
        return {str(path.relative_to(self.work)): path.read_bytes()
                for root in roots for path in sorted(root.rglob("*")) if path.is_file()}


def run(work: Path, *phases: str, local_conf: str = "") -> Stacked:
    """Run phases in ``work``; several runs may share one directory."""
    work.mkdir(exist_ok=True)
    (work / "local.conf").write_text(local_conf)
    env = {"PATH": os.environ["PATH"], "HOME": str(work), "WORK": str(work), "REPO": str(REPO),
           "LOCAL_CONF": str(work / "local.conf")}
    if os.environ.get("DEVSTACK_DIR"):
        env["DEVSTACK_DIR"] = os.environ["DEVSTACK_DIR"]
    done = subprocess.run(["bash", str(HERE / "harness.sh"), *phases], env=env, capture_output=True, text=True,
                          timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return Stacked(work)


@pytest.fixture(scope="module")
def standard(tmp_path_factory: pytest.TempPathFactory) -> Stacked:
    return run(tmp_path_factory.mktemp("devstack") / "work", "stack")


def test_the_umbrella_enables_the_standard_set(standard: Stacked) -> None:
    assert sorted(standard.enabled) == sorted(["key", "rabbit", "mysql", *ALL])


def test_units_run_the_programs_by_absolute_path(standard: Stacked) -> None:
    units = standard.units()
    assert sorted(units) == sorted(ALL)
    programs = {service: command.split()[2].rsplit("/", 1)[-1] for service, command in units.items()}
    assert programs["mtc-agent"] == "mtce-conductor"
    assert programs["hbs-agent"] == "mtce-heartbeat"
    lines = (REPO / "setup.cfg").read_text().splitlines()
    scripts = {line.partition("=")[0].strip() for line in lines if ".cmd." in line}
    assert set(programs.values()) <= scripts
    assert all(word.startswith(("/", "--")) or "=" in word for command in units.values() for word in command.split())
    assert units["sm-daemon"].endswith(f"/sm-daemon --config {standard.work}/etc/flock/sm-daemon.yaml")


@pytest.mark.parametrize("name", sorted(PORTS))
def test_configuration_files(standard: Stacked, name: str) -> None:
    conf = standard.conf(name)
    assert conf["api"]["bind_port"] == PORTS[name]
    assert conf["api"]["workers"] == "2"
    if name in WITH_DATABASE:
        assert conf["database"]["connection"].endswith(f"/{name}?charset=utf8")
    else:
        assert not conf.has_section("database")
    assert conf["keystone_authtoken"]["username"] == name
    assert conf["keystone_authtoken"]["project_name"] == "services"
    assert (standard.work / "etc/flock" / f"{name}.conf").stat().st_mode & 0o077 == 0
    assert standard.conf("flock")["DEFAULT"]["transport_url"] == "rabbit://service.devstack:rabbitpw@192.0.2.10:5672/"


def test_daemons_talk_with_the_account_that_the_plugin_makes(standard: Stacked, own_rabbit: RabbitNode) -> None:
    assert standard.lines("rabbitmqctl import_definitions")
    own_rabbit.start()
    own_rabbit.control("import_definitions", str(standard.work / "definitions.json"))
    url = standard.conf("flock")["DEFAULT"]["transport_url"].replace("192.0.2.10:5672", f"127.0.0.1:{own_rabbit.port}")
    bus = transport(private_conf(), url)
    manager = CountingManager()
    server = Server(bus, "controller-0", {FmManager: manager})
    try:
        assert server.start(SERVES_S)
        client(FmManager, bus, deadline_s=20).apply(requests=[])
        assert manager.calls == 1
    finally:
        server.stop(5)
        bus.close()


class CountingManager:
    """Counts requests, whatever they are."""

    def __init__(self) -> None:
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        def count(**arguments: Any) -> list[Any]:
            self.calls += 1
            return []

        return count


@pytest.mark.parametrize("kind", sorted(ENDPOINTS))
def test_three_endpoints_per_service(standard: Stacked, kind: str) -> None:
    made = standard.lines(f"openstack endpoint create {kind} ")
    assert {line.split()[4] for line in made} == {"public", "internal", "admin"}
    assert {line.split()[5] for line in made} == {f"http://192.0.2.10{ENDPOINTS[kind]}"}


@pytest.mark.parametrize("name", sorted(PORTS))
def test_each_subsystem_has_a_user(standard: Stacked, name: str) -> None:
    assert any(line.startswith(f"openstack role add service --user {name} --project services") for line in standard.log)


def test_roles_and_project_of_operators(standard: Stacked) -> None:
    made = {line.split()[3] for line in standard.lines("openstack role create ")}
    assert made == {"reader", "operator", "configurator", "service"}
    assert standard.lines("openstack project create services")


def test_databases_are_made_before_anything_starts(standard: Stacked) -> None:
    log = standard.log
    for name in WITH_DATABASE:
        assert log.index(f"recreate_database {name}") < log.index(f"{name}-dbsync ") < log.index("PHASE extra")
    waits = [line for line in log if line.startswith(("systemctl start", "flock_await_line"))]
    assert waits[5].endswith("^UUID= sysinv-agent"), "the heartbeat waits for the identity of its host"
    assert [line for line in log if line.startswith("systemctl start")] == [
        f"systemctl start devstack@{service}.service" for service in STARTED]


def test_each_api_is_waited_for_and_checked(standard: Stacked) -> None:
    assert standard.lines("wait_for_service") == [
        f"wait_for_service 60 http://192.0.2.10:{port}/" for port in ("18002", "6385", "2112", "5497", "4545", "7777")]
    assert standard.log[-2:] == ["openstack platform host list", "openstack fault alarm list"]


def test_the_seed_is_what_the_bootstrap_accepts(standard: Stacked) -> None:
    answers = parse(yaml.safe_load((standard.work / "etc/flock/bootstrap.yaml").read_text()))
    assert (answers.system_type, answers.system_mode) == ("All-in-one", "simplex")
    assert answers.network("mgmt").controller0_address == "192.0.2.10"
    assert any(line.startswith("sysinv-dbsync --seed ") for line in standard.log)


def test_the_seed_fills_a_database(standard: Stacked, tmp_path: Path) -> None:
    answers = parse(yaml.safe_load((standard.work / "etc/flock/bootstrap.yaml").read_text()))
    database = Database(f"sqlite:///{tmp_path}/sysinv.sqlite")
    with database.writer() as conn:
        sysinv_tables.METADATA.create_all(conn)
    assert seed_system(database, answers, "52:54:00:00:00:01")
    database.dispose()


def test_the_heartbeat_accepts_its_settings(standard: Stacked) -> None:
    platform = standard.work / "dest/data/flock/host/etc/platform/platform.conf"
    ini = configparser.ConfigParser(interpolation=None)
    ini.read([standard.work / "etc/flock/flock.conf", standard.work / "etc/flock/mtce.conf"])
    lines = platform.read_text()
    copy = standard.work / "platform.conf"
    copy.write_text(lines + "UUID=11111111-1111-1111-1111-111111111111\n")
    ini.set("heartbeat", "platform_conf", str(copy))
    settings = from_ini(ini)
    assert settings.sender
    assert [link.network for link in settings.links] == ["mgmt"]
    assert settings.hostname == "controller-0"
    assert str(settings.socket_path).startswith(str(standard.work))


def test_every_option_that_is_written_exists(standard: Stacked) -> None:
    known: set[tuple[str, str]] = set()
    shared = shared_options()
    for group, options in [*shared, *fm_options.list_opts(), *sysinv_options.list_opts(), *sysinv_agent.list_opts(),
                           *mtce_agent.list_opts(), *mtce_conductor.list_opts(), *sm_options.list_opts(),
                           *patching_agent.list_opts(), *patching_conductor.list_opts(),
                           *patching_orchestrator.list_opts()]:
        known |= {(str(group), option.dest) for option in options}
    foreign = {"keystone_authtoken", "heartbeat", "oslo_messaging_notifications"}  # heartbeat has a test of its own
    elsewhere = {("DEFAULT", name) for name in ("debug", "transport_url", "use_stderr")}
    files = [standard.conf(name) for name in ("flock", "patching-vim-api", *PORTS)]
    defaults = {("DEFAULT", option) for ini in files for option in ini.defaults()}
    written = defaults | {(section, option) for ini in files for section in ini.sections() for option in ini[section]
                          if option not in ini.defaults()}
    assert {pair for pair in written - known - elsewhere if pair[0] not in foreign} == set()


def test_the_site_of_service_management(standard: Stacked) -> None:
    """It manages what a controller runs only while it is active, by the units of devstack, and nothing else."""
    rows = configured(shipped(), read_site(standard.work / "etc/flock/sm-site.yaml", shipped()))
    assert {row.name for row in rows.services if row.provisioned} == set(MANAGED.values())
    assert {row.plugin for row in rows.service_actions if row.service in MANAGED.values()} == {PluginKind.EXEC}
    units = {row.service: row.parameters["UNIT"] for row in rows.service_instances if "UNIT" in row.parameters}
    assert units == {name: f"devstack@{service}.service" for service, name in MANAGED.items()}


# Keeps the states of units in files, one per unit.
SYSTEMCTL = """#!/bin/sh
echo "$*" >> {folder}/calls
case $1 in
    start) touch "{folder}/$2" ;;
    stop) rm -f "{folder}/$2" ;;
    show) if [ -e "{folder}/$5" ]; then echo active; else echo inactive; fi ;;
esac
"""


@pytest.fixture
def managed(standard: Stacked, tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """sm-daemon with the plugin's files: the folder with the states of units, and the control socket."""
    work = tmp_path / "work"
    shutil.copytree(standard.work, work, symlinks=True)
    folder, program = tmp_path / "units", tmp_path / "systemctl"
    folder.mkdir()
    program.write_text(SYSTEMCTL.format(folder=folder))
    program.chmod(0o755)
    conf, site = work / "etc/flock/sm-daemon.yaml", work / "etc/flock/sm-site.yaml"
    conf.write_text(conf.read_text().replace(str(standard.work), str(work)))
    site.write_text(site.read_text().replace('SYSTEMCTL: "log_systemctl"', f'SYSTEMCTL: "{program}"'))
    chosen = sm_settings.read(conf)
    assert chosen.reboot == ("/bin/true",) and "alone" in checked_in_words(chosen)
    with (tmp_path / "log").open("wb") as log:
        daemon = subprocess.Popen([sys.executable, "-m", "sm.cmd.daemon", "--config", str(conf)], cwd=REPO,
                                  stdout=log, stderr=log)
    try:
        yield folder, f"{chosen.runtime}/control"
    finally:
        daemon.terminate()
        daemon.wait(20)
        print((tmp_path / "log").read_text())


def states(control: str) -> dict[str, str]:
    """States of services as the daemon knows them; none before it answers."""
    try:
        report = ask(Request("", Verb.STATUS), control, 5).status
    except FlockError:
        return {}
    assert report is not None
    return {line.name: line.state.value for line in report.services}


def test_service_management_keeps_the_units_of_devstack_running(managed: tuple[Path, str]) -> None:
    folder, control = managed
    wait_for(lambda: set(states(control).values()) == {"enabled-active"}, 60, "all services")
    assert set(states(control)) == set(MANAGED.values())
    units = {f"devstack@{service}.service" for service in MANAGED}
    assert {path.name for path in folder.glob("devstack@*")} == units
    (folder / "devstack@fm-mgr.service").unlink()
    wait_for((folder / "devstack@fm-mgr.service").exists, 60, "the unit that has ended runs again")
    assert {line.split()[-1] for line in (folder / "calls").read_text().splitlines()} == units


def test_passwords_stay_out_of_the_log_of_phases(standard: Stacked) -> None:
    assert not [line for line in standard.log if "databasepw" in line or "rabbitpw" in line]


def test_a_second_run_makes_the_same_files(tmp_path: Path) -> None:
    first = run(tmp_path / "work", "stack").files()
    again = run(tmp_path / "work", "unstack", "stack").files()
    assert first == again


def test_unstack_stops_what_was_started_and_clean_leaves_nothing(tmp_path: Path) -> None:
    stacked = run(tmp_path / "work", "stack", "unstack")
    started, stopped = stacked.lines("systemctl start"), stacked.lines("systemctl stop")
    assert {line.split()[-1] for line in started} == {line.split()[-1] for line in stopped}
    run(tmp_path / "work", "clean")
    assert not (tmp_path / "work/etc/flock").exists()
    assert not (tmp_path / "work/dest/data/flock").exists()


@pytest.mark.parametrize("service", ALL)
def test_each_service_alone(tmp_path: Path, service: str) -> None:
    stacked = run(tmp_path / "work", "stack", local_conf=f"enable_service {service}\n")
    assert list(stacked.units()) == [service]
    subsystem = subsystem_of(service)
    more = ["patching-vim-api"] if subsystem == "patching" else []
    assert sorted(path.stem for path in (tmp_path / "work/etc/flock").glob("*.conf")) == sorted(
        ["flock", subsystem, *more])


@pytest.mark.parametrize("off", [*ALL, *PORTS])
def test_a_disabled_service_does_not_appear(tmp_path: Path, off: str) -> None:
    stacked = run(tmp_path / "work", "stack", local_conf=f"disable_service {off}\n")
    gone = [name for name in ALL if off in (name, subsystem_of(name))]
    assert sorted(stacked.units()) == sorted(set(ALL) - set(gone))
    if off in PORTS:
        assert not [line for line in stacked.log if {off, TYPES[off]} & set(line.split())]
        assert not (stacked.work / "etc/flock" / f"{off}.conf").exists()
    if off != "sm":
        site = yaml.safe_load((stacked.work / "etc/flock/sm-site.yaml").read_text())
        assert set(site["programs"]) == {name for service, name in MANAGED.items() if service not in gone}


def test_a_disabled_flock_does_nothing(tmp_path: Path) -> None:
    stacked = run(tmp_path / "work", "stack", "unstack", "clean", local_conf="disable_service flock\n")
    assert [line for line in stacked.log if not line.startswith(("PHASE", "ENABLED_SERVICES"))] == []


def test_tls_proxy_moves_the_listener(tmp_path: Path) -> None:
    stacked = run(tmp_path / "work", "stack", local_conf="enable_service tls-proxy\nSERVICE_PROTOCOL=https\n")
    assert stacked.conf("fm")["api"]["bind_host"] == "127.0.0.1"
    assert stacked.conf("fm")["api"]["bind_port"] == "28002"
    assert stacked.conf("fm")["api"]["public_endpoint"] == "https://192.0.2.10:18002"
    assert "start_tls_proxy fm-api * 18002 192.0.2.10 28002" in stacked.log


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_parse(script: Path) -> None:
    subprocess.run(["bash", "-n", str(script)], check=True, timeout=30)


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_shellcheck() -> None:
    # SC2034/SC2154: variables of devstack; SC1090/SC1091: files sourced by name.
    names = [str(path) for path in [*SCRIPTS, HERE / "harness.sh", HERE / "standin.sh"]]
    done = subprocess.run(["shellcheck", "--shell=bash", "--exclude=SC1090,SC1091,SC2034,SC2154", *names],
                          capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout


def test_bashate() -> None:
    bashate = pytest.importorskip("bashate.bashate")
    check = bashate.BashateRun()
    check.register_ignores("E005,E006")  # two files are only ever sourced; line length is 120 here
    check.check_files([str(path) for path in SCRIPTS], False)
    assert (check.error_count, check.warning_count) == (0, 0)

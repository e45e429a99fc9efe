# SPDX-License-Identifier: Apache-2.0
"""Two controllers: their settings of service management name each other, and who may join."""
from __future__ import annotations

import socket
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from flock.conf import shared
from flock.core.errors import Refused
from sm.catalogue.build import catalogue
from sm.catalogue.load import read_site, shipped
from sm.catalogue.rows import Configured
from sm.catalogue.seed import configured
from sm.daemon import settings
from sm.daemon.links import links_of
from sm.postgres import settings as postgres
from sm.postgres import texts
from sysinv.bootstrap import joining, management, render, steps
from sysinv.bootstrap.answers import Answers, parse
from tests.unit.sysinv.bootstrap.test_management import answers

BOARDS = {name: {"type": "redfish", "address": f"10.10.20.10{number}", "username": "root", "password": f"pass {number}"}
          for number, name in enumerate(("controller-0", "controller-1"), start=1)}


def node(folder: Path, given: Answers, hostname: str,
         fencing: management.Fencing) -> tuple[settings.Settings, Configured]:
    folder = folder / hostname
    folder.mkdir()
    for file in management.management_files(given, hostname, pair=True, fencing=fencing):
        (folder / Path(file.path).name).write_text(file.content)
    found = settings.read(folder / "sm.conf")
    return found, configured(shipped(), read_site(folder / "site.yaml", shipped()))


@pytest.fixture
def boards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "boards.yaml"
    path.write_text(yaml.safe_dump(BOARDS))
    monkeypatch.setattr(shared, "BOARDS", path)
    return path


@pytest.mark.parametrize(("kind", "mode"), [("Standard", "standard"), ("All-in-one", "duplex")])
def test_the_controllers_find_each_other_on_all_paths(tmp_path: Path, boards: Path, kind: str, mode: str) -> None:
    given = answers(system_type=kind, system_mode="duplex", database="postgresql",
                    overrides={"mtce": {"bmc": {"redfish_scheme": "http", "redfish_port": 8000}}})
    nodes = {name: node(tmp_path, given, name, joining.fencing(given)) for name in ("controller-0", "controller-1")}
    for name, (found, rows) in nodes.items():
        other = next(one for one in nodes if one != name)
        assert found.nodes == ("controller-0", "controller-1") and found.name == name
        assert rows.setting("SYSTEM_MODE") == mode
        links = {link.name: (link.device, link.address, link.peers[0].name, link.peers[0].address)
                 for link in links_of(found, rows)}
        theirs = {link.name: link.address for link in links_of(*nodes[other])}
        assert links.keys() == theirs.keys() == {"mgmt", "cluster-host", "oam"}
        assert {link.name: link.group for link in links_of(found, rows)} == {
            "mgmt": "239.1.1.1", "cluster-host": "239.1.1.1", "oam": None}
        assert {path: address for path, (_, _, _, address) in links.items()} == theirs
        device = found.fencing[other]
        assert list(found.fencing) == [other] and device.program == joining.FENCE
        assert device.restart, "it comes back by itself"
        assert device.parameters["ip"] == BOARDS[other]["address"] and device.parameters["port"] == "8000"
        assert {"postgres", "drbd-platform"} <= catalogue(rows).services.keys()


def test_without_boards_nobody_is_fenced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "BOARDS", tmp_path / "none")
    found, _ = node(tmp_path, answers(), "controller-0", joining.fencing(answers()))
    assert not found.fencing


def test_each_database_knows_the_other_one(tmp_path: Path) -> None:
    given = answers(database="postgresql")
    for name, own, other, theirs in (("controller-0", "192.168.204.2", "controller-1", "192.168.204.3"),
                                     ("controller-1", "192.168.204.3", "controller-0", "192.168.204.2")):
        node(tmp_path, given, name, {})
        found = postgres.read(tmp_path / name / "postgres.conf")
        assert (found.name, dict(found.peers), found.listen) == (name, {other: theirs}, (own,))


def alone(given: Answers) -> object:
    files = {file.path: file.content for file in management.management_files(given, "controller-0")}
    return yaml.safe_load(files[management.DATABASE])


def test_the_database_of_the_first_controller_listens_for_the_second_one_and_admits_nobody(tmp_path: Path) -> None:
    given = answers(database="postgresql")
    assert alone(given) == {"node": "controller-0", "listen": ["192.168.204.2"]}
    assert "listen_addresses = '127.0.0.1,192.168.204.2'" in render.database_conf(given, "controller-0")
    path = tmp_path / "postgres.conf"
    path.write_text(yaml.safe_dump(alone(given)))
    assert texts.access(postgres.read(path)) == ("", ""), "no name and no certificate is admitted"
    assert all(line.split()[3] == "127.0.0.1/32" for line in render.DATABASE_ACCESS.splitlines() if "host" in line)


@pytest.mark.parametrize("more", [{"system_type": "All-in-one", "system_mode": "simplex"},
                                  {"networks": {"mgmt": {"interface": "mgmt0", "subnet": "fd01::/64",
                                                         "controller0_address": "fd01::2"}}}])
def test_a_system_without_a_second_controller_listens_on_loopback_only(more: dict[str, object]) -> None:
    given = answers(database="postgresql", **more)
    assert alone(given) == {"node": "controller-0"}
    assert "listen_addresses = '127.0.0.1'\n" in render.database_conf(given, "controller-0")


@pytest.mark.parametrize(("given", "reason"), [
    (answers(), "database: postgresql"),
    (answers(database="postgresql", system_type="All-in-one", system_mode="simplex"), "simplex"),
    (answers(database="postgresql", networks={"mgmt": {"interface": "mgmt0", "subnet": "10.0.0.0/24",
                                                       "controller0_address": "10.0.0.2"}}), "controller1_address")])
def test_what_cannot_have_two_controllers_is_not_paired(given: Answers, reason: str,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining.socket, "gethostname", lambda: "controller-0")
    monkeypatch.setattr(joining, "_boot", lambda *_: SimpleNamespace(answers=given))
    with pytest.raises(Refused, match=reason):
        joining.pair(Path("/none"), Path("/none"), lambda _: None)


class Paired:
    """A first controller: what pairing does there."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: list[str] = []
        self.listens = True
        self.boot = SimpleNamespace(answers=answers(database="postgresql"))
        for name in ("SETTINGS", "SITE", "DATABASE", "PEERS_ONLY"):
            monkeypatch.setattr(management, name, str(folder / name))
        monkeypatch.setattr(joining.socket, "gethostname", lambda: "controller-0")
        monkeypatch.setattr(joining.socket, "create_connection", self.connect)
        for name, value in {
                "_boot": lambda *_: self.boot, "MIRRORED": folder, "management_files": self.write,
                "systemctl": lambda *words: self.done.append(" ".join(words)),
                "wait_active": lambda _: self.done.append("active"), "fencing": lambda _: {}}.items():
            monkeypatch.setattr(joining, name, value)
        monkeypatch.setattr(joining.expected, "end", lambda: self.done.append("permit ends"))

    def connect(self, place: tuple[str, int], timeout: float) -> socket.socket:
        assert place == ("192.168.204.2", 5432) and timeout < 10
        if not self.listens:
            raise ConnectionRefusedError
        return socket.socket()

    def write(self, boot: object, **how: object) -> None:
        for file in management.management_files(self.boot.answers, "controller-0", pair=True):
            Path(file.path).write_text(file.content)
        self.done.append("files")

    def pair(self) -> list[str]:
        self.done.clear()
        joining.pair(Path("/none"), Path("/none"), lambda _: None)
        return list(self.done)


@pytest.fixture
def paired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paired:
    return Paired(tmp_path, monkeypatch)


def test_pairing_stops_no_service(paired: Paired) -> None:
    assert paired.pair() == ["files", "restart flock-sm", "active", "permit ends"]
    assert paired.pair() == ["active", "permit ends"], "what is as it shall be is left alone"


def test_a_database_that_does_not_listen_yet_is_started_anew(paired: Paired) -> None:
    paired.listens = False
    assert paired.pair() == ["files", "stop flock-sm", "stop postgresql@15-main", "start flock-sm", "active",
                             "permit ends"]


def test_the_settings_that_say_two_are_written_last(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    done: list[str] = []
    monkeypatch.setattr(steps, "MANAGEMENT_KEY", tmp_path)
    monkeypatch.setattr(steps, "write_files", lambda files: done.extend(file.path for file in files))
    monkeypatch.setattr(steps, "run", lambda words, **_: done.append(words[1]))
    steps.management_files(steps.Bootstrap(answers(database="postgresql"), tmp_path, None, tmp_path, tmp_path),
                           pair=True)
    assert done == [management.SITE, management.PEERS_ONLY, management.DATABASE, "catalogue", management.SETTINGS]


def test_a_node_of_two_serves_only_when_its_tests_have_passed(tmp_path: Path) -> None:
    found, _ = node(tmp_path, answers(), "controller-0", {})
    assert found.ready_files == (management.CONFIGURED, management.TESTED)


def test_only_the_second_controller_joins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining.socket, "gethostname", lambda: "controller-0")
    with pytest.raises(Refused, match="only controller-1 joins"):
        joining.join(Path("/none"), Path("/none"), lambda _: None)
    monkeypatch.setattr(joining.socket, "gethostname", lambda: "worker-0")
    with pytest.raises(Refused, match="run this on controller-0"):
        joining.pair(Path("/none"), Path("/none"), lambda _: None)


def test_a_host_without_the_shared_files_does_not_join(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(joining.socket, "gethostname", lambda: "controller-1")
    monkeypatch.setattr(shared, "ANSWERS", tmp_path / "bootstrap.yaml")
    with pytest.raises(Refused, match=r"bootstrap\.yaml is missing"):
        joining.join(Path("/none"), Path("/none"), lambda _: None)


def test_the_bootstrap_of_one_of_two_is_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(management, "SETTINGS", str(tmp_path / "controller-0/sm.conf"))
    monkeypatch.setattr(steps, "CONF_DIR", tmp_path)
    assert not management.is_paired(Path(management.SETTINGS))
    node(tmp_path, answers(), "controller-0", {})
    with pytest.raises(Refused, match="two controllers"):
        steps.bootstrap(tmp_path / "none", tmp_path, tmp_path, lambda _: None)


def test_what_the_second_controller_keeps_is_what_the_installation_gave_it() -> None:
    assert {str(path) for path in joining.KEPT} == {"/etc/flock/flock.conf", str(shared.BUS_DEFINITIONS)}
    assert parse({"admin_password": "correct-horse"}).network("bmc").own_address("controller-1") == "10.10.20.3"

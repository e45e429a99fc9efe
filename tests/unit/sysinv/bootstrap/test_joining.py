# SPDX-License-Identifier: Apache-2.0
"""Two controllers: their settings of service management name each other, and who may join."""
from __future__ import annotations

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
from sysinv.bootstrap import joining, management, steps
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
    files = {file.path: file.content for file in management.management_files(given, "controller-0")}
    assert yaml.safe_load(files[management.DATABASE]) == {"node": "controller-0"}, "the only one has no peer"


def test_a_system_with_sqlite_has_one_controller(boards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining.socket, "gethostname", lambda: "controller-0")
    monkeypatch.setattr(joining, "_boot", lambda *_: SimpleNamespace(answers=answers()))
    with pytest.raises(Refused, match="database: postgresql"):
        joining.pair(Path("/none"), Path("/none"), lambda _: None)


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

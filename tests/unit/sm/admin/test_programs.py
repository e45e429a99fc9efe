# SPDX-License-Identifier: Apache-2.0
"""sm-configure, sm-provision and sm-deprovision as an operator runs them, on a store of their own."""
from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flock.core.errors import DeadlineExceeded
from sm.admin import configuring, provisioning
from sm.admin.notifier import nobody
from sm.catalogue.build import catalogue
from sm.client.control import NotRunning
from sm.cmd import configure, deprovision, provision
from sm.contract.states import OnFailure
from sm.store.store import Store
from tests.unit.sm.catalogue.sites import few

Run = Callable[..., int]
OAM = ("controller", "oam-interface", "", "10.10.10.2", "2222", "2223", "10.10.10.3", "2222", "2223")
ADMIN = ("controller", "admin-interface", "", "10.10.20.2", "2222", "2223", "10.10.20.3", "2222", "2223")
NOT_RUNNING = "sm is not running; the change takes effect when it starts.\n"


class Daemon:
    """Takes down what it is told."""

    def __init__(self) -> None:
        self.told: list[int] = []

    def __call__(self, version: int) -> str:
        self.told.append(version)
        return f"Version {version} is in use, but for its paths."


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    opened = Store.open(tmp_path / "sm.db", few)
    yield opened
    opened.close()


@pytest.fixture
def run(store: Store, tmp_path: Path) -> Run:
    """Run a program by its name; ``daemon`` is the running sm."""
    def done(name: str, *words: str, daemon: Daemon | None = None) -> int:
        arguments, notify = [*words, "--store", str(tmp_path / "sm.db")], daemon or nobody
        if name == "configure":
            return configuring.main(arguments, notify)
        return provisioning.main(f"sm-{name}", name == "provision", arguments, notify)
    return done


def test_deprovision_and_provision_a_service(run: Run, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """The service is started on the active controller without a restart of sm, and its removal stops it."""
    daemon = Daemon()
    assert run("deprovision", "service-group-member", "controller-services", "fm-api", "--apply", daemon=daemon) == 0
    out = capsys.readouterr().out
    assert out.startswith("stops: fm-api\n")
    assert out.endswith("Stored as version 2.\nVersion 2 is in use, but for its paths.\n")
    assert run("provision", "service-group-member", "controller-services", "fm-api", "--apply", daemon=daemon) == 0
    assert capsys.readouterr().out.startswith("starts: fm-api\n") and daemon.told == [2, 3]
    assert [one.comment for one in store.versions()][0].startswith(
        "sm-provision service-group-member controller-services fm-api --apply")


def test_without_a_daemon_apply_stores_the_change(run: Run, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("deprovision", "service-group-member", "controller-services", "fm-api", "--apply") == 0
    assert capsys.readouterr().out.endswith("Stored as version 2.\n" + NOT_RUNNING) and store.version() == 2


def test_a_daemon_that_does_not_answer(run: Run, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    class Stuck(Daemon):
        def __call__(self, version: int) -> str:
            raise DeadlineExceeded(what="sm", timeout_s=5)

    assert run("deprovision", "service-group-member", "controller-services", "fm-api", "--apply", daemon=Stuck()) == 1
    assert "the change is stored, but sm could not be told: sm did not finish within 5 s" in capsys.readouterr().err
    assert store.version() == 2


def test_without_apply_nobody_is_told(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    daemon = Daemon()
    assert run("deprovision", "service-group-member", "controller-services", "fm-api", daemon=daemon) == 0
    assert daemon.told == [] and NOT_RUNNING not in capsys.readouterr().out


def test_a_dry_run(run: Run, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    daemon = Daemon()
    assert run("deprovision", "service-group-member", "controller-services", "fm-api", "--apply", "--dry-run",
               daemon=daemon) == 0
    out = capsys.readouterr().out
    assert out.startswith("stops: fm-api\n") and out.endswith("This was a dry run; nothing was changed.\n")
    assert daemon.told == [] and store.version() == 1


def test_a_refusal_names_row_and_rule(run: Run, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    daemon = Daemon()
    assert run("deprovision", "service-group-member", "cloud-services", "keystone", "--apply", daemon=daemon) == 1
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("sm-deprovision: refused; nothing was changed.\nservice_groups: "
                                                  "cloud-services: members: a provisioned group needs")
    assert run("provision", "service-group", "nobody") == 1
    assert "service group nobody could not be found" in capsys.readouterr().err
    assert daemon.told == [] and store.version() == 1


def test_what_is_so_already(run: Run, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("provision", "service-domain", "controller") == 0
    assert capsys.readouterr().out == "It is so already; nothing was changed.\n" and store.version() == 1


@pytest.mark.parametrize("words", [
    ("service-domain", "controller"), ("service-domain-member", "controller", "cloud-services"),
    ("service-domain-interface", "controller", "admin-interface"), ("service-group", "cloud-services"),
    ("service-group-member", "controller-services", "fm-api"), ("service", "fm-api")])
def test_every_kind(run: Run, store: Store, words: tuple[str, ...]) -> None:
    before = store.configured()
    assert run("provision", *words) == 0 and run("deprovision", *words) == 0
    assert store.configured() != before or words[1:] == ("controller", "admin-interface")
    assert run("provision", *words) == 0
    assert store.configured() == before or words[1:] == ("controller", "admin-interface")


def test_apply_is_for_services_and_paths(run: Run) -> None:
    for words in (("service-domain", "controller"), ("service-group", "x"), ("service", "x")):
        with pytest.raises(SystemExit):
            run("provision", *words, "--apply")


def test_configure_interface(run: Run, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("configure", "interface", *OAM) == 0
    found = next(row for row in store.configured().service_domain_interfaces if row.name == "oam-interface")
    assert (found.address, found.peer_address) == ("10.10.10.2", "10.10.10.3")
    assert run("configure", "interface", *OAM, "--apply") == 1
    assert "Invalid input for --apply: is possible for admin-interface" in capsys.readouterr().err
    daemon = Daemon()
    assert run("configure", "interface", *ADMIN, "--apply", daemon=daemon) == 0 and daemon.told == [3]


def test_configure_service_instance(run: Run, store: Store) -> None:
    daemon = Daemon()
    assert run("configure", "service_instance", "oam-ipv4", "oam-ipv4", "ip=10.9.9.9,nic=eth1") == 0
    assert run("configure", "service_instance", "oam-ipv4", "oam-ipv4", "ip=10.9.9.8", "--apply", daemon=daemon) == 1
    assert run("configure", "service_instance", "cluster-host-ipv4", "x", "ip=10.9.9.8", "--apply", daemon=daemon) == 0
    assert daemon.told == [3]
    found = {row.service: (row.instance, row.parameters) for row in store.configured().service_instances}
    assert found["oam-ipv4"] == ("oam-ipv4", {"ip": "10.9.9.9", "nic": "eth1"})
    assert found["cluster-host-ipv4"] == ("x", {"ip": "10.9.9.8"})


def test_configure_service_group(run: Run, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """As a system is made simplex: one group after the other leaves the aggregate."""
    groups = [row.group for row in store.configured().service_domain_members if row.provisioned]
    for number, group in enumerate(groups):
        assert run("configure", "service_group", "yes", "controller", group, "N", "1", "0", "", "directory-services"
                   ) == 0, group
        assert store.version() == number + 2
    assert "active_only 'directory-services' has no effect" in capsys.readouterr().err
    assert run("configure", "service_group", "yes", "controller", groups[0], "N + M", "1", "1",
               "controller-aggregate") == 0


def test_configure_service(run: Run, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """What follows when it has failed too often is in the catalogue that the daemon runs by, and restarts nothing."""
    daemon = Daemon()
    assert run("configure", "service", "fm-mgr", "--on_failure", "degrade", "--max_failures", "5", "--apply",
               daemon=daemon) == 0
    assert "restarts" not in capsys.readouterr().out and daemon.told == [2]
    found = catalogue(store.configured()).services["fm-mgr"]
    assert (found.on_failure, found.max_failures, found.max_action_failures) == (OnFailure.DEGRADE, 5, 4)
    for words, message in ((("nobody", "--on_failure", "swact"), "service nobody could not be found"),
                           (("fm-mgr", "--max_failures", "0"), "max_failures: must be a number from 1 to 10000"),
                           (("fm-mgr",), "needs one of --on_failure, --max_failures, --max_action_failures")):
        assert run("configure", "service", *words) == 1
        assert message in capsys.readouterr().err
    with pytest.raises(SystemExit):
        run("configure", "service", "fm-mgr", "--on_failure", "hope")
    assert store.version() == 2


def test_configure_preferred_nodes(run: Run, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    place = ("service_group", "yes", "controller", "cloud-services", "N + M", "1", "1", "controller-aggregate")
    assert run("configure", *place, "--preferred", "controller-1,controller-0") == 0
    assert "in controller-aggregate on controller-1, controller-0 if possible" in capsys.readouterr().out
    assert run("configure", *place) == 0, "what is not given stays"
    assert catalogue(store.configured()).groups["cloud-services"].preferred == ("controller-1", "controller-0")
    assert run("configure", *place, "--preferred", "controller-1,controller-1") == 1
    assert "preferred: must be different names of nodes" in capsys.readouterr().err
    assert run("configure", *place[:3], "oam-services", *place[4:], "--preferred", "controller-0") == 1
    assert "groups that move together may not prefer different nodes: controller-0 or controller-1,controller-0" in (
        capsys.readouterr().err)
    assert run("configure", *place, "--preferred", "") == 0
    assert catalogue(store.configured()).groups["cloud-services"].preferred == ()


@pytest.mark.parametrize(("name", "words"), [
    ("configure", ()), ("configure", ("interface",)), ("configure", ("service_instance",)), ("configure", ("service",)),
    ("configure", ("service_group",)), ("configure", ("system",)), ("configure", ("catalogue",)),
    ("configure", ("roll_back",)), ("provision", ()), ("provision", ("service-group-member",)), ("deprovision", ())])
def test_examples_of_the_help_are_command_lines(run: Run, capsys: pytest.CaptureFixture[str], name: str,
                                                words: tuple[str, ...]) -> None:
    """Each help has some, and the programs take them."""
    with pytest.raises(SystemExit):
        run(name, *words, "--help")
    lines = capsys.readouterr().out.partition("examples:\n")[2].splitlines()
    assert lines
    for line in lines:
        program, *arguments = shlex.split(line)
        assert program == f"sm-{name}" and run(name, *arguments, daemon=Daemon()) in (0, 1)
        assert "usage:" not in capsys.readouterr().err


def test_configure_system(run: Run, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("configure", "system", "--cpe_mode", "duplex-direct", "--sm_process_priority", "-5",
               "--sm_server_port", "1", "--sm_client_port", "2") == 0
    found = store.configured()
    assert [found.setting(key) for key in ("SYSTEM_MODE", "sm_process_priority", "sm_server_port", "sm_client_port")
            ] == ["duplex-direct", "-5", "1", "2"]
    assert run("configure", "system") == 1 and run("configure", "system", "--sm_process_priority", "3") == 1
    assert "sm_process_priority: value: must be a number from -20 to -2" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        run("configure", "system", "--cpe_mode", "simplex")
    assert run("configure", "system", "--set", "ENABLING_THROTTLE=5", "--set", "FAILPENDING_TIMEOUT_MS=3000") == 0
    assert store.configured().setting("ENABLING_THROTTLE") == "5"
    for text in ("ENABLING_THROTTLE", "THROTTLE=5", "SYSTEM_MODE=simplex"):
        assert run("configure", "system", "--set", text) == 1


@pytest.mark.parametrize("setting", ["policy=promote", "lease_ms=5000"])
def test_what_the_daemon_does_not_take_from_the_store_is_refused(
        run: Run, store: Store, capsys: pytest.CaptureFixture[str], setting: str) -> None:
    """It was stored and had no effect: the agreement goes by the daemon's settings."""
    assert run("configure", "system", "--set", setting) == 1 and store.version() == 1
    assert "it is set in /etc/sm/sm.conf of each controller" in capsys.readouterr().err


def test_roll_back(run: Run, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    daemon = Daemon()
    assert run("deprovision", "service-group-member", "controller-services", "fm-api") == 0
    assert run("configure", "roll_back", "1", "--dry-run") == 0 and store.version() == 2
    assert run("configure", "roll_back", "1", "--apply", daemon=daemon) == 0
    assert "starts: fm-api\n" in capsys.readouterr().out and daemon.told == [3] and store.configured() == few()
    assert run("configure", "roll_back", "9") == 1
    assert "configuration version 9 could not be found" in capsys.readouterr().err
    assert run("configure", "versions") == 0
    shown = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in shown] == ["3", "2", "1"] and shown[0].endswith("back to version 1")


def test_only_root(run: Run, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert run("provision", "service-domain", "controller") == 2
    assert capsys.readouterr().err == "sm-provision must run as root.\n"


def test_a_damaged_store(run: Run, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store.close()
    (tmp_path / "sm.db").write_bytes(b"rubbish" * 1000)
    for suffix in ("-wal", "-shm"):
        (tmp_path / f"sm.db{suffix}").unlink(missing_ok=True)
    assert run("provision", "service-domain", "controller") == 1
    assert "is damaged" in capsys.readouterr().err and (tmp_path / "sm.db").read_bytes().startswith(b"rubbish")


def test_a_new_store_is_made_of_the_site(tmp_path: Path, store: Store, capsys: pytest.CaptureFixture[str],
                                         monkeypatch: pytest.MonkeyPatch) -> None:
    place = ["--store", str(tmp_path / "new/sm.db"), "--site", str(tmp_path / "site.yaml")]
    (tmp_path / "site.yaml").write_text("mode: simplex\nunit: 7\n")
    assert provisioning.main("sm-provision", True, ["service-domain", "controller", *place]) == 1
    assert "site.yaml: site: unit: must be a string" in capsys.readouterr().err
    (tmp_path / "site.yaml").write_text("mode: simplex\nunit: controller-0\n")
    monkeypatch.setattr("sys.argv", ["sm-deprovision", "service", "mtce-api", *place])
    assert deprovision.main() == 0
    monkeypatch.setattr("sys.argv", ["sm-provision", "service", "mtce-api", *place])
    assert provision.main() == 0
    monkeypatch.setattr("sys.argv", ["sm-configure", "system", "--sm_client_port", "9", *place])
    assert configure.main() == 0
    (tmp_path / "site.yaml").write_text("mode: simplex\nunit: controller-0\nconfiguration: {ENABLING_THROTTLE: '7'}\n")
    capsys.readouterr()
    for words in (["--dry-run"], ["--apply"]):
        assert configuring.main(["catalogue", *words, *place]) == 0
        assert "changes: configuration ENABLING_THROTTLE value: '2' -> '7'" in capsys.readouterr().out
    found = Store.open(tmp_path / "new/sm.db", few)
    assert found.configured().setting("ENABLING_THROTTLE") == "7"
    found.roll_back(4)
    assert found.configured().setting("SYSTEM_MODE") == "simplex" and found.version() == 6
    found.close()


def test_nobody() -> None:
    with pytest.raises(NotRunning, match="sm-daemon does not run here"):
        nobody(3)

# SPDX-License-Identifier: Apache-2.0
"""The configuration engine from an order to the host's result: stored, in sequence, exactly once, told to operators."""
from __future__ import annotations

import datetime
import json
import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import yaml

from flock import tls
from flock.db import utcnow
from sysinv.conductor.configuration import RETRY_S, ConfigurationAudits, ConfigurationEndpoint
from sysinv.conductor.hierafiles import HieraFiles
from sysinv.config import hiera, model, ordering
from sysinv.config.hiera import Plugin, PuppetClass
from sysinv.config.ordering import Change
from sysinv.contract.errors import HostNotFound
from sysinv.contract.records import ClassFailure, ConfigurationResult, WantedConfiguration
from sysinv.hosts.issuing import issue_for_host
from sysinv.model.hostfiles import configuration_purpose
from sysinv.resources.configuration import store
from sysinv.resources.configuration.table import HOST_CONFIGURATIONS, RUNTIME_CONFIG
from sysinv.resources.host.table import I_HOST

ALARM = (model.ALARM_ID, "host=controller-0")
TIMEZONE = Change("time zone", ("platform::config::timezone",))


class Engine:
    """controller-0's side and the operator's: order, fetch, answer."""

    def __init__(self, cloud: Any) -> None:
        self.cloud = cloud
        cloud.state("controller-0", administrative="unlocked", operational="enabled", availability="available")
        self.host = cloud.host("controller-0")["uuid"]

    def order(self, change: Change = TIMEZONE) -> str | None:
        return self.cloud.db.transact(lambda conn: ordering.order(conn, change))

    def fetch(self, certificate: str = "", uptime_s: int = 3600) -> WantedConfiguration:
        found: WantedConfiguration = self.cloud.configuration.wanted_configuration(
            host_uuid=self.host, certificate_pem=certificate, uptime_s=uptime_s)
        return found

    def answer(self, *names: str, **values: Any) -> None:
        self.cloud.configuration.configuration_applied(
            host_uuid=self.host, result=replace(ConfigurationResult(list(names)), **values))

    def carry_out(self, **values: Any) -> WantedConfiguration:
        wanted = self.fetch()
        self.answer(*wanted.config_uuids, **values)
        return wanted

    @property
    def shown(self) -> tuple[str | None, str | None]:
        body = self.cloud.host("controller-0")
        return body["config_applied"], body["config_target"]

    def history(self) -> list[dict[str, Any]]:
        body = self.cloud.get("/v1/ihosts/controller-0/config_history").body
        return list(body["config_history"])

    def states(self) -> list[str]:
        return [one["state"] for one in self.history()]

    def alarm(self) -> Mapping[str, Any] | None:
        self.cloud.configurations.alarms()
        found: Mapping[str, Any] | None = self.cloud.raised.active.get(ALARM)
        return found


@pytest.fixture
def engine(cloud: Any) -> Engine:
    return Engine(cloud)


def test_an_order_reaches_the_host_and_its_result_the_operator(engine: Engine) -> None:
    target = engine.order()
    assert engine.shown == (None, target)
    assert engine.cloud.host("controller-0")["config_status"] == "Config out-of-date"
    engine.cloud.configurations.tell()
    assert engine.cloud.told == ["controller-0"]
    wanted = engine.fetch()
    assert (wanted.config_uuids, wanted.classes, wanted.whole) == ([target], ["platform::config::timezone"], False)
    assert json.loads(wanted.hiera)["system"]["platform::config::params::timezone"] == "UTC"
    engine.answer(target or "", resources=12, changed=2, duration_ms=1500)
    assert engine.shown == (target, target)
    assert engine.cloud.host("controller-0")["config_status"] is None
    (row,) = engine.history()
    assert (row["state"], row["reason"], row["changed"], row["error"]) == ("applied", "time zone", 2, None)
    assert engine.alarm() is None


def test_orders_wait_for_the_host_in_sequence_and_across_a_restart(engine: Engine) -> None:
    """Scenario 9: three changes while the host is away, another conductor, all applied in order, exactly once."""
    names = [engine.order(Change(f"change {number}", (f"class{number}",))) for number in range(3)]
    engine.cloud.configuration = ConfigurationEndpoint(
        engine.cloud.db, engine.cloud.hiera, engine.cloud.folder / "tls", engine.cloud.folder / "secret.key")
    wanted = engine.carry_out()
    assert (wanted.config_uuids, wanted.classes) == (names, ["class0", "class1", "class2"])
    assert engine.states() == ["applied"] * 3
    assert engine.shown == (names[-1], names[-1])
    again = engine.fetch()
    assert (again.config_uuids, again.classes) == ([], [])


def test_a_result_that_comes_twice_changes_nothing(engine: Engine) -> None:
    wanted = engine.carry_out()
    engine.order()
    engine.answer(*wanted.config_uuids, error="late")
    assert engine.states() == ["pending"]


def test_a_host_that_never_answers_is_asked_again_and_its_order_marked(engine: Engine) -> None:
    engine.order()
    later = utcnow() + datetime.timedelta(seconds=RETRY_S + 1)
    audits = ConfigurationAudits(engine.cloud.db, engine.cloud.agent_of, engine.cloud.raised, engine.cloud.raised,
                                 engine.cloud.hiera, now=lambda: later)
    audits.retry()
    assert engine.states() == ["retried"]
    engine.carry_out()
    assert engine.states() == ["applied"]


def test_hosts_are_told_again_only_after_a_while_and_not_while_they_are_away(engine: Engine) -> None:
    now = [0.0]
    audits = ConfigurationAudits(engine.cloud.db, engine.cloud.agent_of, engine.cloud.raised, engine.cloud.raised,
                                 engine.cloud.hiera, clock=lambda: now[0])
    engine.order()
    engine.cloud.state("controller-0", availability="offline")
    audits.tell()
    assert engine.cloud.told == []
    engine.cloud.state("controller-0", availability="available")
    audits.tell()
    audits.tell()
    now[0] = 30.0
    audits.tell()
    assert engine.cloud.told == ["controller-0"] * 2


def test_a_failed_class_is_told_with_its_reason_and_a_repeat_recovers(engine: Engine) -> None:
    """Scenario 10."""
    target = engine.order()
    engine.carry_out(failures=[ClassFailure("platform::config::timezone", "File[/etc/localtime]: read-only")])
    assert engine.shown == (None, target)
    assert engine.states() == ["failed"]
    alarm = engine.alarm()
    assert alarm is not None
    assert "time zone: platform::config::timezone: File[/etc/localtime]: read-only" in alarm["reason_text"]
    again = engine.order()
    assert engine.carry_out().config_uuids == [target, again]
    assert engine.shown == (again, again)
    assert engine.alarm() is None


def test_a_change_that_needs_a_boot_stands_until_lock_and_unlock(engine: Engine) -> None:
    """Scenario 33 of hosts, 7 of the system in the form of the top bit."""
    target = engine.order(Change("kernel arguments", ("platform::compute::grub",), reboot_required=True))
    assert target is not None
    assert model.needs_reboot(target)
    alarm = engine.alarm()
    assert alarm is not None
    assert alarm["reason_text"] == (
        f"controller-0 Configuration is out-of-date. (applied: none target: {target})")
    assert alarm["severity"] == "major"
    assert "Lock and unlock host controller-0 to update config" in alarm["proposed_repair_action"]
    engine.carry_out()
    assert engine.shown == (model.unmarked(target), target)
    assert engine.alarm() is not None
    later = engine.order()
    assert model.needs_reboot(engine.shown[1] or ""), "the target inherits the mark"
    whole = engine.cloud.db.transact(lambda conn: ordering.at_unlock(conn, store.configured_hosts(conn)[0]))
    booting = engine.fetch()
    assert booting.boot_uuids == [target, later, whole]
    assert booting.boot_classes == [name for name in hiera.known_classes()
                                    if name not in ("platform::compute::hugepage", "platform::compute::grub")], \
        "this controller has no worker function"
    engine.answer(*booting.boot_uuids, whole=True, uptime_s=0)
    assert engine.shown == (engine.shown[1], engine.shown[1])
    assert engine.states() == ["applied"] * 3
    assert engine.alarm() is None


def test_a_host_that_booted_without_its_orders_runs_all_of_them(engine: Engine) -> None:
    whole = engine.cloud.db.transact(lambda conn: ordering.at_unlock(conn, store.configured_hosts(conn)[0]))
    assert not engine.fetch(uptime_s=3600).whole
    engine.cloud.db.transact(lambda conn: conn.execute(RUNTIME_CONFIG.update().values(
        created_at=utcnow() - datetime.timedelta(seconds=100))))
    late = engine.fetch(uptime_s=10)
    assert (late.whole, late.config_uuids) == (True, [whole])


def test_an_unlock_waits_until_the_host_has_its_configuration(engine: Engine) -> None:
    waits = engine.cloud.configurations.waits_for_fetch
    assert not waits(engine.host, 20.0), "a host that never fetched anything has another release"
    engine.fetch()
    engine.cloud.state("controller-0", administrative="locked", operational="disabled", availability="online")
    engine.cloud.db.transact(lambda conn: ordering.at_unlock(conn, store.configured_hosts(conn)[0]))
    assert not waits(engine.host, 20.0), "no unlock has begun"
    engine.cloud.db.transact(lambda conn: conn.execute(I_HOST.update().values(ihost_action_at=utcnow())))
    assert waits(engine.host, 20.0)
    assert engine.cloud.told == ["controller-0"]
    assert not waits(engine.host, -1.0), "not for ever"
    engine.fetch()
    assert not waits(engine.host, 20.0)


def test_the_difference_is_what_an_unlock_would_change(engine: Engine) -> None:
    def differences() -> dict[str, tuple[Any, Any]]:
        body = engine.cloud.get("/v1/ihosts/controller-0/config_diff").body
        return {one["key"]: (one["applied"], one["wanted"]) for one in body["config_diff"]}

    assert differences()["platform::params::hostname"] == (None, "controller-0")
    engine.cloud.db.transact(lambda conn: ordering.at_unlock(conn, store.configured_hosts(conn)[0]))
    wanted = engine.fetch()
    engine.answer(*wanted.boot_uuids, whole=True)
    assert differences() == {}
    system = engine.cloud.get("/v1/isystems").body["isystems"][0]["uuid"]
    engine.cloud.patch(f"/v1/isystems/{system}", timezone="Europe/Paris")
    assert differences() == {"platform::config::params::timezone": ("UTC", "Europe/Paris")}
    engine.cloud.patch(f"/v1/isystems/{system}", timezone="Europe/Paris", contact="noc")
    assert engine.states() == ["applied", "pending"], "one order for the change, none for its repetition"
    assert engine.carry_out().classes == ["platform::config::timezone"]
    assert differences() == {}


def test_a_host_that_was_never_unlocked_gets_no_orders(engine: Engine) -> None:
    engine.cloud.post("/v1/ihosts", {"personality": "worker", "hostname": "worker-0", "mgmt_mac": "08:00:27:00:00:77"})
    engine.order()
    assert engine.cloud.host("worker-0")["config_target"] is None


def test_old_orders_are_forgotten_and_open_ones_kept(engine: Engine) -> None:
    engine.order()
    engine.carry_out()
    engine.order()
    audits = ConfigurationAudits(engine.cloud.db, engine.cloud.agent_of, engine.cloud.raised, engine.cloud.raised,
                                 engine.cloud.hiera, now=lambda: utcnow() + datetime.timedelta(days=2))
    audits.prune()
    assert engine.states() == ["pending"]


SECRET = "hash-of-a-password"


@pytest.fixture
def secretive(monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = Plugin(classes=(PuppetClass("platform::users"),),
                    secure=lambda _conn: {"platform::users::params::hash": SECRET})
    monkeypatch.setattr(hiera, "plugins", lambda: (plugin,))
    monkeypatch.setattr(hiera, "known_classes", lambda: {"platform::users": plugin.classes[0]})


@pytest.mark.usefixtures("secretive")
def test_secrets_are_sealed_for_the_host_and_shown_to_nobody(engine: Engine) -> None:
    key = tls.new_key()
    request = tls.new_request(key, "x").decode()
    tls_files = engine.cloud.folder / "tls"
    mine = issue_for_host(tls_files, "controller-0", request, utcnow()).certificate
    engine.order(Change("password", ("platform::users",)))
    wanted = engine.fetch(mine)
    assert SECRET not in str(wanted)
    opened = json.loads(tls.open_sealed(key, wanted.sealed, configuration_purpose(engine.host)))
    assert opened["system"] == {"platform::users::params::hash": SECRET}
    engine.answer(*wanted.config_uuids)
    with engine.cloud.db.reader() as conn:
        stored = [str(dict(row)) for table in (RUNTIME_CONFIG, HOST_CONFIGURATIONS)
                  for row in conn.execute(table.select()).mappings()]
    assert stored
    assert SECRET not in " ".join(stored)
    for path in ("config_history", "config_diff"):
        assert SECRET not in str(engine.cloud.get(f"/v1/ihosts/controller-0/{path}").body)


@pytest.mark.usefixtures("secretive")
@pytest.mark.parametrize("whose", ["worker-9", "nobody", "garbage", "another authority"])
def test_secrets_are_left_out_for_another_certificate(engine: Engine, whose: str) -> None:
    request = tls.new_request(tls.new_key(), "x").decode()
    if whose == "another authority":
        foreign = tls.Authority.create("other", datetime.datetime.now(datetime.UTC))
        given = foreign.issue(request, tls.Usage.CLIENT, "controller-0", ["controller-0"],
                              datetime.datetime.now(datetime.UTC)).decode()
    elif whose == "worker-9":
        given = issue_for_host(engine.cloud.folder / "tls", whose, request, utcnow()).certificate
    else:
        given = "" if whose == "nobody" else "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    wanted = engine.fetch(given)
    assert wanted.sealed == ""
    assert SECRET not in str(wanted)


def test_an_unknown_host_is_refused(engine: Engine) -> None:
    with pytest.raises(HostNotFound):
        engine.cloud.configuration.configuration_applied(
            host_uuid="6f0c2f6a-35b9-4e4f-9c38-6f2d3f0b7d11", result=ConfigurationResult([]))


def test_scenario_16_of_the_system_readers_of_the_files_never_see_half_of_one(engine: Engine) -> None:
    """Scenario 16: YAML that is whole during many generations, private, and no secret in an open file."""
    files, folder = HieraFiles(engine.cloud.folder / "files"), engine.cloud.folder / "files"
    made = hiera.Rendered(system={"a": "x" * 5000}, host={"b": 1}, secure_system={"c": "secret"})
    files.write("worker-0", made)
    stop = threading.Event()

    def rewrite(number: int) -> None:
        while not stop.is_set():
            files.write("worker-0", replace(made, system={"a": f"{number}" * 5000}))

    writers = [threading.Thread(target=rewrite, args=(number,)) for number in range(2)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(100):
            data = yaml.safe_load((folder / "system.yaml").read_text())
            assert len(data["a"]) == 5000
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert sorted(path.name for path in folder.iterdir()) == ["secure_system.yaml", "system.yaml", "worker-0.yaml"]
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert "secret" not in (folder / "system.yaml").read_text() + (folder / "worker-0.yaml").read_text()


def test_files_of_hosts_that_are_gone_are_removed(engine: Engine) -> None:
    engine.fetch()
    (engine.cloud.folder / "hieradata" / "worker-9.yaml").write_text("{}\n")
    engine.cloud.configurations.prune()
    assert sorted(path.name for path in (engine.cloud.folder / "hieradata").iterdir()) == [
        "controller-0.yaml", "secure_system.yaml", "system.yaml"]


@pytest.mark.parametrize("name", ["../x", "a/b", "secure_system/../x", "", "system"])
def test_a_name_that_is_none_makes_no_file(engine: Engine, name: str) -> None:
    folder = engine.cloud.folder / "names"
    HieraFiles(folder).write(name, hiera.Rendered())
    assert not folder.exists()


def test_two_plugins_may_not_render_one_key(monkeypatch: pytest.MonkeyPatch, engine: Engine) -> None:
    twice = Plugin(system=lambda _conn: {"a::b": 1})
    monkeypatch.setattr(hiera, "plugins", lambda: (twice, twice))
    with pytest.raises(TypeError, match="two plug-ins render a::b"):
        engine.fetch()

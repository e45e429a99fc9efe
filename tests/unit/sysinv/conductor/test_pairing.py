# SPDX-License-Identifier: Apache-2.0
"""The conductor pairs both controllers when the second one is in service, and says when that does not come about."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from flock.db import Database
from flock.exec.process import CommandFailed
from sysinv.bootstrap.answers import parse
from sysinv.conductor import pairing, units
from sysinv.conductor.pairing import ALARM_ID, LATE_S, OUT_OF_DATE, Pairing, second_in_service
from sysinv.db.lookup import host_row
from sysinv.db.tables import METADATA
from sysinv.hosts.seed import seed_system
from sysinv.model.host import initial_states
from sysinv.resources.host import store as hosts
from sysinv.resources.host.table import I_HOST


class Cloud:
    """A database with both controllers, and what the audit does."""

    def __init__(self, folder: Path) -> None:
        self.now_s, self.begun, self.paired = 0.0, 0, False
        self.alarms: list[tuple[str, str]] = []
        self.reason = ""
        self.db = Database(f"sqlite:///{folder}/sysinv.sqlite")
        METADATA.create_all(self.db.engine)
        seed_system(self.db, parse({"admin_password": "sysadmin-1", "system_mode": "duplex"}), "08:00:27:00:00:01")
        with self.db.writer() as conn:
            system = conn.execute(sa.select(I_HOST.c.forisystemid)).scalar()
            hosts.insert(conn, {**initial_states(), "mgmt_mac": "08:00:27:00:00:02", "forisystemid": system,
                                "sw_version": "1", "hostname": "controller-1", "personality": "controller",
                                "install_state": "completed"})
        self.watch = self.watcher("controller-0")

    def watcher(self, hostname: str) -> Pairing:
        raiser: Any = self
        return Pairing(self.db, hostname, raiser, self.begin, lambda: self.paired, lambda: self.now_s)

    def begin(self) -> None:
        self.begun += 1

    def raise_alarm(self, alarm_id: str, **what: str) -> None:
        self.alarms.append((alarm_id, what["entity_instance_id"]))
        self.reason = what["reason_text"]

    def clear_alarm(self, alarm_id: str, *, entity_instance_id: str, exact: bool) -> None:
        assert exact
        self.alarms.append(("clear", entity_instance_id))

    def unlock(self) -> None:
        with self.db.writer() as conn:
            row = host_row(conn, "controller-1", lock=True)
            hosts.write(conn, row, {"administrative": "unlocked", "operational": "enabled"})

    @property
    def status(self) -> str | None:
        with self.db.reader() as conn:
            found = host_row(conn, "controller-0")["config_status"]
            return None if found is None else str(found)


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    return Cloud(tmp_path)


def test_it_begins_when_the_second_controller_is_in_service(cloud: Cloud) -> None:
    cloud.watch.audit()
    assert cloud.begun == 0 and cloud.status is None
    cloud.unlock()
    cloud.watch.audit()
    cloud.watch.audit()
    assert cloud.begun == 2, "what failed is begun again, and what runs is not disturbed by that"
    assert cloud.status == OUT_OF_DATE
    cloud.paired = True
    cloud.watch.audit()
    assert cloud.begun == 2 and cloud.status is None
    assert cloud.alarms == [("clear", "host=controller-0")], "what an earlier conductor has left"


def test_an_alarm_says_that_it_is_late_and_is_cleared(cloud: Cloud) -> None:
    cloud.watch.audit()
    cloud.unlock()
    cloud.watch.audit()
    cloud.now_s = LATE_S - 1
    cloud.watch.audit()
    assert (ALARM_ID, "host=controller-0") not in cloud.alarms
    cloud.now_s = LATE_S
    cloud.watch.audit()
    cloud.watch.audit()
    assert cloud.alarms.count((ALARM_ID, "host=controller-0")) == 1
    assert "controller-1" in cloud.reason
    cloud.paired = True
    cloud.watch.audit()
    assert cloud.alarms[-1] == ("clear", "host=controller-0")


def test_another_reason_for_the_status_stays(cloud: Cloud) -> None:
    with cloud.db.writer() as conn:
        hosts.write(conn, host_row(conn, "controller-0", lock=True), {"config_status": "other"})
    cloud.unlock()
    cloud.watch.audit()
    assert cloud.status == "other"


def test_the_second_controller_counts_with_two_from_its_first_boot_on(cloud: Cloud) -> None:
    cloud.unlock()
    cloud.watcher("controller-1").audit()
    assert cloud.begun == 0 and not cloud.alarms


@pytest.mark.parametrize(("changed", "found"), [
    ({}, "controller-1"), ({"administrative": "locked"}, None), ({"operational": "disabled"}, None),
    ({"personality": "worker"}, None), ({"hostname": None}, None), ({"hostname": "controller-0"}, None)])
def test_who_is_in_service(changed: dict[str, Any], found: str | None) -> None:
    row = {"hostname": "controller-1", "personality": "controller", "administrative": "unlocked",
           "operational": "enabled"}
    assert second_in_service([{**row, **changed}], "controller-0") == found


def test_the_unit_pairs_and_leaves_service_management_running() -> None:
    text = (Path(__file__).parents[4] / "etc/systemd/flock-pair.service").read_text()
    assert "ExecStart=/opt/flock/venv/bin/flock-bootstrap --pair\n" in text
    assert re_started(text) and "[Install]" not in text


def re_started(text: str) -> bool:
    [line] = [line for line in text.splitlines() if line.startswith("ExecStopPost=")]
    return line.endswith("start flock-sm.service")


def test_a_unit_that_cannot_be_started_is_logged(monkeypatch: pytest.MonkeyPatch,
                                                 caplog: pytest.LogCaptureFixture) -> None:
    done: list[list[str]] = []

    def run(words: list[str], timeout_s: float) -> None:
        done.append(words)
        raise CommandFailed(command="systemctl", rc=1, reason="no such unit")

    monkeypatch.setattr(units, "run", run)
    units.start("")
    assert not done
    units.start("flock-pair.service")
    assert done[0][-2:] == ["start", "flock-pair.service"] and "--no-block" in done[0]
    assert "could not be started" in caplog.text


def test_whether_it_is_paired_stands_in_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "sm.conf"
    monkeypatch.setattr(pairing.management, "SETTINGS", str(path))
    assert not pairing.is_paired()
    path.write_text("nodes: [controller-0]")
    assert not pairing.is_paired()
    path.write_text("nodes: [controller-0, controller-1]")
    assert pairing.is_paired()

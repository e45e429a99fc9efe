# SPDX-License-Identifier: Apache-2.0
"""From the daemon's statements to requests of fault management: nothing is lost, nothing is done twice."""
from __future__ import annotations

import errno
import grp
import os
from pathlib import Path
from typing import Any

import pytest
from oslo_config import cfg

from flock import conf as flock_conf
from flock.core.errors import Unavailable
from flock.core.records import replace
from sm.alarms.forwarder import Forwarder, request
from sm.alarms.reading import POSITION, Reading
from sm.contract.faults import FILES_MAX, FaultLine, Kind, Statement, file_name, number_of
from sm.core.paths import PathAlarm
from sm.core.statements import of_path, of_swact
from sm.daemon import faults
from sm.daemon.faults import Faults
from tests.unit.sm.daemon.conftest import NOW, view_of
from tests.unit.sm.daemon.conftest import site as site_of_one_group

site = site_of_one_group

DOWN = PathAlarm("controller-1", "mgmt", "Communication failure detected with peer over port eth0 on host controller-1")


def logs(count: int, first: int = 0) -> list[Statement]:
    return [Statement(Kind.LOG, "401.001", f"host=controller-{number}", "critical", "text")
            for number in range(first, first + count)]


def taken(folder: Path) -> list[FaultLine]:
    found: list[FaultLine] = []
    Reading(folder, found.append).run()
    return found


def test_everything_is_passed_on_once_and_in_order(tmp_path: Path) -> None:
    out = Faults(tmp_path)
    found: list[FaultLine] = []
    reading = Reading(tmp_path, found.append)
    assert reading.run() == 0
    out.say(logs(3))
    assert reading.run() == 3 and reading.run() == 0
    out.close()
    out = Faults(tmp_path)  # the next daemon
    out.say(logs(2, 3))
    assert Reading(tmp_path, found.append).run() == 2  # the next sm-alarms
    assert [line.statement for line in found] == logs(5)
    assert len({line.id for line in found}) == 5
    assert [name for name in os.listdir(tmp_path) if number_of(name)] == [file_name(2)]


def test_an_error_of_the_spool_stops_before_that_line(tmp_path: Path) -> None:
    Faults(tmp_path).say(logs(3))
    found: list[FaultLine] = []

    def take(line: FaultLine) -> None:
        if len(found) == 1:
            raise Unavailable(service="fault spool", reason="full")
        found.append(line)

    with pytest.raises(Unavailable):
        Reading(tmp_path, take).run()
    assert [line.statement for line in (*found, *taken(tmp_path))] == logs(3)


def test_a_line_that_is_not_whole_waits_and_a_bad_one_is_skipped(tmp_path: Path) -> None:
    Faults(tmp_path).say(logs(1))
    with (tmp_path / file_name(1)).open("ab") as file:
        file.write(b'{"id": 1}\n{"id": "x", "at"')
    assert [line.statement for line in taken(tmp_path)] == logs(1)
    assert (tmp_path / POSITION).read_text().split()[0] == "1"


def test_a_directory_that_was_emptied_loses_nothing_that_is_said_later(tmp_path: Path) -> None:
    """An operator frees the disk. The daemon that runs went on writing into the removed file; the next one counted from
    1, and sm-alarms removed its files unread until the count was where it had been."""
    out, found = Faults(tmp_path), []
    out.say(logs(1))
    out.close()
    out = Faults(tmp_path)
    out.say(logs(3))
    reading = Reading(tmp_path, found.append)
    assert reading.run() == 4
    for name in os.listdir(tmp_path):
        if number_of(name) is not None:
            (tmp_path / name).unlink()
    found.clear()
    out.say(logs(1, 7))
    assert reading.run() == 1
    out.close()
    for name in os.listdir(tmp_path):
        if number_of(name) is not None:
            (tmp_path / name).unlink()
    Faults(tmp_path).say(logs(1, 8))  # the next daemon begins with file 1
    assert reading.run() == 1 and [line.statement for line in found] == [*logs(1, 7), *logs(1, 8)]
    assert Reading(tmp_path, found.append).run() == 0


def test_a_shorter_file_of_the_same_number_is_another_one(tmp_path: Path) -> None:
    out, found = Faults(tmp_path), []
    out.say(logs(3))
    reading = Reading(tmp_path, found.append)
    assert reading.run() == 3
    (tmp_path / file_name(1)).unlink()
    Faults(tmp_path).say(logs(1, 9))
    assert reading.run() == 1 and [line.statement for line in found][3:] == logs(1, 9)


def test_what_was_removed_unread_is_said_again(tmp_path: Path, site: Any) -> None:
    out = Faults(tmp_path)
    view = view_of(site)
    leads = replace(view, domain=replace(view.domain, leading=True))
    out.look(leads, site, NOW)
    first = len(taken(tmp_path))
    assert first > 0
    out.say(logs(1))
    for name in os.listdir(tmp_path):
        (tmp_path / name).unlink()
    out.say(logs(1, 1))
    out.look(leads, site, NOW + 1_000)
    assert len(taken(tmp_path)) == 1 + first


def test_the_leader_says_everything_again_each_minute(tmp_path: Path, site: Any) -> None:
    """What an earlier leader said last may arrive after all that the next one has said."""
    out, found = Faults(tmp_path), []
    reading = Reading(tmp_path, found.append)
    view = view_of(site)
    leads = replace(view, domain=replace(view.domain, leading=True))
    counts = []
    # What is lost is raised some seconds after the first look.
    for ms in (0, 30_000, faults.AUDIT_MS - 1_000, faults.AUDIT_MS, faults.AUDIT_MS + 1_000):
        out.look(leads, site, NOW + ms)
        counts.append(reading.run())
    assert counts[3] >= counts[0] > 0 and counts[2] == counts[4] == 0


def test_files_are_limited_and_what_holds_is_said_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, site: Any
                                                        ) -> None:
    monkeypatch.setattr(faults, "FILE_BYTES_MAX", 300)
    out = Faults(tmp_path)
    out.say(logs(FILES_MAX + 3))
    assert len(os.listdir(tmp_path)) == FILES_MAX and "sm-alarms" in out.problem
    assert [line.statement for line in taken(tmp_path)] == logs(FILES_MAX, 3)
    out.look(view_of(site), site, NOW)
    assert out.problem == ""


def test_what_a_full_disk_does_not_take_is_written_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, write = Faults(tmp_path), os.write

    def cut(file: int, data: bytes) -> int:
        return write(file, data[:10])

    def full(file: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    for broken in (cut, full):
        monkeypatch.setattr(os, "write", broken)
        out.say(logs(1, 0 if broken is cut else 1))
        assert "cannot be stored" in out.problem
    monkeypatch.setattr(os, "write", write)
    out.say(logs(1, 2))
    assert out.problem == "" and [line.statement for line in taken(tmp_path)] == logs(3)


def test_statements_are_requests_of_the_catalogue() -> None:
    """With the id of the line, so that fault management applies a repetition once."""
    raised, log = of_path(DOWN, "eth0")
    made = request(FaultLine("7d9c5a1e-0000-4000-8000-000000000001", "2026-01-01T00:00:00.000+00:00", raised))
    assert made.request_id == "7d9c5a1e-0000-4000-8000-000000000001" and made.fault is not None
    assert (made.fault.alarm_id, made.fault.entity_instance_id, made.fault.severity, made.fault.alarm_type) == (
        "400.005", "host=controller-1.network=mgmt", "major", "communication")
    assert made.fault.reason_text == DOWN.text
    logged = request(FaultLine("7d9c5a1e-0000-4000-8000-000000000002", "2026-01-01T00:00:00+00:00", log)).fault
    assert logged is not None and logged.alarm_state == "msg"
    over = of_path(PathAlarm("controller-1", "mgmt", None), "eth0")
    cleared = request(FaultLine("7d9c5a1e-0000-4000-8000-000000000003", "2026-01-01T00:00:00+00:00", over[0])).clear
    assert cleared is not None and cleared.entity_instance_id == "host=controller-1.network=mgmt"
    assert over[1].text == "Communication established with peer over port eth0 on host controller-1"
    assert of_swact("controller-0", True).text == "Swact-Force issued against host controller-0"


def test_the_program_stores_in_the_spool_and_skips_what_breaks_a_rule(tmp_path: Path) -> None:
    file = tmp_path / "sm.conf"
    file.write_text(f"[DEFAULT]\nstate_dir = {tmp_path}/state\ntransport_url = rabbit://127.0.0.1:1/\n"
                    f"[sm]\nfaults = {tmp_path}/faults\n")
    conf = cfg.ConfigOpts()
    flock_conf.register(conf)
    conf([], default_config_files=[str(file)], default_config_dirs=[])
    Faults(tmp_path / "faults").say([*logs(1), Statement(Kind.RAISE, "no id", "host=x"), *logs(1, 1)])
    forwarder = Forwarder(conf)
    try:
        assert forwarder._reading.run() == 3
        assert forwarder._raiser.backlog()[0] == 2
    finally:
        forwarder._raiser.stop(0.1)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to a group")
def test_the_group_reads_and_removes_the_files_whatever_the_mask(tmp_path: Path) -> None:
    """sm-alarms is another user, who may also enter the directory of the journal."""
    before = os.umask(0o077)
    try:
        Faults(tmp_path / "journal/faults", "daemon").say(logs(1))
    finally:
        os.umask(before)
    gid = grp.getgrnam("daemon").gr_gid
    told = {path.name: (path.stat().st_gid, path.stat().st_mode & 0o777) for path in (
        tmp_path / "journal", tmp_path / "journal/faults", tmp_path / "journal/faults" / file_name(1))}
    assert told == {"journal": (gid, 0o750), "faults": (gid, 0o770), file_name(1): (gid, 0o640)}


def test_a_group_that_does_not_exist_is_told(tmp_path: Path) -> None:
    out = Faults(tmp_path / "faults", "no-such-group")
    out.say(logs(1))
    assert "cannot be stored" in out.problem

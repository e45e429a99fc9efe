# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sm.cmd import postgres
from sm.postgres import program as program_module
from sm.postgres import rejoin, session
from sm.postgres.decisions import Peer
from sm.postgres.program import Program
from sm.postgres.reports import Order, Seen
from sm.postgres.server import Server, ServerFailed
from sm.postgres.watcher import Watcher
from tests.unit.sm.postgres.conftest import Answers, Place

AWAY = session.DatabaseAway(node="controller-1", reason="refused")
LIST = 'FIRST 1 ("controller-1")'


@pytest.fixture
def program(place: Place, here: Answers, there: Answers, monkeypatch: pytest.MonkeyPatch) -> Program:
    """One whose server seems to run, as a standby; the peer is away."""
    place.put()
    made = Program(place.settings)
    monkeypatch.setattr(made.server, "pid", lambda: 1)
    here.rows_by_text["pg_is_in_recovery"] = [(True,)]
    there.rows_by_text[""] = AWAY
    return made


def active(there: Answers) -> None:
    there.rows_by_text = {"pg_is_in_recovery": [(False, 71)], "pg_walfile_name": [("00000004",)]}


def test_codes_of_the_audit(program: Program, here: Answers, there: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    assert program.run("monitor") == 36
    active(there)
    assert program.run("monitor") == 33
    here.rows_by_text["pg_stat_wal_receiver"] = [(1,)]
    assert program.run("audit") == 0
    here.rows_by_text["pg_is_in_recovery"] = [(False,)]
    assert program.run("monitor") == 8
    monkeypatch.setattr(program.server, "pid", lambda: None)
    assert program.run("monitor") == 7


def test_a_standby_that_cannot_follow_for_a_while_counts_as_stopped(
        program: Program, place: Place, here: Answers, there: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(program_module.time, "clock_gettime", lambda which: clock[0])
    place.record("controller-1")
    active(there)
    codes = []
    for _ in range(3):
        codes.append(program.run("monitor"))
        clock[0] += 10
    assert codes == [33, 33, 7]
    assert program.server.look().stuck
    here.rows_by_text["pg_stat_wal_receiver"] = [(1,)]
    program.run("monitor")
    assert not program.server.look().stuck
    del here.rows_by_text["pg_stat_wal_receiver"]
    place.record("controller-0", "controller-1")
    for _ in range(5):
        assert program.run("monitor") == 33, "its data is current, so it is not given up"
        clock[0] += 10


def test_a_mark_of_an_earlier_boot_does_not_count(program: Program, place: Place, there: Answers,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program_module.time, "clock_gettime", lambda which: 100.0)
    place.record("controller-1")
    active(there)
    for text in ("5000.0", "rubbish", "-90000"):
        place.settings.beside("waits").write_text(text)
        assert program.run("monitor") == 33


def test_without_data_and_without_an_active_peer_it_waits_as_a_standby_of_nobody(
        place: Place, here: Answers, there: Answers) -> None:
    there.rows_by_text[""] = AWAY
    program = Program(place.settings)
    assert program.run("monitor") == 7, "nothing has been started"
    assert program.run("start") == 36
    for _ in range(100):
        assert program.run("monitor") == 36
    del there.rows_by_text[""]
    active(there)
    assert program.run("monitor") == 7, "it is started again, and takes the data of the active node"
    there.rows_by_text[""] = AWAY
    assert program.run("stop") == 0
    assert program.run("monitor") == 7, "whoever was stopped does not wait"


def test_the_only_node_does_not_wait_for_another_one(place: Place, here: Answers) -> None:
    with pytest.raises(ServerFailed, match="no data here"):
        Program(replace(place.settings, peers={})).run("start")


def test_a_copy_that_fails_is_made_again_after_a_pause(place: Place, here: Answers, there: Answers,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(server: Server, peer: Peer) -> None:
        raise ServerFailed(reason="the disk is full")

    active(there)
    monkeypatch.setattr(rejoin, "seed", fails)
    program = Program(place.settings)
    assert program.run("start") == 36
    assert program.run("monitor") == 36, "not before the pause has ended"
    monkeypatch.setattr("sm.postgres.waiting.PAUSE_MAX_S", 0.0)
    assert program.run("monitor") == 7


def test_a_running_server_is_adopted(program: Program, here: Answers) -> None:
    assert program.run("start") == 0
    here.rows_by_text["pg_is_in_recovery"] = [(False,)]
    assert program.run("start") == 8


def shows(place: Place, here: Answers) -> None:
    """New sessions have what the file says."""
    def listed() -> list[tuple[str]]:
        text = (place.folder / "conf/conf.d/sm.conf").read_text()
        return [(text.rpartition("synchronous_standby_names = '")[2].partition("'")[0],)]

    before = iter([[("",)]])
    here.rows_by_text["SHOW synchronous_standby_names"] = lambda: next(before, None) or listed()


def test_a_promotion_obeys_the_order_before_the_first_write(program: Program, place: Place, here: Answers) -> None:
    shows(place, here)
    here.rows_by_text["pg_promote"] = [(True,)]
    Path(place.settings.required).write_text('{"nodes": ["controller-1"]}')
    assert program.run("promote") == 0
    order = [next(index for index, text in enumerate(here.said) if word in text)
             for word in ("pg_reload_conf", "CHECKPOINT", "pg_promote", "CREATE ROLE", "pg_create_physical")]
    assert order == sorted(order)
    assert here.said.count("CHECKPOINT") == 2


def test_a_run_that_is_interrupted_before_the_proof_is_no_proof_for_the_next(
        program: Program, place: Place, here: Answers) -> None:
    shows(place, here)
    Path(place.settings.required).write_text('{"nodes": ["controller-1"]}')
    here.rows_by_text["CHECKPOINT"] = AWAY
    with pytest.raises(session.DatabaseAway):
        program.run("promote")
    del here.rows_by_text["CHECKPOINT"]
    here.rows_by_text["pg_promote"] = [(True,)]
    here.said.clear()
    program.run("promote")
    assert here.said.count("CHECKPOINT") == 2
    here.said.clear()
    program.run("promote")
    assert "CHECKPOINT" not in here.said


def test_a_list_that_the_server_does_not_take_over_stops_the_promotion(program: Program, here: Answers,
                                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program_module, "PEER_S", 0.05)
    here.rows_by_text["SHOW synchronous_standby_names"] = [("someone",)]
    with pytest.raises(ServerFailed, match="set in another place"):
        program.run("promote")
    assert not any("pg_promote" in text for text in here.said)


def test_the_watcher_proves_an_order_and_who_is_in_sync(program: Program, place: Place, here: Answers) -> None:
    shows(place, here)
    watcher = Watcher(program)
    here.rows_by_text["pg_is_in_recovery"] = [(True, "today")]
    assert watcher.look().in_sync == (), "a standby acknowledges nothing"
    here.rows_by_text |= {"pg_is_in_recovery": [(False, "today")], "pg_current_wal_flush_lsn": [("0/100",)],
                          "pg_stat_replication": [("controller-1", 9, "streaming", "async", 0, "0/100", "1")]}
    watcher.take(Order(4, ("controller-1",)))
    assert watcher.look().enforced == -1, "the guard's file says something else"
    Path(place.settings.required).write_text('{"nodes": ["controller-1"]}')
    assert watcher.look().enforced == -1, "its sender has not read the list"
    here.rows_by_text["pg_stat_replication"] = [("controller-1", 9, "streaming", "sync", 1, "0/100", "2")]
    seen = watcher.look()
    assert (seen.enforced, seen.in_sync, seen.problem) == (4, ("controller-1",), "")
    here.rows_by_text[""] = AWAY
    here.rows_by_text = {"": AWAY}
    seen = watcher.look()
    assert isinstance(seen, Seen) and (seen.enforced, seen.in_sync) == (4, ()) and "refused" in seen.problem


def test_a_failure_is_one_line_and_status_1(tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "conf"
    config.write_text("port: 0\n")
    monkeypatch.setenv("settings", str(config))
    assert postgres.run(["start"]) == 1
    assert "port: must be a port" in capsys.readouterr().err

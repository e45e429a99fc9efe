# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from flock.core.records import replace
from sm.postgres import session, texts
from sm.postgres.decisions import Cluster
from sm.postgres.server import Server, ServerFailed
from tests.unit.sm.postgres.conftest import Answers, Place


def test_what_lies_on_the_disk(place: Place) -> None:
    server = Server(place.settings)
    assert server.look() == Cluster()
    place.put()
    place.settings.beside("stuck").touch()
    assert server.look() == Cluster(True, False, "71", 3, stuck=True)


def test_only_a_process_of_this_cluster_is_its_server(place: Place) -> None:
    place.put()
    data = place.settings.data_directory
    program = place.folder / "postgres"
    os.symlink("/bin/sleep", program)
    server = Server(place.settings)
    running = [subprocess.Popen([str(program), "60"], cwd=cwd) for cwd in (data, place.folder)]
    try:
        for process, found in zip(running, (running[0].pid, None), strict=True):
            (data / "postmaster.pid").write_text(f"{process.pid}\n{data}\n")
            _until(lambda process=process: Path(f"/proc/{process.pid}/comm").read_text().strip() == "postgres")
            assert server.pid() == found
        server.stop(1.0)
        assert running[0].wait(5) == -signal.SIGKILL, "its parent has died, and it could still write"
        assert running[1].poll() is None
        assert not (data / "postmaster.pid").exists()
    finally:
        for process in running:
            process.kill()
            process.wait()
    assert server.pid() is None


def _until(condition) -> None:
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_standby_waits_for_every_peer_and_the_active_server_for_whom_the_guard_names(place: Place) -> None:
    (place.folder / "conf/pg_hba.conf").write_text("local all postgres peer\n")
    server = Server(place.settings)
    assert server.configure("controller-1", all_peers=False) == 'FIRST 1 ("controller-1")', "there is no order yet"
    Path(place.settings.required).write_text('{"nodes": []}')
    assert server.configure("controller-1", all_peers=True) == 'FIRST 1 ("controller-1")'
    assert server.configure("controller-1", all_peers=False) == ""
    Path(place.settings.required).write_text('{"nodes": ["controller-1", "controller-0"]}')
    assert server.configure("", all_peers=False) == server.listed() == 'FIRST 1 ("controller-1")'
    text = (place.folder / "conf/conf.d/sm.conf").read_text()
    assert texts.listed(text) == 'FIRST 1 ("controller-1")' and "primary_conninfo = ''" in text
    assert (place.folder / "conf/pg_hba.conf").read_text().count("hostssl replication") == 1
    assert "sm controller-1 sm_replication" in (place.folder / "conf/pg_ident.conf").read_text()


def test_the_certificate_of_the_host_is_copied_for_the_server(place: Place) -> None:
    server = Server(place.settings)
    server.copy_certificate()
    assert place.beside() == []
    for name in ("crt", "key"):
        (place.folder / f"host.{name}").write_text(name)
    server.copy_certificate()
    assert place.settings.beside("key").read_text() == "key"
    assert place.settings.beside("key").stat().st_mode & 0o777 == 0o600


def test_two_runs_do_not_work_at_the_same_time(place: Place) -> None:
    server = Server(place.settings)
    other = Server(place.settings)
    with (server.locked("work"), pytest.raises(ServerFailed, match="another sm-postgres works on work"),
          other.locked("work", timeout_s=0.1)):
        pytest.fail("both have it")
    with server.locked("work", timeout_s=0.1), server.locked("conf", timeout_s=0.1):
        server.remove(place.settings.beside("nothing"))


def test_a_server_that_is_not_there_or_says_nothing_is_away_in_time(place: Place) -> None:
    with pytest.raises(session.DatabaseAway, match="controller-0"), session.local(place.settings):
        pytest.fail("nobody listens")
    directory = Path(place.settings.socket)
    directory.mkdir()
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(directory / ".s.PGSQL.5432"))
        mute.listen()
        began = time.monotonic()
        with pytest.raises(session.DatabaseAway, match="no answer in time"), session.local(place.settings, 0.2):
            pytest.fail("it has said nothing")
        assert time.monotonic() - began < 2


def test_systemd_runs_the_server_where_a_unit_is_named(place: Place, here: Answers,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    place.put()
    asked, programs = place.folder / "asked", place.folder / "programs"
    programs.mkdir()
    (programs / "systemctl").write_text(f'#!/bin/sh\necho "$@" >> {asked}\n')
    (programs / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    server = Server(replace(place.settings, unit="postgresql@15-main.service"))
    here.rows_by_text["pg_is_in_recovery"] = [(True,)]
    process = subprocess.Popen(["/bin/sleep", "60"])
    try:
        running = iter([process.pid, process.pid])
        monkeypatch.setattr(server, "pid", lambda: next(running, None))
        server.start(5.0)
        assert (place.settings.data_directory / "standby.signal").exists()
        server.stop(5.0)
        assert process.poll() is None, "it is no process of the cluster"
    finally:
        process.kill()
        process.wait()
    assert asked.read_text().splitlines() == ["--no-ask-password start postgresql@15-main.service",
                                              "--no-ask-password stop postgresql@15-main.service"]


def test_a_server_that_ends_at_once_has_failed(place: Place, here: Answers) -> None:
    place.put()
    place.script("pg_ctl", "#!/bin/sh\nexit 0\n")
    with pytest.raises(ServerFailed, match="the server has ended"):
        Server(place.settings).start(1.0)

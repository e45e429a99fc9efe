# SPDX-License-Identifier: Apache-2.0
"""What is acknowledged survives: seeding, death of the active server, and the ways back of the old one."""
from __future__ import annotations

import contextlib
import datetime
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from flock import tls
from flock.testing.services.process import wait_for
from tests.functional.sm.postgres.conftest import Node, Pair, Writer


def receiver(node: Node) -> int | None:
    """The process that streams at present, if one does."""
    rows = node.sql("SELECT pid FROM pg_stat_wal_receiver WHERE status = 'streaming'")
    return rows[0][0] if rows else None


def follows(node: Node, other_than: int | None = None) -> None:
    """Return when the node streams, by another process than this one, whose end it may not have noticed yet, and its
    audits are content. They take back first what nobody else has, such as the last record of a demotion."""
    def monitored() -> bool:
        process = node.begin("monitor")
        process.communicate(timeout=120)
        return process.returncode == 0

    wait_for(lambda: receiver(node) not in (None, other_than), 30, "streaming")
    wait_for(monitored, 120, "an audit that is content", 0.5)


def same(one: Node, other: Node) -> None:
    end = one.sql("SELECT pg_current_wal_lsn()::text")[0][0]
    wait_for(lambda: other.sql(f"SELECT pg_last_wal_replay_lsn() >= '{end}'")[0][0], 20, "all to be replayed")
    assert one.values() == other.values()


def diverged(pair: Pair) -> tuple[Node, Node]:
    """The first has died with commits that the second, active now, does not have."""
    first, second = pair.seeded()
    first.sql("INSERT INTO writes VALUES (1)")
    same(first, second)
    second.run("stop")
    first.sql("INSERT INTO writes VALUES (2)")
    first.kill()
    second.run("start")
    second.require()
    second.run("promote")
    second.sql("INSERT INTO writes VALUES (3)")
    for node in pair.nodes:
        node.record(second.name)
    return first, second


def test_the_second_is_seeded_and_takes_over_with_all_that_was_acknowledged(pair: Pair) -> None:
    first, second = pair.seeded()
    first.require(second.name)
    first.run("promote")
    assert first.sql("SELECT sync_state FROM pg_stat_replication") == [("sync",)]
    with Writer(first) as writer:
        for _ in range(20):
            writer.goes_on()
        first.kill()
    second.require()
    began = time.monotonic()
    second.run("promote")
    print(f"promoted in {time.monotonic() - began:.2f} s")
    assert set(writer.acknowledged) <= second.values()
    second.run("monitor", expect=8)
    with Writer(second, 1_000_000) as writer:
        writer.goes_on()


def test_a_commit_that_waits_is_not_acknowledged_by_a_time_limit_of_statements(pair: Pair) -> None:
    first, second = pair.seeded()
    first.require(second.name)
    first.run("promote")
    with Writer(first, options="-c statement_timeout=300") as writer:
        writer.goes_on()
        second.signal(signal.SIGSTOP)
        assert writer.stands(2.0)
        second.signal(signal.SIGCONT)
        writer.goes_on()


def test_a_swact_needs_neither_rewind_nor_copy(pair: Pair) -> None:
    first, second = pair.seeded()
    first.require(second.name)
    first.run("promote")
    with Writer(first) as writer:
        for _ in range(5):
            writer.goes_on()
        began = time.monotonic()
        first.run("demote")
        demoted = time.monotonic()
        second.require(first.name)
        second.run("promote")
        print(f"demoted in {demoted - began:.2f} s, promoted in {time.monotonic() - demoted:.2f} s")
    assert set(writer.acknowledged) <= second.values()
    follows(first)
    second.sql("INSERT INTO writes VALUES (-1)")
    same(second, first)
    assert not list(first.folder.glob("pg/main.old.*"))


def test_commits_that_nobody_else_had_are_taken_back(pair: Pair) -> None:
    first, second = diverged(pair)
    began = time.monotonic()
    log = first.run("start")
    print(f"rewound and started in {time.monotonic() - began:.2f} s")
    assert "takes back what controller-1 does not have" in log
    follows(first)
    same(second, first)
    assert first.values() == {1, 3}
    assert not list(first.folder.glob("pg/main.*old*"))


def test_what_cannot_be_taken_back_is_copied_and_the_old_data_kept_aside(pair: Pair) -> None:
    first, second = diverged(pair)
    # WAL that a rewind would need is gone.
    for path in (first.folder / "pg/main/pg_wal").glob("000000*"):
        path.unlink()
    log = first.run("start")
    assert "this cannot be taken back" in log
    follows(first)
    same(second, first)
    kept = list(first.folder.glob("pg/main.old.*"))
    assert len(kept) == 1 and (kept[0] / "global/pg_control").exists()


def test_data_that_the_record_names_is_never_given_up(pair: Pair) -> None:
    first, second = diverged(pair)
    first.record(first.name, second.name)
    log = first.run("start")
    assert "its data stays as it is" in log
    assert first.values() == {1, 2}
    first.run("monitor", expect=33)
    first.record(second.name)
    mark = first.settings.beside("waits")
    first.run("monitor", expect=33)
    since = float(mark.read_text())
    mark.write_text(str(since - 25))
    first.run("monitor", expect=7)
    # What service management does with a service that an audit finds stopped.
    first.run("stop")
    first.run("start")
    follows(first)
    same(second, first)


def begun(node: Node, trigger: str) -> subprocess.Popen[str]:
    """sm-postgres start, which has got as far as this file beside the data."""
    process = node.begin("start")
    end = time.monotonic() + 60
    while not list(node.folder.glob(f"pg/{trigger}")) and process.poll() is None and time.monotonic() < end:
        time.sleep(0.001)
    return process


def kill_all(process: subprocess.Popen[str]) -> None:
    """Kill sm-postgres with all that it has started, as service management does at a time limit."""
    for pid in below(process.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.communicate()


def below(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(one for child in children for one in below(int(child)))]


@pytest.mark.parametrize("trigger", ["main.new", "main.new/base/1", "main.new.whole", "main.old.1"])
def test_a_copy_that_is_killed_leaves_the_old_data_or_the_new(pair: Pair, trigger: str) -> None:
    first, second = diverged(pair)
    first.settings.beside("rewinding").touch()
    process = begun(first, trigger)
    kill_all(process)
    places = [first.settings.data_directory, *first.folder.glob("pg/main.old.*")]
    assert any((path / "global/pg_control").exists() for path in places)
    first.run("start")
    follows(first)
    same(second, first)


def test_a_rewind_that_is_killed_is_never_started_but_copied(pair: Pair) -> None:
    first, second = diverged(pair)
    process = begun(first, "main.rewinding")
    kill_all(process)
    assert first.settings.beside("rewinding").exists()
    second.signal(signal.SIGSTOP)
    assert "waits: a rewind was interrupted" in first.run("start", expect=36)
    second.signal(signal.SIGCONT)
    first.run("start")
    follows(first)
    same(second, first)


def test_a_promotion_that_is_killed_is_carried_out_again(pair: Pair) -> None:
    first, second = pair.seeded()
    first.kill()
    second.require()
    for delay_s in (0.3, 0.6, 0.9):
        process = second.begin("promote")
        time.sleep(delay_s)
        kill_all(process)
    second.run("promote")
    assert second.primary
    second.sql("INSERT INTO writes VALUES (1)")
    # A server that died is a standby again until it is promoted again.
    second.kill()
    second.run("monitor", expect=7)
    second.run("start")
    assert not second.primary
    second.run("promote")
    assert second.values() == {1}


def test_a_demotion_that_is_killed_is_carried_out_again(pair: Pair) -> None:
    first, second = pair.seeded()
    first.require(second.name)
    for number, delay_s in enumerate((0.4, 0.7, 1.0)):
        first.run("promote")
        first.sql(f"INSERT INTO writes VALUES ({number})")
        process = first.begin("demote")
        time.sleep(delay_s)
        kill_all(process)
        first.run("demote")
        assert not first.primary
    second.require()
    second.run("promote")
    second.sql("INSERT INTO writes VALUES (9)")
    follows(first)
    same(second, first)
    assert first.values() == {0, 1, 2, 9}
    assert not list(first.folder.glob("pg/main.old.*"))


def test_a_full_disk_leaves_the_old_data(pair: Pair) -> None:
    first, second = diverged(pair)
    first.settings.beside("rewinding").touch()
    place = first.folder / "pg"
    aside = first.folder / "pg-kept"
    place.rename(aside)
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100m", "tmpfs", str(place)], check=True)
    try:
        subprocess.run(["cp", "-a", f"{aside}/.", str(place)], check=True)
        log = first.run("start", expect=36)
        assert "waits" in log and "No space left" in log
        assert "the next one begins in" in first.run("monitor", expect=36)
        assert not first.settings.beside("new").exists()
        assert (first.settings.data_directory / "global/pg_control").exists()
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)
    assert Path(second.settings.data).exists()


def test_a_standby_without_data_waits_for_the_active_node_for_as_long_as_it_takes(pair: Pair) -> None:
    first, second = pair.activate(), pair.nodes[1]
    first.run("stop")
    second.run("start", expect=36)
    assert "there is no data here" in second.run("monitor", expect=36)
    # Data that is lost while the server should run is something else.
    first.run("monitor", expect=7)
    first.run("start")
    second.run("monitor", expect=36)
    first.run("promote")
    # What service management does with a service that an audit finds stopped.
    second.run("monitor", expect=7)
    second.run("stop")
    second.run("monitor", expect=7)
    second.run("start")
    follows(second)
    same(first, second)


def test_the_only_controller_does_not_wait_for_another_one(pair: Pair) -> None:
    alone = pair.nodes[0]
    alone.config.write_text(alone.config.read_text().replace("peers:\n  controller-1: 127.0.0.1", "peers: {}"))
    assert "there is no data here" in alone.run("start", expect=1)


def test_a_copy_that_fails_is_made_again_after_a_pause(pair: Pair) -> None:
    first, second = pair.activate(), pair.nodes[1]
    first.run("demote")
    first.require()
    first.run("promote")
    # Nobody but root can write where the copy goes.
    place = second.folder / "pg"
    os.chown(place, 0, 0)
    assert "cannot be copied" in second.run("start", expect=36)
    assert "1 copies have failed" in second.run("monitor", expect=36)
    second.run("stop")
    assert "cannot be copied" in second.run("start", expect=36)
    assert "2 copies have failed" in second.run("monitor", expect=36)
    second.server.settings.beside("unfilled").unlink()
    second._own(place)
    second.run("start")
    follows(second)


def test_over_ipv6_the_standby_is_seeded_follows_and_takes_over(pair6: Pair) -> None:
    first, second = pair6.seeded()
    first.require(second.name)
    first.run("promote")
    assert first.sql("SELECT client_addr::text, sync_state FROM pg_stat_replication") == [("::1/128", "sync")]
    with Writer(first) as writer:
        writer.goes_on()
        first.kill()
    second.require()
    second.run("promote")
    second.sql("INSERT INTO writes VALUES (-1)")
    for node in pair6.nodes:
        node.record(second.name)
    assert set(writer.acknowledged) <= second.values()
    first.run("start")
    follows(first)
    same(second, first)


def test_a_second_node_is_accepted_without_a_restart_and_nobody_else(pair6: Pair) -> None:
    """Before there is a second controller the first one listens for it, and admits nobody."""
    first, second = pair6.nodes
    paired = yaml.safe_load(first.config.read_text())
    first.config.write_text(yaml.safe_dump({**paired, "peers": {}}))
    pair6.activate()
    pid = first.server.pid()
    assert "no pg_hba.conf entry" in second.run("start", expect=36)
    with Writer(first) as writer:
        writer.goes_on()
        first.config.write_text(yaml.safe_dump(paired))
        # The watcher of sm-daemon does the same when it begins.
        first.run("promote")
        second.run("start")
        follows(second)
        first.require(second.name)
        first.run("promote")
        writer.goes_on()
        assert first.sql("SELECT sync_state FROM pg_stat_replication") == [("sync",)]
    assert first.server.pid() == pid
    same(first, second)


def test_replication_goes_on_while_the_authority_is_replaced_and_a_failover_works_afterwards(pair: Pair) -> None:
    first, second = pair.seeded()
    first.require(second.name)
    first.run("promote")
    old, new = pair.authority, tls.Authority.create("test 2", datetime.datetime.now(datetime.UTC))

    def reconnected() -> None:
        """The standby follows over a new connection, for which everything is checked anew."""
        for node in pair.nodes:
            node.sql("SELECT pg_reload_conf()")
            node.run("monitor", expect=None)
        before = receiver(second)
        first.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_replication")
        follows(second, other_than=before)
        writer.goes_on()

    with Writer(first) as writer:
        for node in pair.nodes:
            node.trust(old.certificate_pem, new.certificate_pem)
        reconnected()
        for node in pair.nodes:
            node.certify("host", tls.Usage.CLIENT, new)
        reconnected()
        for node in pair.nodes:
            node.certify("server", tls.Usage.SERVER, new)
        reconnected()
        for node in pair.nodes:
            node.trust(new.certificate_pem)
        reconnected()
        assert first.sql("SELECT sync_state FROM pg_stat_replication") == [("sync",)]
        first.kill()
    second.require()
    second.run("promote")
    assert set(writer.acknowledged) <= second.values()
    for node in pair.nodes:
        node.record(second.name)
    first.run("start")
    follows(first)
    same(second, first)

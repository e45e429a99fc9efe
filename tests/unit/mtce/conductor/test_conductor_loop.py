# SPDX-License-Identifier: Apache-2.0
import datetime
import threading

import pytest
import sqlalchemy as sa

from flock.core.errors import DeadlineExceeded, InvalidInput
from mtce.contract.records import MtcAlive
from mtce.core import actions as act
from mtce.core.events import AgentResult, Alive, BmcAnswer, Pulse, RebootAnswer
from mtce.core.fsm import add, enable
from mtce.core.view import Level, Network
from mtce.db.tables import DELETED_HOST, HISTORY, HOST, OUTBOX, REQUEST
from sysinv.contract.enums import Administrative, Operational

UUID = "2f1c1d7e-0000-4000-8000-000000000001"


def rows(bench, table):
    with bench.db.reader() as conn:
        return [dict(row) for row in conn.execute(sa.select(table)).mappings()]


def locked_online(bench):
    assert bench.hosts.put_host(host=bench.host()).status == "pass"
    bench.alive()
    bench.advance(2)
    assert bench.status().availability == "online"


def enabled(bench):
    locked_online(bench)
    bench.hosts.host_action(host_uuid=UUID, action="unlock", request_id="u-1")
    reboot = bench.effects.wait_for(act.SendReboot)
    bench.loop.post(UUID, RebootAnswer(reboot.command_id, True))
    bench.alive("boot-2", locked=False)
    bench.effects.wait_for(act.RunGoenabled)
    bench.loop.post(UUID, AgentResult("boot-2", "goenabled", True))
    bench.effects.wait_for(act.StartServices)
    bench.loop.post(UUID, AgentResult("boot-2", "start-services", True))
    bench.settle()
    epoch = bench.loop.roster.get(UUID).view.epoch
    for network in Network:
        bench.loop.post(UUID, Pulse(network, Level.OK, epoch))
    bench.advance(12)
    assert bench.status().operational == "enabled"


def test_unlock_from_request_to_enabled_is_stored_told_and_remembered(bench):
    enabled(bench)
    row = rows(bench, HOST)[0]
    assert (row["administrative"], row["operational"], row["availability"]) == ("unlocked", "enabled", "available")
    assert bench.effects.watched[UUID]
    updates = [row["payload"] for row in rows(bench, OUTBOX) if row["kind"] == "state"]
    assert [update["availability"] for update in updates if update["availability"]][-2:] == ["intest", "available"]
    sequences = [update["sequence"] for update in updates]
    assert sequences == sorted(set(sequences))
    told = [(row["kind"], row["payload"].get("entity")) for row in rows(bench, OUTBOX) if row["kind"] != "state"]
    assert ("alarm-set", "host=worker-0") in told
    assert told[-1] == ("log", "host=worker-0.state=enabled")
    assert rows(bench, HISTORY)[-1]["states"] == "unlocked-enabled-available"
    assert "unlock u-1" in " ".join(row["cause"] for row in rows(bench, HISTORY))


def test_repeated_request_is_answered_as_the_first_time_and_starts_nothing(bench):
    locked_online(bench)
    first = bench.hosts.host_action(host_uuid=UUID, action="unlock", request_id="u-1")
    bench.effects.wait_for(act.SendReboot)
    again = bench.hosts.host_action(host_uuid=UUID, action="unlock", request_id="u-1")
    assert first == again
    assert len(bench.effects.of(act.SendReboot)) == 1
    other = bench.hosts.host_action(host_uuid=UUID, action="unlock", request_id="u-2")
    assert other.status == "fail"
    assert len(rows(bench, REQUEST)) == 2


@pytest.mark.parametrize(("action", "uuid", "reason"), [
    ("explode", UUID, "Unknown admin action 'explode'"), ("swact", UUID, "Swact not supported for this Host"),
    ("unlock", "00000000-0000-4000-8000-00000000ffff", "Unknown host")])
def test_refused_requests_say_why(bench, action, uuid, reason):
    locked_online(bench)
    reply = bench.hosts.host_action(host_uuid=uuid, action=action, request_id="r-1")
    assert (reply.status, reply.reason) == ("fail", reason)


def test_a_killed_conductor_goes_on_at_the_same_stage(bench):
    locked_online(bench)
    bench.hosts.host_action(host_uuid=UUID, action="unlock", request_id="u-1")
    reboot = bench.effects.wait_for(act.SendReboot)
    bench.restart()
    assert bench.status().stage == "reset-reboot-ack"
    bench.loop.post(UUID, RebootAnswer(reboot.command_id, True))
    bench.settle()
    assert bench.status().task == "Rebooting"


def test_a_restarted_conductor_fails_nobody(bench):
    enabled(bench)
    bench.clock.advance(600_000)
    bench.restart()
    assert bench.effects.watched == {UUID: True}
    bench.effects.synced = False
    bench.advance(60)
    assert bench.status().operational == "enabled"


def test_heartbeat_loss_reaches_the_machine_and_stale_epochs_do_not(bench):
    enabled(bench)
    view = bench.loop.roster.get(UUID).view
    bench.loop.post(UUID, Pulse(Network.MGMT, Level.LOSS, view.epoch - 1))
    bench.settle()
    assert bench.status().operational == "enabled"
    bench.loop.post(UUID, Pulse(Network.MGMT, Level.LOSS, view.epoch))
    bench.settle()
    assert (bench.status().operational, bench.status().availability) == ("disabled", "failed")
    assert bench.status().action == "recovery"


def test_known_host_keeps_its_states_when_inventory_renews_it(bench):
    enabled(bench)
    renewed = bench.host(mgmt_ip="192.168.204.77", bm_secret="other")
    assert bench.hosts.put_host(host=renewed).status == "pass"
    assert bench.status().operational == "enabled"
    assert rows(bench, HOST)[0]["record"]["bm_secret"] == "other"
    bench.restart()
    assert bench.loop.roster.get(UUID).record == renewed


def test_colliding_host_is_refused(bench):
    locked_online(bench)
    reply = bench.hosts.put_host(host=bench.host(uuid="2f1c1d7e-0000-4000-8000-000000000002"))
    assert reply.reason == "duplicate hostname worker-0"


def test_delete_needs_a_locked_host_and_clears_everything(bench):
    enabled(bench)
    assert bench.hosts.delete_host(host_uuid=UUID).reason == "Host is Unlocked"
    bench.hosts.host_action(host_uuid=UUID, action="lock", request_id="l-1")
    bench.effects.wait_for(act.StopServices)
    bench.loop.post(UUID, AgentResult("boot-2", "stop-services", True))
    bench.settle()
    assert bench.hosts.delete_host(host_uuid=UUID).status == "pass"
    assert bench.status() is None
    assert bench.hosts.delete_host(host_uuid=UUID).status == "pass"
    assert rows(bench, HOST) == []
    assert rows(bench, OUTBOX)[-1]["payload"] == {"entity": "host=worker-0"}
    bench.restart()
    assert bench.hosts.list_hosts() == []


def test_an_action_that_fails_twice_is_told_twice(bench):
    bench.hosts.put_host(host=bench.host())
    bench.advance(2)
    for number in range(2):
        reply = bench.hosts.host_action(host_uuid=UUID, action="reboot", request_id=f"r-{number}")
        assert reply.status == "pass"
    told = [row["payload"] for row in rows(bench, OUTBOX) if row["kind"] == "state"]
    failed = [update for update in told if update["action_failed"]]
    assert [(update["action_failed"], update["error"]) for update in failed] == [
        ("reboot", "Reboot Failed, try again when host is 'online'")] * 2
    assert all(update["error_at"] for update in failed)


def test_an_older_record_never_wins(bench):
    bench.hosts.put_host(host=bench.host(revision=3, mgmt_ip="192.168.204.30"))
    assert bench.hosts.put_host(host=bench.host(revision=2, mgmt_ip="192.168.204.20")).status == "pass"
    assert bench.loop.roster.get(UUID).record.mgmt_ip == "192.168.204.30"
    assert bench.status().revision == 3
    bench.restart()
    assert bench.hosts.put_host(host=bench.host(revision=2, mgmt_ip="192.168.204.20")).status == "pass"
    assert rows(bench, HOST)[0]["record"]["mgmt_ip"] == "192.168.204.30"
    bench.hosts.put_host(host=bench.host(revision=4, mgmt_ip="192.168.204.40"))
    assert bench.loop.roster.get(UUID).view.mgmt_ip == "192.168.204.40"


@pytest.mark.parametrize("known", [True, False])
def test_a_delayed_record_brings_no_deleted_host_back(bench, known):
    if known:
        bench.hosts.put_host(host=bench.host(revision=3))
    assert bench.hosts.delete_host(host_uuid=UUID, revision=4).status == "pass"
    for life in range(2):
        for revision in (3, 4, 0):
            reply = bench.hosts.put_host(host=bench.host(revision=revision))
            assert (reply.status, reply.reason) == ("fail", "The host was deleted"), (life, revision)
        bench.restart()
    assert bench.hosts.list_hosts() == []
    assert bench.hosts.put_host(host=bench.host(revision=5)).status == "pass", "its deletion was taken back"
    assert bench.hosts.delete_host(host_uuid=UUID, revision=4).status == "fail", "a late deletion is older than that"
    assert bench.status() is not None


def test_deletions_are_forgotten_after_a_while(bench):
    bench.hosts.delete_host(host_uuid=UUID, revision=4)
    with bench.db.writer() as conn:
        conn.execute(sa.update(DELETED_HOST).values(at=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)))
    bench.store.prune()
    assert rows(bench, DELETED_HOST) == []


def test_the_whole_state_is_told_again_behind_what_waits(bench):
    locked_online(bench)
    waiting = rows(bench, OUTBOX)
    bench.hosts.tell_again(host_uuids=[UUID, "unknown"])
    told = rows(bench, OUTBOX)
    assert [row["id"] for row in told[:-1]] == [row["id"] for row in waiting]
    update = told[-1]["payload"]
    assert (update["administrative"], update["availability"], update["task"], update["action"]) == (
        "locked", "online", "", "none")
    assert update["sequence"] > max(row["payload"]["sequence"] for row in waiting if row["kind"] == "state")
    bench.restart()
    assert bench.status().sequence >= update["sequence"], "numbers go on after a restart"
    with pytest.raises(InvalidInput):
        bench.hosts.tell_again(host_uuids=["x"] * 101)


def test_database_failure_loses_no_event_and_does_not_end_the_loop(bench, monkeypatch):
    enabled(bench)
    view = bench.loop.roster.get(UUID).view
    works = bench.store.commit
    monkeypatch.setattr(bench.store, "commit", lambda *_, **__: (_ for _ in ()).throw(sa.exc.OperationalError(
        "x", {}, Exception("away"))))
    bench.loop.post(UUID, Pulse(Network.MGMT, Level.LOSS, view.epoch))
    bench.settle()
    assert bench.status().operational == "enabled"
    with pytest.raises(sa.exc.OperationalError):
        bench.hosts.host_action(host_uuid=UUID, action="lock", request_id="l-1")
    monkeypatch.setattr(bench.store, "commit", works)
    bench.advance(3)
    assert bench.status().operational == "disabled"


def test_commit_whose_answer_was_lost_is_read_back(bench, monkeypatch):
    enabled(bench)
    view = bench.loop.roster.get(UUID).view
    works = bench.store.commit

    def commit_and_lose(*args, **kwargs):
        works(*args, **kwargs)
        raise sa.exc.OperationalError("x", {}, Exception("connection lost"))

    monkeypatch.setattr(bench.store, "commit", commit_and_lose)
    bench.loop.post(UUID, Pulse(Network.MGMT, Level.LOSS, view.epoch))
    bench.settle()
    monkeypatch.setattr(bench.store, "commit", works)
    bench.advance(4)
    assert bench.status().operational == "disabled"
    bench.advance(40)
    assert bench.loop.is_running()
    assert bench.loop.roster.get(UUID).stored.revision == rows(bench, HOST)[0]["revision"]


def test_defect_stops_one_host_and_no_other(bench, monkeypatch):
    locked_online(bench)
    bench.hosts.put_host(host=bench.host(uuid="2f1c1d7e-0000-4000-8000-000000000002", hostname="worker-1",
                                         mgmt_ip="192.168.204.11"))
    entry = bench.loop.roster.get(UUID)
    entry.view = entry.view.__class__(**{**{name: getattr(entry.view, name) for name in entry.view.__slots__},
                                         "deadline_ms": 1, "stage": entry.view.stage})
    bench.loop.roster.reschedule(entry.view)
    bench.advance(2)
    assert "worker-0" in bench.loop.troubles()
    assert bench.loop.is_running()
    assert bench.status("2f1c1d7e-0000-4000-8000-000000000002").action == "none"


def test_level_is_not_lost_when_the_row_cannot_be_read_back(bench, monkeypatch):
    """A database that goes away twice: after a commit, and again before the row is read."""
    enabled(bench)
    view = bench.loop.roster.get(UUID).view
    commit, load_one = bench.store.commit, bench.store.load_one

    def away(*_, **__):
        raise sa.exc.OperationalError("x", {}, Exception("away"))

    def commit_and_lose(*args, **kwargs):
        commit(*args, **kwargs)
        away()

    monkeypatch.setattr(bench.store, "commit", commit_and_lose)
    bench.loop.post(UUID, Pulse(Network.CLUSTER_HOST, Level.DEGRADE, view.epoch))
    bench.settle()
    monkeypatch.setattr(bench.store, "commit", commit)
    monkeypatch.setattr(bench.store, "load_one", away)
    bench.loop.post(UUID, Pulse(Network.MGMT, Level.DEGRADE, view.epoch))
    bench.advance(3)
    assert bench.status().availability == "available"
    monkeypatch.setattr(bench.store, "load_one", load_one)
    bench.advance(4)
    assert bench.loop.roster.get(UUID).view.degrade == ("heartbeat:cluster-host", "heartbeat:mgmt")
    assert {row["view"]["mgmt"] for row in rows(bench, HOST)} == {"degrade"}


@pytest.mark.parametrize("defect", ["exception", "illegal state"])
def test_action_that_meets_a_defect_is_answered_with_the_reason(bench, monkeypatch, defect):
    locked_online(bench)
    with monkeypatch.context() as broken:
        if defect == "exception":
            broken.setattr(enable, "unlock", lambda d: d.view.no_such_field)
            reason = "AttributeError"
        else:
            broken.setattr(enable, "unlock", lambda d: d.states(Administrative.UNLOCKED, Operational.ENABLED))
            reason = "unlocked-enabled-online is no legal state"
        reply = bench.hosts.host_action(host_uuid=UUID, action="unlock", request_id="u-1")
        assert reply.status == "fail"
        assert reason in reply.reason
        assert reply.reason.startswith("The state machine of worker-0 has stopped: ")
        assert reason in bench.loop.troubles()
    assert bench.status().administrative == "locked"
    assert bench.hosts.host_action(host_uuid=UUID, action="unlock", request_id="u-1").status == "pass"
    assert bench.loop.troubles() is None
    bench.effects.wait_for(act.SendReboot)


def test_record_that_meets_a_defect_is_answered_with_the_reason(bench, monkeypatch):
    monkeypatch.setattr(add, "begin", lambda d: d.view.no_such_field)
    reply = bench.hosts.put_host(host=bench.host())
    assert (reply.status, rows(bench, HOST)) == ("fail", [])
    assert "AttributeError" in reply.reason


def test_third_waiting_action_is_refused_and_the_accepted_ones_wait(bench):
    locked_online(bench)
    assert bench.hosts.host_action(host_uuid=UUID, action="unlock", request_id="first").status == "pass"
    for action in ("force-lock", "unlock", "reboot"):
        assert bench.hosts.host_action(host_uuid=UUID, action=action, request_id=action).status == "pass"
    reply = bench.hosts.host_action(host_uuid=UUID, action="power-off", request_id="power-off")
    assert (reply.status, reply.reason) == ("fail", "Action queue is full: 2 actions wait for the end of 'force-lock'")
    assert bench.hosts.host_action(host_uuid=UUID, action="power-off", request_id="power-off") == reply
    waiting = bench.loop.roster.get(UUID).view.queued
    assert [(str(action), request_id) for action, request_id in waiting] == [("unlock", "unlock"), ("reboot", "reboot")]


def test_a_lock_that_follows_the_lock_of_another_operator_is_refused_and_the_host_is_not_reset(bench):
    locked_online(bench)
    before = bench.loop.roster.get(UUID).view
    for action in ("lock", "force-lock"):
        reply = bench.hosts.host_action(host_uuid=UUID, action=action, request_id=action)
        assert (reply.status, reply.reason) == ("fail", "Host is already locked")
    assert bench.loop.roster.get(UUID).view == before


def test_old_history_and_answers_are_dropped(bench):
    locked_online(bench)
    for number in range(520):
        with bench.db.writer() as conn:
            conn.execute(sa.insert(HISTORY).values(host_uuid=UUID, at=bench.clock.now(), states="s", action="a",
                                                   stage="s", task=str(number), cause="c"))
    bench.store.prune()
    lines = bench.store.history(UUID, 1000)
    assert len(lines) == 500
    assert lines[0]["task"] == "519"


def test_asker_gets_a_deadline_when_the_loop_is_busy(bench):
    release = threading.Event()
    threading.Thread(target=lambda: bench.loop.ask(lambda: release.wait(5), 6), daemon=True).start()
    with pytest.raises(DeadlineExceeded):
        bench.loop.ask(lambda: None, 0.2)
    release.set()


def lost(bench, *networks):
    epoch = bench.loop.roster.get(UUID).view.epoch
    for network in networks:
        bench.loop.post(UUID, Pulse(network, Level.LOSS, epoch))
    bench.settle()


def echoing(bench, seconds):
    for _ in range(seconds):
        bench.loop.bus_heard()
        bench.advance(1)


def with_board(bench, seconds, until=None):
    """As ``echoing``, with a board that answers each command; returns early in the stage ``until``."""
    answered = set()
    for _ in range(seconds):
        if until is not None and bench.status().stage == until:
            return
        echoing(bench, 1)
        for command in bench.effects.of(act.Bmc):
            if bench.status().stage != until and command.command_id not in answered:
                answered.add(command.command_id)
                bench.loop.post(UUID, BmcAnswer(command.command_id, True, "on"))
                bench.settle()


def test_history_says_why_a_host_was_struck(bench):
    enabled(bench)
    lost(bench, *Network)
    echoing(bench, 10)
    causes = [row["cause"] for row in rows(bench, HISTORY)]
    assert "command unlock u-1; reboot: operator: unlock" in causes
    assert causes[-1].startswith("tick; reboot: silent on management for 7 s, cluster-host for 7 s, ")


def test_history_says_once_why_a_host_was_spared(bench):
    enabled(bench)
    lost(bench, Network.MGMT)
    echoing(bench, 60)
    causes = [row["cause"] for row in rows(bench, HISTORY)]
    assert causes.count("tick; withheld: alive on cluster-host") == 1
    assert len(bench.effects.of(act.SendReboot)) == 1
    assert bench.status().task == "No heartbeat on Management, alive on cluster-host"
    assert bench.status().availability == "failed"


def test_mtcalive_that_came_past_the_bus_proves_nothing_of_the_bus(bench):
    enabled(bench)
    lost(bench, *Network)
    for _ in range(40):
        bench.clock.advance(1_000)
        alive = MtcAlive(UUID, "worker-0", "boot-other", 1, 1, True, True, False, False, None, False)
        bench.loop.post(UUID, Alive(alive, over_bus=False))
        bench.settle()
    assert not bench.loop.roster.get(UUID).view.bus_ok


def test_levels_told_on_connecting_count_once_they_have_been_taken_in(bench):
    """The heartbeat daemon was restarted: what the view still says of the host is from before."""
    enabled(bench)
    lost(bench, *Network)
    echoing(bench, 4)
    bench.loop.bus_heard()
    view = bench.loop.roster.get(UUID).view
    assert (view.stage, view.pulses_ok) == ("recovery-alive", True)
    gate, waiting = threading.Event(), threading.Event()

    def hold():
        waiting.set()
        assert gate.wait(10)

    asker = threading.Thread(target=lambda: bench.loop.ask(hold, 15))
    asker.start()
    assert waiting.wait(10)
    bench.effects.synced = 2
    for network in Network:
        bench.loop.post(UUID, Pulse(network, Level.UNKNOWN, view.epoch))
    bench.clock.advance(4_000)
    bench.loop.bus_heard()
    gate.set()
    asker.join(10)
    echoing(bench, 30)
    assert len(bench.effects.of(act.SendReboot)) == 1
    assert bench.loop.roster.get(UUID).view.withheld.startswith("nothing is known from management")


@pytest.mark.parametrize("stage", ["idle", "recovery-pause", "recovery-alive", "recovery-power-query",
                                   "recovery-bmc-wait"])
def test_silent_host_heard_in_this_boot_of_the_controller_is_reset_once_although_the_conductor_restarts(bench, stage):
    """The controller booted minutes ago, so dead office recovery is on; the host was added and heard since."""
    bench.uptime_s = 600
    enabled(bench)
    if stage != "idle":
        lost(bench, *Network)
    with_board(bench, 60, until=stage)
    assert bench.status().stage == stage
    assert "reset" not in [action.verb for action in bench.effects.of(act.Bmc)]
    bench.restart()
    lost(bench, *Network)
    with_board(bench, 400)
    assert [action.verb for action in bench.effects.of(act.Bmc)].count("reset") == 1
    assert bench.status().stage == "recovery-boot"


@pytest.mark.parametrize(("uptime_s", "struck"), [(100, 0), (90_000, 1)])
def test_dead_office_spares_hosts_not_heard_since_the_controller_booted(bench, uptime_s, struck):
    enabled(bench)
    bench.uptime_s = uptime_s
    bench.clock.reboot("controller-boot-2", 60_000)
    bench.restart()
    lost(bench, *Network)
    echoing(bench, 20)
    assert len(bench.effects.of(act.SendReboot)) == struck
    assert bench.loop.roster.get(UUID).view.dead_office is (not struck)

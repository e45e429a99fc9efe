# SPDX-License-Identifier: Apache-2.0
"""The guard of the bus's memory: who is barred, on what evidence, for how long, and what ends without the broker."""
from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from flock.core.errors import Unavailable
from flock.exec import CommandFailed, CommandNotFound, CommandTimeout, OutputTooLong
from flock.rpc.accounts import BusConnection, HostAccess, StoredQueue
from sysinv.conductor import busguard as guards
from sysinv.conductor.busguard import ASK_EVERY_S, RELIEF_S, SEARCH_AFTER_S, SEARCH_RELIEF_MAX_S, BusGuard
from sysinv.model.busguard import (
    BARRED_S,
    CONTROLLERS,
    HELD_BYTES,
    HISTORY_MAX,
    HOST_EXCHANGES_MAX,
    SAMPLE_S,
    SUSPECT_BYTES,
)

PORT, CONNECTIONS_MAX = 5671, 64
A, B, C, SERVICE = "host.a", "host.b", "host.c", "service.fm-api"
EVERY = (A, B, C, SERVICE)


class Bus:
    """A broker with two connections of each account, the kernel's counts of the first, and the guard's clock."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.limits = dict.fromkeys(EVERY, CONNECTIONS_MAX)
        self.sent = dict.fromkeys(EVERY, 0)
        self.full = False
        self.relieved_by: str | None = None
        self.relieved_at_s = float("inf")
        self.broken: set[str] = set()
        self.holding: dict[str, int] = {}
        self.closed: list[str] = []
        self.cleared: list[str] = []
        self.made: list[str] = []
        self.set: list[tuple[str, int]] = []
        self.told: list[tuple[str, str]] = []
        self.counts_fail: Exception | None = None
        self.commands: list[tuple[list[str], float]] = []
        self.guard = self.anew()

    def anew(self) -> BusGuard:
        """The guard of a conductor that has just started."""
        return BusGuard(self, PORT, CONNECTIONS_MAX,  # type: ignore[arg-type]
                        lambda hostname, reason: self.told.append((hostname, reason)), lambda: self.now_s)

    def run(self, argv: list[str], *, timeout_s: float) -> Any:
        self.commands.append((argv, timeout_s))
        if self.counts_fail is not None:
            raise self.counts_fail
        return SimpleNamespace(out="".join(
            f"0 0 [::ffff:10.0.0.1]:{PORT} [::ffff:10.0.0.2]:{number} cubic bytes_received:{self.sent[name]} rto:1\n"
            for number, name in enumerate(EVERY, 1)))

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def _answer(self, name: str) -> None:
        if name in self.broken:
            raise Unavailable(service="the broker's management", reason=name)

    def limit_connections(self, account: str, most: int) -> None:
        self._answer("limit")
        # The broker refuses a limit for an account that it does not have.
        if account not in self.limits:
            raise Unavailable(service="the broker's management", reason="no_such_user")
        self.limits[account] = most
        self.set.append((account, most))

    def barred(self) -> list[str]:
        self._answer("barred")
        return [account for account, most in self.limits.items() if most == 0]

    def connections(self) -> list[BusConnection]:
        return [BusConnection(f"10.0.0.2:{number + more} -> 10.0.0.1:{PORT}", name)
                for number, name in enumerate(EVERY, 1) for more in (0, 100)]

    def held(self) -> dict[str, int]:
        self._answer("held")
        return {name: size for name, size in self.holding.items() if name not in self.closed}

    def queues(self) -> list[StoredQueue]:
        return [StoredQueue("reply_host.a_a1")]

    def hosts(self) -> list[str]:
        return ["a", "b"]

    def exchanges(self) -> list[str]:
        self._answer("exchanges")
        return ["flock", *self.made]

    def clear(self, access: HostAccess, queues: list[str], exchanges: list[str], at_most: int) -> None:
        self._answer("clear")
        # An audit that deletes ten thousand sees nothing else for minutes.
        assert at_most == guards.CLEARED_AT_ONCE
        # The access says which of them are the host's.
        assert (queues, exchanges) == (["reply_host.a_a1"], ["flock", *self.made])
        self.cleared.append(access.account)

    def close(self, connection: str) -> None:
        self._answer("close")
        self.closed.append(connection)

    def is_full(self) -> bool:
        self._answer("memory")
        gone = {one.account for one in self.connections() if one.name in self.closed}
        if self.relieved_by in gone or self.now_s >= self.relieved_at_s:
            self.full = False
        return self.full


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Bus:
    made = Bus()
    monkeypatch.setattr(guards, "run", made.run)
    monkeypatch.setattr(guards, "time", SimpleNamespace(sleep=made.sleep))
    made.guard.audit()
    return made


def fill(bus: Bus, **sizes: int) -> None:
    """Hosts have sent so much more, and the memory is full."""
    for letter, size in sizes.items():
        bus.sent[f"host.{letter}"] += size
    bus.full = True


def test_the_kernel_is_asked_for_the_connections_of_the_brokers_port_within_a_limit(bus: Bus) -> None:
    assert bus.commands == [(["ss", "-tinHO", "state", "established", "sport", "=", ":5671"], guards.COMMAND_S)]


def test_who_sends_much_while_there_is_memory_is_left_alone(bus: Bus) -> None:
    bus.sent[A] = 10 * SUSPECT_BYTES
    bus.guard.audit()
    # What was sent before the memory was full is no evidence later.
    fill(bus, a=SUSPECT_BYTES - 1)
    bus.guard.audit()
    assert (bus.set, bus.closed, bus.told) == ([], [], [])


def test_what_a_barred_host_has_left_is_deleted_until_the_broker_has_done_it(bus: Bus) -> None:
    bus.broken.add("clear")
    fill(bus, b=SUSPECT_BYTES)
    bus.relieved_by = B
    bus.guard.audit()
    assert bus.limits[B] == 0 and bus.cleared == []
    bus.broken.clear()
    bus.guard.audit()
    assert bus.cleared == [B]
    bus.now_s += BARRED_S
    bus.guard.audit()
    assert bus.cleared == [B], "who may connect again keeps what it makes"


def test_who_filled_the_memory_is_barred_though_a_busy_broker_tells_no_exchanges(bus: Bus) -> None:
    bus.broken.add("exchanges")
    fill(bus, b=SUSPECT_BYTES)
    bus.relieved_by = B
    bus.guard.audit()
    assert bus.limits[B] == 0


def test_who_filled_the_memory_is_barred_and_loses_all_its_connections(
        bus: Bus, caplog: pytest.LogCaptureFixture) -> None:
    fill(bus, b=SUSPECT_BYTES, a=1)
    bus.sent[SERVICE] = 10 * SUSPECT_BYTES
    bus.relieved_by = B
    with caplog.at_level(logging.WARNING):
        bus.guard.audit()
    assert bus.set == [(B, 0)]
    assert bus.closed == ["10.0.0.2:2 -> 10.0.0.1:5671", "10.0.0.2:102 -> 10.0.0.1:5671"]
    assert bus.told == [("b", "it filled the memory of the message bus, and may not connect for 10 minutes")]
    assert "host b may not connect to the message bus for 600 s: it filled the memory" in caplog.text


def test_the_largest_sender_comes_first_and_the_others_are_spared_when_that_helps(bus: Bus) -> None:
    fill(bus, a=SUSPECT_BYTES, b=3 * SUSPECT_BYTES, c=2 * SUSPECT_BYTES)
    bus.relieved_by = C
    bus.guard.audit()
    assert bus.set == [(B, 0), (C, 0)]
    assert [hostname for hostname, _ in bus.told] == ["b", "c"]


def test_relief_is_waited_for_some_seconds_before_the_next_is_barred(bus: Bus) -> None:
    fill(bus, a=2 * SUSPECT_BYTES, b=SUSPECT_BYTES)
    bus.relieved_at_s = bus.now_s + RELIEF_S
    bus.guard.audit()
    assert bus.set == [(A, 0)] and bus.now_s == bus.relieved_at_s
    fill(bus, b=SUSPECT_BYTES, c=SUSPECT_BYTES)
    begun_s, bus.relieved_at_s = bus.now_s, bus.now_s + RELIEF_S + ASK_EVERY_S
    bus.guard.audit()
    assert bus.set[1:] == [(A, 0), (B, 0)]
    assert bus.now_s == begun_s + RELIEF_S + ASK_EVERY_S


def test_what_was_sent_while_the_memory_is_full_adds_up(bus: Bus) -> None:
    fill(bus, a=SUSPECT_BYTES // 2)
    bus.guard.audit()
    assert bus.set == []
    fill(bus, a=SUSPECT_BYTES // 2)
    bus.guard.audit()
    assert bus.set == [(A, 0)]


def test_who_filled_the_memory_slowly_is_found_by_closing_connections(bus: Bus) -> None:
    for letter, rate in (("a", 9), ("b", 5), ("c", 7)):
        bus.sent[f"host.{letter}"] = 1000 * (10 - rate) * SUSPECT_BYTES
    for _ in range(HISTORY_MAX + 5):
        bus.now_s += SAMPLE_S
        for letter, rate in (("a", 9), ("b", 5), ("c", 7)):
            bus.sent[f"host.{letter}"] += rate
        bus.guard.audit()
    fill(bus)
    bus.relieved_by = C
    bus.guard.audit()
    assert bus.set == [], "it may be free again in a moment"
    bus.now_s += SEARCH_AFTER_S
    bus.guard.audit()
    # Not by all that they have ever sent, but by what they sent within the hour.
    assert bus.set == [(A, 0), (A, CONNECTIONS_MAX), (C, 0)]
    assert [hostname for hostname, _ in bus.told] == ["c"]
    bus.guard.audit()
    assert len(bus.set) == 3


def test_a_search_closes_the_connections_of_controllers_last(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = sorted(CONTROLLERS)
    monkeypatch.setitem(globals(), "EVERY", (first, second, *EVERY))
    bus.limits = dict.fromkeys(EVERY, CONNECTIONS_MAX)
    bus.sent = {first: SUSPECT_BYTES - 1, **dict.fromkeys(EVERY[1:], 0)}
    bus.full = True
    bus.guard = bus.anew()
    bus.guard.audit()
    bus.now_s += SEARCH_AFTER_S
    bus.guard.audit()
    assert [account for account, most in bus.set if most == 0] == [A, B, C]
    bus.relieved_by = second
    bus.guard.audit()
    assert [account for account, most in bus.set if most == 0] == [A, B, C, first, second], "it may be one of them"
    assert [hostname for hostname, _ in bus.told] == ["controller-1"]


def test_a_search_goes_on_where_it_ended_and_begins_anew_at_its_end(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guards, "TRIES_MAX", 2)
    fill(bus)
    bus.guard.audit()
    bus.now_s += SEARCH_AFTER_S
    for _ in range(3):
        bus.guard.audit()
    assert [account for account, most in bus.set if most == 0] == [A, B, C, A, B]
    assert bus.told == []


def test_a_bar_ends_in_time_and_once(bus: Bus) -> None:
    fill(bus, a=SUSPECT_BYTES)
    bus.relieved_by = A
    bus.guard.audit()
    bus.now_s += BARRED_S - 0.1
    bus.guard.audit()
    assert bus.set == [(A, 0)]
    bus.now_s += 0.1
    bus.relieved_by = None
    for _ in range(2):
        bus.guard.audit()
    assert bus.set == [(A, 0), (A, CONNECTIONS_MAX)]
    # What somebody else bars later is not this bar.
    bus.limits[A] = 0
    bus.guard.audit()
    assert bus.limits[A] == 0


def test_who_still_fills_the_memory_is_barred_for_longer(bus: Bus) -> None:
    fill(bus, a=SUSPECT_BYTES)
    bus.guard.audit()
    bus.now_s += BARRED_S - 2 * RELIEF_S
    again_s = bus.now_s
    bus.guard.audit()
    bus.full = False
    bus.now_s = again_s + BARRED_S - 1
    bus.guard.audit()
    assert [each for each in bus.set if each[0] == A] == [(A, 0), (A, 0)]
    bus.now_s += 1
    bus.guard.audit()
    assert bus.set[-1] == (A, CONNECTIONS_MAX)


def test_a_conductor_that_starts_anew_ends_the_bars_that_it_finds(bus: Bus) -> None:
    bus.limits[C] = 0
    guard = bus.anew()
    bus.broken = {"barred"}
    with pytest.raises(Unavailable):
        guard.audit()
    bus.broken = set()
    guard.audit()
    bus.now_s += BARRED_S - 1
    guard.audit()
    assert bus.set == []
    bus.now_s += 1
    guard.audit()
    assert bus.set == [(C, CONNECTIONS_MAX)]


def test_a_host_that_was_deleted_while_barred_does_not_end_the_guard(bus: Bus) -> None:
    fill(bus, a=2 * SUSPECT_BYTES, b=SUSPECT_BYTES)
    bus.relieved_by = B
    bus.guard.audit()
    bus.relieved_by = None
    del bus.limits[A]
    bus.now_s += 2 * BARRED_S
    bus.guard.audit()
    assert bus.set == [(A, 0), (B, 0), (B, CONNECTIONS_MAX)]
    fill(bus, c=SUSPECT_BYTES)
    bus.guard.audit()
    assert bus.set[3:] == [(C, 0)]


def test_an_account_that_was_made_anew_keeps_its_own_limit(bus: Bus) -> None:
    fill(bus, a=SUSPECT_BYTES)
    bus.relieved_by = A
    bus.guard.audit()
    bus.relieved_by = None
    bus.limits[A] = 5
    bus.now_s += BARRED_S
    bus.guard.audit()
    assert bus.limits[A] == 5


@pytest.mark.parametrize("name", ["limit", "barred"])
def test_a_bar_that_cannot_be_ended_is_ended_later(bus: Bus, name: str) -> None:
    fill(bus, a=SUSPECT_BYTES)
    bus.relieved_by = A
    bus.guard.audit()
    bus.relieved_by = None
    bus.now_s += BARRED_S
    bus.broken = {name}
    with pytest.raises(Unavailable):
        bus.guard.audit()
    bus.broken = set()
    bus.guard.audit()
    assert bus.set == [(A, 0), (A, CONNECTIONS_MAX)]


def test_a_connection_that_the_busy_broker_does_not_close_hides_no_bar(
        bus: Bus, caplog: pytest.LogCaptureFixture) -> None:
    fill(bus, a=SUSPECT_BYTES)
    bus.broken = {"close"}
    bus.guard.audit()
    assert (bus.limits[A], [hostname for hostname, _ in bus.told]) == (0, ["a"])
    assert caplog.text.count("is not closed") == 2
    bus.broken, bus.relieved_by = set(), A
    bus.guard.audit()
    assert len(bus.closed) == 2


def test_connections_of_a_barred_host_that_stayed_open_are_closed_at_the_next_audit(bus: Bus) -> None:
    bus.holding = {"10.0.0.2:1 -> 10.0.0.1:5671": HELD_BYTES}
    bus.broken = {"close"}
    bus.guard.audit()
    assert (bus.limits[A], bus.closed) == (0, [])
    bus.broken, bus.holding = set(), {}
    bus.guard.audit()
    assert len(bus.closed) == 2


def test_a_bar_that_fails_halfway_is_made_at_the_next_audit(bus: Bus) -> None:
    fill(bus, a=SUSPECT_BYTES)
    bus.broken = {"limit"}
    with pytest.raises(Unavailable):
        bus.guard.audit()
    assert bus.told == []
    bus.broken, bus.relieved_by = set(), A
    bus.guard.audit()
    assert bus.limits[A] == 0 and len(bus.closed) == 2 and len(bus.told) == 1
    bus.now_s += BARRED_S
    bus.relieved_by = None
    bus.guard.audit()
    assert bus.limits[A] == CONNECTIONS_MAX


def test_a_bar_that_failed_halfway_ends_too(bus: Bus) -> None:
    fill(bus, a=SUSPECT_BYTES)
    bus.broken = {"close"}
    bus.guard.audit()
    bus.broken, bus.full = set(), False
    bus.now_s += BARRED_S
    bus.guard.audit()
    assert bus.set == [(A, 0), (A, CONNECTIONS_MAX)]


@pytest.mark.parametrize("failure", [
    CommandFailed(command="ss", rc=1, reason="x"), CommandNotFound(command="ss", reason="gone"),
    CommandTimeout(command="ss", timeout_s=5), OutputTooLong(command="ss", limit_bytes=1)])
def test_without_the_kernels_counts_nobody_is_suspected_and_the_evidence_stays(
        bus: Bus, caplog: pytest.LogCaptureFixture, failure: Exception) -> None:
    bus.sent[B] = 5 * SUSPECT_BYTES
    bus.guard.audit()
    bus.counts_fail = failure
    fill(bus, a=SUSPECT_BYTES)
    bus.guard.audit()
    assert bus.set == []
    assert "connections of the message bus cannot be listed: ss " in caplog.text
    bus.full = False
    bus.guard.audit()
    bus.counts_fail, bus.full = None, True
    bus.guard.audit()
    assert bus.set == [(A, 0)]


def test_a_broker_that_says_nothing_of_its_memory_is_no_reason_to_bar(bus: Bus) -> None:
    fill(bus, a=SUSPECT_BYTES)
    bus.broken = {"memory"}
    with pytest.raises(Unavailable):
        bus.guard.audit()
    assert bus.set == []
    bus.broken = set()
    bus.guard.audit()
    assert bus.set == [(A, 0)]


def test_who_leaves_many_commands_undone_is_barred_before_the_memory_is_full(bus: Bus) -> None:
    bus.holding = {"10.0.0.2:2 -> 10.0.0.1:5671": HELD_BYTES // 2, "10.0.0.2:102 -> 10.0.0.1:5671": HELD_BYTES // 2,
                   "10.0.0.2:1 -> 10.0.0.1:5671": HELD_BYTES - 1, "10.0.0.2:4 -> 10.0.0.1:5671": 9 * HELD_BYTES}
    bus.guard.audit()
    assert bus.set == [(B, 0)] and bus.told[0][0] == "b"
    assert bus.closed == ["10.0.0.2:2 -> 10.0.0.1:5671", "10.0.0.2:102 -> 10.0.0.1:5671"]
    bus.guard.audit()
    assert bus.set == [(B, 0)], "neither a service nor a host with less"


def test_messages_that_are_not_acknowledged_count_for_the_host_whose_queue_it_is(bus: Bus) -> None:
    bus.holding = {"mtce.agent.b": HELD_BYTES, "reply_host.a_0": HELD_BYTES - 1, "fm.manager": HELD_BYTES}
    bus.guard.audit()
    assert bus.set == [(B, 0)]


def test_who_holds_little_is_left_alone_however_many_do(bus: Bus) -> None:
    bus.holding = {one.name: HELD_BYTES // 3 for one in bus.connections()}
    bus.guard.audit()
    assert bus.set == []


def test_nobody_else_is_blamed_while_the_broker_frees_what_was_held(bus: Bus) -> None:
    fill(bus, a=10 * SUSPECT_BYTES)
    bus.holding = {"10.0.0.2:2 -> 10.0.0.1:5671": HELD_BYTES}
    bus.relieved_by = B
    bus.guard.audit()
    assert bus.set == [(B, 0)]


def test_a_broker_that_does_not_say_what_is_held_is_guarded_by_bytes(bus: Bus) -> None:
    bus.broken = {"held"}
    fill(bus, a=SUSPECT_BYTES)
    bus.guard.audit()
    assert bus.set == [(A, 0)]


def test_who_makes_exchanges_without_end_is_barred_before_the_memory_is_full(bus: Bus) -> None:
    bus.made = ["mtce.agent.a_fanout"] * 200 + ["reply_host.b_a1"] * HOST_EXCHANGES_MAX
    bus.guard.audit()
    assert bus.set == []
    bus.made += ["reply_host.a_a1", "reply_host.b_2"]
    bus.guard.audit()
    assert bus.set == [(B, 0)] and len(bus.closed) == 2
    assert [(hostname, "exchanges" in why) for hostname, why in bus.told] == [("b", True)]
    bus.guard.audit()
    assert bus.set == [(B, 0)], "once"


def test_nobody_is_searched_for_while_the_broker_frees_what_a_barred_host_filled(bus: Bus) -> None:
    """On a slow machine a host that had done nothing was barred too: the memory was free just when it was tried."""
    fill(bus, a=SUSPECT_BYTES)
    bus.guard.audit()
    bus.now_s += SEARCH_AFTER_S
    bus.guard.audit()
    assert {account for account, _ in bus.set} == {A}
    bus.now_s += SEARCH_RELIEF_MAX_S
    bus.sent[A] = 0
    bus.guard = bus.anew()
    bus.full = False
    bus.guard.audit()
    bus.full = True
    bus.now_s += SEARCH_RELIEF_MAX_S
    bus.guard.audit()
    bus.now_s += SEARCH_AFTER_S
    bus.guard.audit()
    assert {account for account, _ in bus.set} == {A, B, C}, "then somebody else fills it"

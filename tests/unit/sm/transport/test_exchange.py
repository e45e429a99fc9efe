# SPDX-License-Identifier: Apache-2.0
"""Two exchanges on addresses of the loopback device; the functional tests have real networks."""
from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from flock.core.errors import InvalidInput
from flock.core.records import replace
from sm.contract.messages import AssignmentReport, Beat, Echo, Snapshot
from sm.core.rotation import Key, Ring
from sm.transport import codec, exchange, sieve
from sm.transport.exchange import Exchange
from sm.transport.keyring import KeyFile, Keyring
from sm.transport.settings import PathLink, Peer

ADDRESS = {"controller-0": "127.0.4.2", "controller-1": "127.0.4.3", "controller-2": "127.0.4.4"}
RING = Ring((Key(1, "0a" * 8, b"o" * 32),), "0a" * 8)


def now_ms() -> int:
    return time.monotonic_ns() // 1_000_000


class One:
    """A node with one path over loopback."""

    def __init__(self, folder: Path, port: int, node: str, *others: str) -> None:
        file = KeyFile(folder / f"{node}.key")
        file.create(RING)
        self.link = PathLink("mgmt", "lo", ADDRESS[node], tuple(Peer(name, ADDRESS[name], port) for name in others),
                             port=port)
        self.node, self.boot, self.sequence = node, f"boot of {node}", 0
        self.news = self.beats = 0
        self.heard: dict[str, Beat] = {}
        self.snapshots: list[Snapshot] = []
        self.ring = Keyring(file, node)
        self.exchange = Exchange(node, self.boot, (self.link,), self.ring, now_ms, self.on_beat)

    def on_beat(self, path: str, beat: Beat, is_new: bool) -> None:
        assert path == "mgmt"
        self.news += is_new
        self.beats += 1
        self.heard[beat.node] = beat
        if beat.snapshot is not None:
            self.snapshots.append(beat.snapshot)

    def beat(self, snapshot: Snapshot | None = None) -> Beat:
        self.sequence += 1
        return Beat(self.node, self.boot, self.sequence, now_ms(), snapshot=snapshot,
                    echoes={node: Echo(beat.boot, beat.sent_ms) for node, beat in self.heard.items()})


@pytest.fixture
def port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.4.2", 0))
        return int(probe.getsockname()[1])


def play(nodes: list[One], until: Callable[[], object], also: Callable[[], None] = lambda: None) -> None:
    """Beats every 10 ms until the condition holds."""
    async def run() -> None:
        for node in nodes:
            node.exchange.start()
        end = time.monotonic() + 10
        while not until():
            assert time.monotonic() < end, "not within 10 s"
            for node in nodes:
                node.exchange.send(node.beat())
            also()
            await asyncio.sleep(0.01)
        for node in nodes:
            node.exchange.stop()

    asyncio.run(run())


def test_nodes_that_start_at_once_hear_each_other(tmp_path: Path, port: int) -> None:
    names = list(ADDRESS)
    nodes = [One(tmp_path, port, name, *(other for other in names if other != name)) for name in names]
    play(nodes, lambda: all(len(node.heard) == 2 for node in nodes))
    assert nodes[0].heard["controller-1"].keys == RING.report
    assert all(node.exchange.taken["mgmt"] > 0 and node.exchange.problems() == {} for node in nodes)


def test_a_snapshot_that_fits_no_datagram_travels_in_pieces(tmp_path: Path, port: int) -> None:
    zero, one = One(tmp_path, port, "controller-0", "controller-1"), One(tmp_path, port, "controller-1", "controller-0")
    rows = tuple(AssignmentReport(f"group-{number}", reason=str(hash((number, "x")) % 10**18)) for number in range(200))
    snapshot = Snapshot(3, assignments=rows)
    assert len(codec.encode(zero.beat(snapshot))[0]) > 3_000
    play([zero, one], lambda: one.snapshots, lambda: zero.exchange.send(zero.beat(snapshot)))
    assert {row.group for row in one.snapshots[0].assignments} == {row.group for row in rows}
    assert one.news < one.beats


def test_a_beat_that_fits_no_datagram_or_is_of_another_boot_is_an_error(tmp_path: Path, port: int) -> None:
    node = One(tmp_path, port, "controller-0", "controller-1")
    with pytest.raises(InvalidInput, match="must fit into 1320 bytes"):
        node.exchange.send(replace(node.beat(), carriers={f"path-{hash((n, 'y'))}": True for n in range(400)}))
    with pytest.raises(InvalidInput, match="32 datagrams; 1 groups do not"):
        reason = "".join(chr(33 + hash((n, "z")) % 90) for n in range(9_000))
        node.exchange.send(node.beat(Snapshot(1, assignments=(AssignmentReport("group", reason=reason),))))
    with pytest.raises(ValueError, match="of boot other"):
        node.exchange.send(replace(node.beat(), boot="other"))


@pytest.mark.parametrize("sieved", [True, False])
def test_forged_datagrams_are_counted_and_change_nothing(tmp_path: Path, port: int, sieved: bool,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what the kernel lets through is judged in full."""
    if not sieved:
        monkeypatch.setattr(sieve, "attach", lambda *_: None)
    zero = One(tmp_path, port, "controller-0", "controller-1")
    good = One(tmp_path, port, "controller-1", "controller-0")
    body, flags = codec.encode(good.beat())
    number, key = good.ring.signing("mgmt", "controller-0")
    genuine = codec.seal(body, flags, 5, number, key)
    foreign, _ = codec.encode(replace(good.beat(), node="controller-2"))
    sent = [b"SM", b"x" * 100, genuine[:-1] + bytes([genuine[-1] ^ 1]), codec.seal(body, flags, 5, 9, key),
            codec.seal(body, flags, 5, *good.ring.signing("oam", "controller-0")),
            codec.seal(body, flags, 5, *zero.ring.signing("mgmt", "controller-1")),
            codec.seal(foreign, flags, 6, number, key), codec.seal(b"{}", 0, 7, number, key), genuine, genuine]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as attacker, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        attacker.bind((ADDRESS["controller-1"], port))
        stranger.bind(("127.0.4.66", port))

        def strike() -> None:
            for data in sent:
                attacker.sendto(data, (ADDRESS["controller-0"], port))
            stranger.sendto(genuine, (ADDRESS["controller-0"], port))

        play([zero], lambda: zero.exchange.refused["mgmt", codec.Refusal.REPLAYED] > 1, strike)
    reasons = {reason.value for _, reason in zero.exchange.refused}
    assert reasons == {"length", "digest", "key", "sender", "body", "greeted", "replayed",
                       *(() if sieved else ("magic", "stranger"))}
    assert (zero.exchange.dropped()["mgmt"] >= 4) is sieved
    assert zero.heard == {} and zero.exchange.taken == {}


def test_refusals_are_summed_up_in_one_line(tmp_path: Path, port: int, caplog: pytest.LogCaptureFixture,
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "CHORES_S", 0.02)
    monkeypatch.setattr(exchange, "SUMMARY_CHORES", 5)
    zero = One(tmp_path, port, "controller-0", "controller-1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger, caplog.at_level(logging.WARNING):
        def strike() -> None:
            for _ in range(20):
                stranger.sendto(b"noise", (ADDRESS["controller-0"], port))

        play([zero], lambda: len(caplog.records) >= 2, strike)
    assert all("datagrams refused: mgmt dropped by the kernel " in record.getMessage() for record in caplog.records)
    assert zero.exchange.dropped()["mgmt"] > 20 * len(caplog.records)


def test_a_path_without_a_device_is_reported_once_and_does_not_stop_the_others(
        tmp_path: Path, port: int, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "CHORES_S", 0.02)
    zero, one = One(tmp_path, port, "controller-0", "controller-1"), One(tmp_path, port, "controller-1", "controller-0")
    absent = PathLink("oam", "absent0", "127.0.5.2", (Peer("controller-1", "127.0.5.3", port),), port=port)
    zero.exchange = Exchange("controller-0", zero.boot, (zero.link, absent), zero.ring, now_ms, zero.on_beat)
    play([zero, one], lambda: zero.exchange.taken["mgmt"] > 10)
    assert zero.exchange.problems() == {"oam": "there is no device absent0"}
    assert [record.getMessage() for record in caplog.records] == ["path oam is closed: there is no device absent0"]
    assert zero.exchange.unsent["oam"] > 10


def test_nothing_is_opened_after_the_end(tmp_path: Path, port: int) -> None:
    zero = One(tmp_path, port, "controller-0", "controller-1")
    play([zero], lambda: zero.sequence > 2)
    zero.exchange.recheck()
    zero.exchange.send(zero.beat())
    assert zero.exchange.unsent == {"mgmt": 1}


def test_keys_that_cannot_be_read_do_not_stop_the_beats(tmp_path: Path, port: int, caplog: pytest.LogCaptureFixture,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "CHORES_S", 0.02)
    zero, one = One(tmp_path, port, "controller-0", "controller-1"), One(tmp_path, port, "controller-1", "controller-0")
    (tmp_path / "controller-0.key").write_text("no keys")
    play([zero, one], lambda: zero.exchange.taken["mgmt"] > 10 and caplog.records)
    assert "keys of service management stay as they are" in caplog.records[0].getMessage()

# SPDX-License-Identifier: Apache-2.0
"""Messaging of service management: datagrams judged per second of CPU, and CPU of a node at rest with three paths."""
from __future__ import annotations

import os
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import msgspec

from sm.contract.messages import AssignmentReport, Beat, DataRecord, Echo, GroupOrder, Snapshot, Vote
from sm.contract.states import GroupState
from sm.core.admission import Admission
from sm.transport import codec
from sm.transport.keyring import expand, fresh_secret
from tests.bench.measure import Figure
from tests.functional.sm.transport.conftest import Site

DATAGRAMS, SECONDS, GROUPS = 20_000, 20, 20
NODES = ("controller-0", "controller-1")
PEERS = ("controller-1", "witness")


def run() -> list[Figure]:
    """Judging is measured without sockets; a node at rest is a process in a network namespace (root only)."""
    figures = [*_judging(), *_sizes()]
    return figures if os.geteuid() != 0 else [*figures, *_rest()]


def _beat(sequence: int, snapshot: Snapshot | None = None) -> Beat:
    return Beat("controller-1", "e" * 32, sequence, 1_000_000 + sequence // 100, term=5, vote=Vote(5, "controller-1"),
                echoes={"controller-0": Echo("b0", 1_000_000)}, record=DataRecord(5, 9, NODES),
                carriers=dict.fromkeys(("mgmt", "oam", "cluster-host"), True), hears=PEERS, follows="controller-1",
                heard=dict.fromkeys(("mgmt", "oam", "cluster-host"), PEERS), snapshot=snapshot)


def _snapshot() -> Snapshot:
    names = [f"group-service-{number}" for number in range(GROUPS)]
    active = GroupState.ACTIVE
    rows = (AssignmentReport(name, active, active, reason=uuid.uuid4().hex) for name in names)
    return Snapshot(9, assignments=tuple(rows),
                    orders={node: tuple(GroupOrder(name, active, 7) for name in names) for node in NODES})


def _judging() -> list[Figure]:
    """All that happens with a datagram after it was read: digest, JSON, admission."""
    key = expand(fresh_secret()[1], "datagram")
    good = [codec.seal(*codec.encode(_beat(number)), number, 1, key) for number in range(1, DATAGRAMS)]
    forged = [data[:-1] + bytes([data[-1] ^ 1]) for data in good]
    admission = Admission("controller-0", "b0")

    def judge(data: bytes) -> object:
        opened = codec.opened(data, {1: key})
        if isinstance(opened, codec.Refusal):
            return opened
        beat = codec.decode(*opened[:2])
        return admission.admit("mgmt", beat, opened[2], 1_000_100) if isinstance(beat, Beat) else beat

    return [Figure(f"{name} datagrams", DATAGRAMS / _cpu_s(judge, datagrams), "/s", more_is_better=True,
                   note=f"{len(good[0])} bytes") for name, datagrams in (("genuine", good), ("forged", forged))]


def _sizes() -> list[Figure]:
    """What JSON costs in comparison with MessagePack."""
    figures = []
    for name, beat in (("beat", _beat(1)), (f"snapshot of {GROUPS} groups", _beat(1, _snapshot()))):
        body, _ = codec.encode(beat)
        plain = msgspec.json.encode(beat)
        packed = msgspec.msgpack.encode(beat)
        decoder, packed_decoder = msgspec.json.Decoder(Beat), msgspec.msgpack.Decoder(Beat)
        times = [1e6 * _cpu_s(decode, [data] * 2_000) / 2_000 for decode, data in
                 ((decoder.decode, plain), (packed_decoder.decode, packed))]
        figures.append(Figure(name, len(body) + codec.OVERHEAD_BYTES, "bytes",
                              note=f"JSON {len(plain)} bytes, {times[0]:.1f} us; MessagePack {len(packed)} bytes, "
                                   f"{times[1]:.1f} us"))
    return figures


def _cpu_s(work: Callable[[bytes], object], data: list[bytes]) -> float:
    begun = time.process_time()
    for each in data:
        work(each)
    return time.process_time() - begun


def _rest() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="flock-bench-") as folder:
        site = Site(Path(folder))
        try:
            zero, _ = site.pair(groups=GROUPS)
            before = zero.ask()
            time.sleep(SECONDS)
            after = zero.ask()
        finally:
            site.close()
    seconds = after["at_s"] - before["at_s"]
    return [Figure("node at rest", 1_000 * (after["cpu_s"] - before["cpu_s"]) / seconds, "ms CPU/s", goal=10,
                   note=f"{after['memory_kb'] / 1024:.0f} MB; longest gap {max(after['gaps_ms'].values())} ms")]

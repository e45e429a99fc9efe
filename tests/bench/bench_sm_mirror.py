# SPDX-License-Identifier: Apache-2.0
"""The mirrored directory between two daemons on this machine, over TLS: latency of an acknowledged write, throughput,
memory. One fsync of this disk at the same time shows how much of it is the disk's."""
from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from flock.exec.atomic import replace_file
from sm.contract.mirror import MirrorVerb
from tests.bench.measure import Figure, latency, timed_ms
from tests.functional.sm.mirror.conftest import World, in_sync

WRITES, FILES, LARGE_MB = 200, 1_000, 100


def run() -> list[Figure]:
    """All figures; the directories are below TMPDIR."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        try:
            for node in world.nodes.values():
                node.start()
            world.nodes["controller-0"].ask(MirrorVerb.PROMOTE)
            in_sync(world)
            return _figures(world, Path(folder))
        finally:
            world.close()


def _figures(world: World, folder: Path) -> list[Figure]:
    active = world.nodes["controller-0"]

    def many() -> None:
        for number in range(FILES):
            path = active.root / f"d{number % 10}/f{number}"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(os.urandom(2_000))
        active.wait(timeout_s=60)

    def one() -> None:
        replace_file(active.root / "d1/f1", os.urandom(500))
        active.wait()

    files_s = _seconds(many)
    writes = timed_ms(one, WRITES)
    alone = timed_ms(lambda: replace_file(folder / "alone", os.urandom(500)), WRITES)
    large = folder / "large"
    large.write_bytes(os.urandom(LARGE_MB << 20))
    with large.open("rb") as stream:
        os.fsync(stream.fileno())

    def move() -> None:
        os.rename(large, active.root / "large")
        active.wait(timeout_s=60)

    large_s = _seconds(move)
    return [latency(f"one of {FILES} files replaced and acknowledged", writes),
            latency("the same file replaced without the mirror", alone, note="two fsyncs of this disk"),
            Figure(f"{FILES} new files acknowledged", files_s, "s"),
            Figure(f"a file of {LARGE_MB} MB acknowledged", LARGE_MB / large_s, "MB/s", more_is_better=True),
            *(Figure(f"memory of sm-mirrord on {node.name}", _memory_mb(node.process.pid), "MB")
              for node in world.nodes.values() if node.process is not None)]


def _seconds(action: Callable[[], None]) -> float:
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


def _memory_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024

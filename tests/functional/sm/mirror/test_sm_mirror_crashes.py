# SPDX-License-Identifier: Apache-2.0
"""kill -9 on either side at random moments, while files are written and acknowledged."""
from __future__ import annotations

import hashlib
import random
import threading
import time

import pytest

from flock.core.errors import FlockError
from flock.exec.atomic import replace_file
from flock.sim import seeds
from flock.testing.services.process import wait_for
from sm.contract.mirror import MirrorVerb
from tests.functional.sm.mirror.conftest import Node, World, content, equal, in_sync

FILES = 40
SEEDS = seeds(4)
pytestmark = pytest.mark.soak


def made(version: int, size: int) -> bytes:
    """A content that shows whether it is whole."""
    body = f"{version}\n".encode() + random.Random(version).randbytes(size)
    return hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def version_of(data: bytes) -> int:
    word, _, body = data.partition(b"\n")
    assert hashlib.sha256(body).hexdigest().encode() == word, "a file is neither old nor new"
    return int(body.partition(b"\n")[0])


class Writer:
    """Writes versions of files on a node, has some acknowledged, and remembers which."""

    def __init__(self, node: Node, seed: int, first: int) -> None:
        self.node, self.random, self.version = node, random.Random(seed), first
        self.acknowledged: dict[str, int] = {}
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        while not self.stopped.is_set():
            written: dict[str, int] = {}
            for _ in range(self.random.randint(1, 8)):
                self.version += 1
                name = f"d{self.random.randrange(4)}/f{self.random.randrange(FILES)}"
                replace_file(self.node.root / name, made(self.version, self.random.choice((10, 3_000, 200_000))))
                written[name] = self.version
            if self.random.random() < 0.7:
                try:
                    self.node.wait(timeout_s=3)
                except FlockError:
                    continue
                self.acknowledged.update(written)

    def stop(self) -> None:
        self.stopped.set()
        self.thread.join()


def versions(node: Node) -> dict[str, int]:
    return {f"{path.parent.name}/{path.name}": version_of(path.read_bytes())
            for path in node.root.glob("d*/f*") if not path.name.startswith(".")}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_each_file_is_old_or_new_and_nothing_acknowledged_is_lost(world: World) -> None:
    for node in world.nodes.values():
        node.start()
    active, standby = (world.nodes[name] for name in ("controller-0", "controller-1"))
    active.ask(MirrorVerb.PROMOTE)
    in_sync(world, active.name)
    version = 0
    for seed in SEEDS:
        chosen = random.Random(seed)
        writer = Writer(active, seed, version)
        # The standby dies in the middle of storing, and comes back.
        time.sleep(chosen.uniform(0.1, 0.5))
        standby.kill()
        versions(standby)
        standby.start()
        in_sync(world, active.name, 30)
        before = len(writer.acknowledged)
        wait_for(lambda writer=writer, before=before: len(writer.acknowledged) > before or
                 len(writer.acknowledged) > FILES // 2, 30, "writes are acknowledged again")
        # The active node dies, and the standby takes over.
        time.sleep(chosen.uniform(0.0, 0.3))
        active.kill()
        writer.stop()
        version = writer.version
        world.leader, world.term = standby.name, world.term + 1
        standby.ask(MirrorVerb.PROMOTE)
        found = versions(standby)
        lost = {name: (number, found.get(name)) for name, number in writer.acknowledged.items()
                if found.get(name, -1) < number}
        assert not lost, f"seed {seed}: acknowledged and lost: {lost}"
        active.start()
        active, standby = standby, active
        in_sync(world, active.name, 30)
        active.wait()
        assert equal(world), f"seed {seed}"
    assert len(content(active.root)) > FILES

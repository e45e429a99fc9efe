# SPDX-License-Identifier: Apache-2.0
"""Full disks, what cannot be mirrored, changes that nobody tells, large files and steady writers."""
from __future__ import annotations

import mmap
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flock.core.errors import Refused
from flock.testing.services.process import wait_for
from sm.cmd.mirror import monitor
from sm.contract.mirror import MirrorVerb
from tests.functional.sm.mirror.conftest import Node, World, content, equal, in_sync


@pytest.fixture
def small(world: World) -> Iterator[Node]:
    """The standby's directory is a file system of 8 MB."""
    standby = world.nodes["controller-1"]
    if os.geteuid() != 0:
        pytest.skip("a file system can be mounted by root only")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(standby.root)], check=True)
    try:
        yield standby
        standby.close()
        standby.process = None
    finally:
        subprocess.run(["umount", "--lazy", str(standby.root)], check=True)


def test_a_full_disk_is_told_and_the_old_generation_stays_whole(world: World, small: Node) -> None:
    active = world.nodes["controller-0"]
    for node in world.nodes.values():
        node.start()
    active.ask(MirrorVerb.PROMOTE)
    (active.root / "old").write_text("old")
    active.wait()
    in_sync(world)
    stored = small.status().number
    (active.root / "old").write_text("new")
    (world.folder / "large").write_bytes(os.urandom(9 << 20))
    os.rename(world.folder / "large", active.root / "large")
    with pytest.raises(Refused, match="controller-1"):
        active.wait(timeout_s=3)
    wait_for(lambda: "No space left" in " ".join(small.status().problems), 20, "the standby says why")
    wait_for(lambda: small.status().outdated, 20, "it is outdated")
    assert monitor(small.control, "") == 33
    assert small.status().number in (stored, stored + 1) and not (small.root / "large").exists()
    assert (small.root / "old").read_text() in ("old", "new")
    assert not active.status().peers[0].in_sync
    (active.root / "large").unlink()
    in_sync(world)
    assert "controller-1" in active.wait() and content(active.root) == content(small.root)


def test_what_cannot_be_mirrored_is_told_and_a_waiter_is_refused(pair: World) -> None:
    active, standby = pair.nodes["controller-0"], pair.nodes["controller-1"]
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(active.root / "socket"))
    os.mkfifo(active.root / "fifo")
    (active.root / "absolute").symlink_to("/etc/passwd")
    (active.root / "d").mkdir()
    (active.root / "d" / "up").symlink_to("../../controller-1")
    (active.root / "d" / "through").symlink_to("../inside/../../x")
    (active.root / "inside").symlink_to("d")
    (active.root / "dangling").symlink_to("nothing")
    assert "controller-1" in active.wait()
    assert content(standby.root).keys() == {"d", "inside", "dangling"}
    told = {line.partition(":")[0] for line in active.status().left_out}
    assert told == {"socket", "fifo", "absolute", "d/up", "d/through"}
    for name in ("socket", "absolute", "d/up"):
        with pytest.raises(Refused, match="is not mirrored"):
            active.wait(active.root / name)
    assert "controller-1" in active.wait(active.root / "d" / "file-that-was-removed")
    # A link that is looked through on the way to another file is not followed.
    (active.root / "inside" / "f").write_text("x")
    active.wait(active.root / "d" / "f")
    assert (standby.root / "d" / "f").read_text() == "x"
    listener.close()


@pytest.mark.slow
def test_too_many_files_stop_the_mirror_but_remove_nothing(world: World) -> None:
    active, standby = world.nodes["controller-0"], world.nodes["controller-1"]
    for node in world.nodes.values():
        node.start()
    active.ask(MirrorVerb.PROMOTE)
    (active.root / "z").write_text("last by name")
    active.wait()
    (active.root / "many").mkdir()
    for number in range(20_100):
        (active.root / "many" / f"{number}").touch()
    with pytest.raises(Refused, match="not mirrored completely: must not be more than 20000"):
        active.wait()
    assert monitor(active.control, "") == 37 and not active.status().peers[0].in_sync
    assert (standby.root / "z").exists()
    # Nor does one that starts now, and does not know what the standby has.
    active.kill()
    active.start()
    active.ask(MirrorVerb.PROMOTE)
    wait_for(lambda: any(line.connected for line in active.status().peers), 30, "the standby is there again")
    with pytest.raises(Refused, match="not mirrored completely"):
        active.wait()
    assert (standby.root / "z").exists() and not active.status().peers[0].in_sync
    for number in range(20_100):
        (active.root / "many" / f"{number}").unlink()
    (active.root / "many").rmdir()
    # The standby may be storing the nearly 20,000 that were there for a while.
    active.wait(timeout_s=120)
    in_sync(world)
    assert equal(world)


def test_audits_find_what_the_kernel_does_not_tell(world: World) -> None:
    active, standby = world.nodes["controller-0"], world.nodes["controller-1"]
    (active.root / "mapped").write_bytes(b"a" * 8192)
    (active.root / "other").write_text("other")
    for node in world.nodes.values():
        node.start("--audit", "0.5")
    active.ask(MirrorVerb.PROMOTE)
    active.wait()
    # Writes to a mapping cause no events.
    with (active.root / "mapped").open("r+b") as stream, mmap.mmap(stream.fileno(), 0) as mapped:
        mapped[0:1] = b"b"
        mapped.flush()
        wait_for(lambda: (standby.root / "mapped").read_bytes()[:1] == b"b", 20, "the audit has found it")
    assert "audit has found" in active.log()
    # Somebody changes the standby's copy.
    (standby.root / "other").write_text("damaged")
    (standby.root / "stray").write_text("not there")
    wait_for(lambda: equal(world), 20, "the standby is repaired")
    (place,) = standby.status().lost
    assert (Path(place) / "other").read_text() == "damaged" and (Path(place) / "stray").exists()
    in_sync(world)


def test_an_overflow_of_the_kernels_queue_loses_nothing(pair: World) -> None:
    active = pair.nodes["controller-0"]
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    path = active.root / "f"
    active.process.send_signal(signal.SIGSTOP)  # type: ignore[union-attr]
    for number in range(limit // 2 + 100):
        path.write_text(str(number))
        path.chmod(0o600 + number % 2)
    (active.root / "late").write_text("after the queue was full")
    active.process.send_signal(signal.SIGCONT)  # type: ignore[union-attr]
    active.wait()
    assert equal(pair) and (pair.nodes["controller-1"].root / "late").exists()


def test_steady_writers_of_all_kinds_do_not_starve_it(pair: World) -> None:
    active = pair.nodes["controller-0"]
    stopped = threading.Event()

    def append() -> None:
        with (active.root / "log").open("ab", buffering=0) as stream:
            while not stopped.wait(0.003):
                stream.write(os.urandom(500))

    def rewrite() -> None:
        while not stopped.wait(0.02):
            with (active.root / "table").open("r+b" if (active.root / "table").exists() else "wb") as stream:
                stream.write(os.urandom(300_000))

    def turn() -> None:
        number = 0
        while not stopped.wait(0.01):
            number += 1
            (active.root / f"d{number % 5}" / "e").mkdir(parents=True, exist_ok=True)
            (active.root / f"d{number % 5}" / "e" / "f").write_text(str(number))
            if number % 3 == 0:
                os.rename(active.root / f"d{number % 5}", active.root / f"moved{number}")
            if number % 7 == 0:
                subprocess.run(["rm", "-rf", *map(str, active.root.glob("moved*"))], check=True)

    threads = [threading.Thread(target=each) for each in (append, rewrite, turn)]
    for thread in threads:
        thread.start()
    try:
        began, answered = time.monotonic(), 0
        while time.monotonic() - began < 8:
            (active.root / "token").write_text(str(answered))
            assert "controller-1" in active.wait(active.root / "token", 10)
            assert int((pair.nodes["controller-1"].root / "token").read_text()) == answered
            answered += 1
    finally:
        stopped.set()
        for thread in threads:
            thread.join()
    assert answered > 5
    active.wait()
    assert equal(pair)


def test_a_large_file_and_a_cut_in_the_middle_of_it(pair: World) -> None:
    active, standby = pair.nodes["controller-0"], pair.nodes["controller-1"]
    (pair.folder / "large").write_bytes(os.urandom(100 << 20))
    os.rename(pair.folder / "large", active.root / "large")
    wait_for(lambda: list((standby.root / ".sm-mirror/staged").iterdir()), 20, "it is on its way", 0.001)
    standby.kill()
    assert not (standby.root / "large").exists()
    standby.start()
    active.wait(timeout_s=60)
    assert equal(pair) and not list((standby.root / ".sm-mirror/staged").iterdir())
    # Under another name it is not sent again.
    assert active.process is not None
    counters = Path(f"/proc/{active.process.pid}/io")
    before = int(counters.read_text().split()[3])
    os.rename(active.root / "large", active.root / "moved")
    active.wait(timeout_s=60)
    assert equal(pair) and int(counters.read_text().split()[3]) - before < 10 << 20

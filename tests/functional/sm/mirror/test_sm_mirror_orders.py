# SPDX-License-Identifier: Apache-2.0
"""Who must have stored a write before it is acknowledged: the guard's orders, and roles that change."""
from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flock.core.errors import Refused, Unavailable
from flock.testing.services.process import wait_for
from sm.client.mirror import wait_stored
from sm.cmd.mirror import monitor
from sm.contract.mirror import MirrorVerb
from sm.mirror.part import MirrorPart
from tests.functional.sm.mirror.conftest import Guard, World, content, equal, in_sync


def test_an_order_is_in_force_when_the_node_has_all_that_was_written_before(pair: World) -> None:
    active, standby = pair.nodes["controller-0"], pair.nodes["controller-1"]
    guard = Guard(active)
    assert guard.next().enforced == -1, "no order of this connection"
    guard.require(0)
    assert guard.until(0).required == ()
    standby.process.send_signal(signal.SIGSTOP)  # type: ignore[union-attr]
    (active.root / "alone").write_text("acknowledged without the other")
    assert "no other node" in active.wait()
    guard.require(1, "controller-1")
    with pytest.raises(Refused, match="controller-1: .*"):
        (active.root / "both").write_text("not acknowledged")
        active.wait(timeout_s=0.5)
    for _ in range(3):
        assert guard.next().enforced < 1, "it lacks what was acknowledged before the order"
    standby.process.send_signal(signal.SIGCONT)  # type: ignore[union-attr]
    guard.until(1)
    assert (standby.root / "alone").read_text() == "acknowledged without the other"
    assert "controller-1" in active.wait()
    # A newer connection gives the orders; those of an older one are refused.
    newer = Guard(active)
    newer.require(0, "controller-1")
    newer.until(0)
    guard.require(2)
    assert newer.next().required == ("controller-1",)
    newer.close()
    guard.close()


WAITER = """
import sys, threading
from flock.core.errors import Refused
from sm.client.mirror import ask, status
from sm.contract.mirror import MirrorRequest, MirrorVerb
reasons = []
def wait():
    try:
        ask(MirrorRequest(MirrorVerb.WAIT, timeout_s=5), sys.argv[1], 20)
    except Refused as error:
        reasons.append(str(error))
threads = [threading.Thread(target=wait) for _ in range(60)]
for thread in threads:
    thread.start()
assert status(sys.argv[1]).role == "active"
for thread in threads:
    thread.join()
assert sum("others wait already" in reason for reason in reasons) == 12, reasons
"""


def test_without_the_guards_word_every_node_is_required(world: World) -> None:
    active, standby = world.nodes["controller-0"], world.nodes["controller-1"]
    active.start()
    active.ask(MirrorVerb.PROMOTE)
    (active.root / "f").write_text("x")
    with pytest.raises(Refused, match="controller-1: it has not connected"):
        active.wait(timeout_s=0.3)
    # Many who wait in vain leave room for others.
    subprocess.run([sys.executable, "-c", WAITER, active.control], check=True, timeout=60)
    active.kill()
    (active.folder / "required.json").write_text('{"nodes": []}')
    active.start()
    active.ask(MirrorVerb.PROMOTE)
    assert "no other node" in active.wait()
    standby.start()
    with pytest.raises(Refused, match="controller-1 is not active"):
        standby.wait()
    with pytest.raises(Refused, match="controller-0 leads, not controller-1"):
        standby.ask(MirrorVerb.PROMOTE)


def test_the_guards_part_tells_orders_and_what_it_was_told(pair: World) -> None:
    active, standby = pair.nodes["controller-0"], pair.nodes["controller-1"]

    async def play() -> None:
        part = MirrorPart(active.name, active.root, active.control, lambda: time.monotonic_ns() // 1_000_000)
        assert part.first_members() == frozenset() and part.in_sync() == frozenset() and part.problems()
        part.open()

        async def until(condition: object, limit_s: float = 15) -> None:
            async with asyncio.timeout(limit_s):
                while not condition():  # type: ignore[operator]
                    await asyncio.sleep(0.02)

        await until(lambda: part.in_sync() == {standby.name})
        assert part.enforced() == -1 and part.problems() == ()
        part.require(frozenset({standby.name}), 0)
        await until(lambda: part.enforced() == 0)
        active.kill()
        await until(lambda: not part.in_sync() and part.problems())
        active.start()
        active.ask(MirrorVerb.PROMOTE)
        await until(lambda: part.in_sync() == {standby.name})
        part.require(frozenset(), 1)
        await until(lambda: part.enforced() == 1)
        active.process.send_signal(signal.SIGSTOP)  # type: ignore[union-attr]
        began = time.monotonic()
        part.require(frozenset({standby.name}), 2)
        assert time.monotonic() - began < 0.1, "it never waits"
        await until(lambda: not part.in_sync())
        active.process.send_signal(signal.SIGCONT)  # type: ignore[union-attr]
        await until(lambda: part.enforced() == 2)
        await part.close()

    asyncio.run(play())


def test_a_move_in_order_loses_nothing_and_turns_the_direction(pair: World) -> None:
    old, new = pair.nodes["controller-0"], pair.nodes["controller-1"]
    for number in range(50):
        (old.root / f"f{number}").write_text(f"{number}")
    pair.lead(new.name)
    assert len(content(new.root)) == 50, "what was not waited for has come along"
    in_sync(pair, new.name)
    (new.root / "f1").write_text("from the new one")
    new.wait()
    assert (old.root / "f1").read_text() == "from the new one" and equal(pair)
    assert old.status().lost == () and new.status().term == 2


def test_a_node_that_comes_back_gives_up_what_nobody_has_acknowledged(pair: World) -> None:
    old, new = pair.nodes["controller-0"], pair.nodes["controller-1"]
    for name in ("kept", "changed-there", "changed-here", "removed-there"):
        (old.root / name).write_text("both have it")
    old.wait()
    old.kill()
    # Written while the daemon was dead: the other one cannot have it.
    (old.root / "changed-here").write_text("only here")
    (old.root / "d").mkdir()
    (old.root / "d" / "new-here").write_text("only here as well")
    pair.leader, pair.term = new.name, pair.term + 1
    new.ask(MirrorVerb.PROMOTE)
    (new.root / "changed-there").write_text("by the new active node")
    (new.root / "removed-there").unlink()
    old.start()
    in_sync(pair, new.name)
    assert equal(pair) and not (old.root / "d").exists()
    (place,) = old.status().lost
    assert {name: what[3] for name, what in content(Path(place)).items() if what[3]}.keys() == {
        "changed-here", "d/new-here"}
    assert (Path(place) / "changed-here").read_text() == "only here"
    assert "never acknowledged give way" in old.log() and "changed-here" in old.log()


def test_a_daemon_that_restarts_goes_on_as_what_it_was_while_it_still_leads(pair: World) -> None:
    active, standby = pair.nodes["controller-0"], pair.nodes["controller-1"]
    for end in (active.kill, lambda: active.process.stop()):  # type: ignore[union-attr]
        end()
        active.start()
        wait_for(lambda: active.status().role == "active", 10, "it goes on")
        in_sync(pair)
    active.kill()
    pair.leader, pair.term = "controller-1", 2
    standby.ask(MirrorVerb.PROMOTE)
    active.start()
    in_sync(pair, "controller-1")
    assert active.status().role == "standby"
    pair.lead("controller-0")
    active.ask(MirrorVerb.DEMOTE)
    active.kill()
    active.start()
    assert active.status().role == "standby", "it was demoted before"


def test_an_older_term_is_refused_and_the_active_node_learns_of_a_newer_one(pair: World) -> None:
    active, standby = pair.nodes["controller-0"], pair.nodes["controller-1"]
    (active.root / "f").write_text("1")
    active.wait()
    # Elected again: the standby's service management knows first, and the active daemon asks its own.
    pair.term = 7
    standby.kill()
    standby.start()
    in_sync(pair)
    assert active.status().term == 7
    (active.root / "f").write_text("2")
    active.wait()
    assert standby.status().term == 7
    # The active node is cut off from its own service management, and the standby knows that the term is over.
    active.management.shutdown()
    active.management.server_close()
    Path(active.run / "control").unlink()
    pair.term = 8
    written = [2]

    def refused() -> bool:
        written.append(written[-1] + 1)
        (active.root / "f").write_text(f"{written[-1]}")
        try:
            active.wait(timeout_s=1)
        except Refused:
            return True
        return False

    wait_for(refused, 5, "what the older active node writes is not acknowledged")
    assert (standby.root / "f").read_text() == f"{written[-2]}"
    wait_for(lambda: "term" in "".join(standby.status().problems), 10, "the standby says why")


def test_programs_for_operators_writers_and_service_management(pair: World, tmp_path: Path) -> None:
    active, standby = pair.nodes["controller-0"], pair.nodes["controller-1"]
    (active.root / "f").write_text("x")
    site = tmp_path / "site.yaml"
    site.write_text("mode: duplex\n")
    assert "controller-1" in wait_stored(str(active.root / "f"), control=active.control, site=site)
    with pytest.raises(Refused, match="is not in"):
        wait_stored("/etc/passwd", control=active.control, site=site)
    with pytest.raises(Unavailable, match="/nowhere"):
        wait_stored(control="/nowhere", site=site)
    site.write_text("mode: simplex\n")
    assert "no other controller" in wait_stored(str(active.root / "f"), control="/nowhere", site=site)
    site.write_text("mode: [\n")
    with pytest.raises(Unavailable, match="cannot be read"):
        wait_stored(control="/nowhere", site=site)

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-m", "sm.cmd.mirror", "--socket", active.control, *words],
                              capture_output=True, text=True, timeout=60, check=False)

    shown = run("status")
    assert "controller-0 is active with generation 1." in shown.stdout and "controller-1  yes" in shown.stdout
    assert json.loads(run("status", "--json").stdout)["peers"][0]["in_sync"] is True
    assert (monitor(active.control, str(active.root)), monitor(standby.control, "")) == (8, 0)
    assert monitor(active.control, "/elsewhere") == 6 and monitor("/nowhere", "") == 7
    done = run("demote")
    assert done.returncode == 0 and "everything" in done.stdout
    assert run("wait").returncode == 1 and run("promote").returncode == 0
    standby.kill()
    wait_for(lambda: not active.status().peers[0].connected, 10, "the loss is seen")
    assert monitor(active.control, "") == 8, "the active node is not worse for it"
    pair.leader = "controller-1"
    refused = run("init", "--directory", str(active.root), "--node", "controller-0")
    assert refused.returncode == 1 and "mirrored already" not in refused.stdout and "mirror" in refused.stderr
    new = tmp_path / "new"
    new.mkdir()
    assert run("init", "--directory", str(new), "--node", "controller-0").returncode == 0
    assert MirrorPart("controller-0", new, "", lambda: 0).first_members() == {"controller-0"}
    assert MirrorPart("controller-1", new, "", lambda: 0).first_members() == frozenset()

# SPDX-License-Identifier: Apache-2.0
"""Two daemons and a witness as real processes, which move a floating address and a web server."""
from __future__ import annotations

import signal
import socket
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from flock.core.errors import Refused
from sm.cmd import dump, query, tool
from sm.contract.control import Verb
from tests.functional.sm.daemon.conftest import Builder, Machine, now_s

DEATHS = 5


def pid_of(machine: Machine) -> str:
    return (machine.yard.folder / f"{machine.name}.pid").read_text()


def test_what_operators_ask(yards: Builder, capsys: pytest.CaptureFixture[str]) -> None:
    """Election, swact and the programs; then garbage on the socket, and a damaged store that cannot be built anew here,
    because nothing describes the site: that daemon says so and ends, and the other one goes on."""
    yard = yards(fencing=False)
    active, standby = yard.active()
    with pytest.raises(Refused, match="leader's work"):
        standby.ask(Verb.SWACT)
    began = now_s()
    active.ask(Verb.SWACT)
    moved = yard.wait_served(began, standby.name)
    with capsys.disabled():
        print(f"swact by the socket: {moved - began:.2f} s")
    active, standby = yard.active()

    path = str(active.folder / "run/control")
    assert query.run(["--socket", path, "service", "web"]) == 0
    assert query.run(["--socket", path, "service", "unheard-of"]) == 0
    assert query.run(["--socket", path, "service-group", "web-services", "--desired-state"]) == 0
    assert capsys.readouterr().out.splitlines()[-3:] == [
        "web is enabled-active", "unheard-of is disabled.", "web-services is active"]
    assert dump.run(["--socket", path, "--pid", "--impact"]) == 0
    assert pid_of(active).strip() in capsys.readouterr().out
    assert tool.run(["--socket", path, "explain", "web-services"]) == 0
    assert "What would move it:" in capsys.readouterr().out
    assert tool.run(["--socket", path, "simulate", f"fence {active.name}"]) == 0
    assert f"{standby.name}: web-services is active" in capsys.readouterr().out
    assert tool.run(["--socket", path, "status"]) == 0
    assert f"{active.name} leads" in capsys.readouterr().out

    for rubbish in (b"\0\xff" * 5_000, b"[]\n", b'{"id": 1}\n', b'{"id": "a", "verb": "explode"}\n', b"x" * 100_000):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as talk:
            talk.settimeout(5)
            talk.connect(path)
            try:
                talk.sendall(rubbish)
                talk.shutdown(socket.SHUT_WR)
                assert b'"refused":""' not in talk.recv(10_000)
            except (BrokenPipeError, ConnectionResetError):
                pass
    assert active.state() == "active"

    before = pid_of(active)
    standby.signal(signal.SIGTERM)
    (standby.folder / "sm.db").write_bytes(b"rubbish" * 10_000)
    for suffix in ("-wal", "-shm"):
        (standby.folder / f"sm.db{suffix}").unlink(missing_ok=True)
    standby.start()
    yard.wait(lambda: standby.process.poll() is not None, 30, "a state")
    assert standby.process.returncode == 1 and (standby.folder / "sm.db.damaged-1").exists()
    assert "is damaged" in standby.log() and "sm-daemon: site.yaml" in standby.log()
    assert active.state() == "active" and pid_of(active) == before
    yard.never_both()


def answers_since(answers: Path, since_s: float, name: str) -> list[float]:
    """The gaps between the answers of a node."""
    times = [float(line.split()[0]) for line in answers.read_text().splitlines()[:-1]
             if line.endswith(name) and float(line.split()[0]) > since_s]
    return [after - before for before, after in zip(times, times[1:], strict=False)]


def test_death_of_a_host(yards: Builder) -> None:
    """All processes of the active controller die: the other one fences it, confirms that, and takes over."""
    yard = yards()
    took = []
    for _ in range(DEATHS):
        active, standby = yard.active()
        died = now_s()
        active.power_off()
        took.append(yard.wait_served(died, standby.name) - died)
        assert "fences" in "\n".join(standby.status().journal)
        active.new_boot()
        active.start()
    yard.active()
    print(f"takeover after the death of a host: median {statistics.median(took):.2f} s, "
          f"all {' '.join(f'{each:.2f}' for each in sorted(took))}")
    yard.never_both()


def test_isolation(yards: Builder) -> None:
    """Without fencing: a daemon that stands still for a moment changes nothing. An active controller whose paths are
    all cut stops before the other one starts."""
    yard = yards(fencing=False)
    active, standby = yard.active()
    for machine in (active, standby):
        machine.signal(signal.SIGSTOP)
        still = now_s()
        yard.wait(lambda still=still: now_s() - still > 0.5, 2, "time")
        machine.signal(signal.SIGCONT)
    assert yard.active() == (active, standby)

    began = now_s()
    yard.cut(active.name)
    moved = yard.wait_served(began, standby.name)
    ended, started = active.alive()[-1], next(moment for moment in standby.alive() if moment > began)
    print(f"isolated: stopped {ended - began:.2f} s, started elsewhere {started - began:.2f} s after the cut, "
          f"answers {moved - began:.2f} s after it")
    assert ended < started
    yard.heal(active.name)
    assert yard.active() == (standby, active)
    yard.never_both()


def test_daemon_that_stands_still_is_fenced(yards: Builder) -> None:
    """No watchdog is here, so a daemon that stands still cannot stop its services; the other node switches it off."""
    yard = yards()
    active, standby = yard.active()
    began = now_s()
    active.signal(signal.SIGSTOP)
    moved = yard.wait_served(began, standby.name)
    print(f"stands still: taken over {moved - began:.2f} s later")
    assert active.alive()[-1] < next(moment for moment in standby.alive() if moment > began)
    yard.never_both()


def test_daemons_that_end(yards: Builder) -> None:
    """A daemon that is killed, or announces its absence and ends, leaves its services to the next one. A second daemon
    does not start. --stop-services moves everything away before the daemon ends."""
    yard = yards(lease_ms=12_000, grant_ms=12_000, fence_delay_ms=10_000)
    active, standby = yard.active()
    standby.signal(signal.SIGTERM)
    standby.start()
    yard.wait(lambda: standby.state() == "standby", 30, "a standby controller")
    assert "fences" not in "".join(active.status().journal)
    before, lost = pid_of(active), now_s()
    active.signal(signal.SIGKILL)
    active.start()
    yard.wait(lambda: active.state() == "active", 30, "a state")
    assert pid_of(active) == before
    gaps = answers_since(yard.answers, lost, active.name)
    assert max(gaps) < 1, "the service was away while its daemon was"

    active.signal(signal.SIGUSR2)
    yard.wait(lambda: "may be away" in "".join(active.status().journal), 5, "an announcement")
    active.signal(signal.SIGTERM)
    active.start("--stop-services")
    yard.wait(lambda: active.state() == "active", 30, "a resumed service")
    assert pid_of(active) == before
    second = subprocess.run([sys.executable, "-m", "sm.cmd.daemon", "--config", str(active.folder / "sm.conf")],
                            capture_output=True, text=True, timeout=20)
    assert second.returncode == 1 and "Another daemon runs" in second.stderr
    active.signal(signal.SIGTERM)
    assert active.process is not None and active.process.returncode == 0
    yard.wait(lambda: standby.state() == "active", 30, "a moved service")
    yard.never_both()


def test_a_controller_that_gets_a_second_one_goes_on_serving(yards: Builder) -> None:
    """The first daemon is restarted with two nodes in its settings, on a slow machine; no service stops."""
    yard = yards(alone=True, fencing=False)
    first, second = yard.nodes
    yard.wait(lambda: first.state() == "active", 20, "an active controller")
    began = now_s()
    yard.wait_served(began, first.name)
    yard.configure(second, False, witness=False)
    second.start()
    yard.wait(lambda: second.state() != "silent", 20, "a second daemon")
    before = pid_of(first)
    yard.configure(first, False, witness=False)
    first.signal(signal.SIGTERM)
    ended = now_s()
    yard.wait(lambda: now_s() - ended > 5, 30, "more than a lease")
    first.start()
    assert yard.active() == (first, second)
    gaps = answers_since(yard.answers, began, first.name)
    print(f"paired {now_s() - began:.1f} s after the start of the second daemon; the longest gap is {max(gaps):.2f} s")
    assert pid_of(first) == before and max(gaps) < 1, "the service was away"
    assert not second.alive()


def alone(machine: Machine) -> bool:
    """Whether a machine is active, and hears the other one on no path."""
    return machine.state() == "active" and set((machine.status().paths or {}).values()) == {"missing-heartbeat"}


def test_a_controller_that_goes_in_order_is_not_switched_off(yards: Builder) -> None:
    """First the standby, then the active one, which moves its services before."""
    yard = yards(lease_ms=6_000, grant_ms=6_000, fence_delay_ms=5_000, majority_delay_ms=5_000)
    for node in reversed(yard.active()):
        node.signal(signal.SIGTERM)
        node.start("--stop-services")
        yard.active()
    for which in (1, 0):
        leaves, stays = yard.active()[which], yard.active()[1 - which]
        known = stays.log().count("fences ")
        leaves.signal(signal.SIGTERM)
        # A leader fences as soon as a standby is silent.
        yard.wait(lambda left=stays: alone(left), 20, f"{stays.name} active, and silence on its paths")
        out = {line.name: line.out for line in stays.status().nodes}
        assert out[leaves.name] == "it said that it ends, with nothing active"
        told = stays.ask(Verb.SERVICE_NODE, node=leaves.name).service_node
        assert told is not None
        assert told.fencing == "none"
        leaves.start("--stop-services")
        yard.active()
        assert stays.log().count("fences ") == known

# SPDX-License-Identifier: Apache-2.0
"""A host with a real systemd, and networks of two hosts; all of it ends with the tests."""
from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

BOOT_S = 60.0
TARGET = "sm-test.target"
UNITS = {
    TARGET: "[Unit]\nRequires=dbus.socket\nAfter=dbus.socket\n",
    "good.service": "[Service]\nExecStart=/bin/sleep 1d\n",
    "stubborn.service": "[Service]\nTimeoutStopSec=1h\n"
                        "ExecStart=/bin/sh -c 'trap \"\" TERM; while :; do sleep 1; done'\n",
    "slow.service": "[Service]\nType=oneshot\nRemainAfterExit=yes\nTimeoutStartSec=1h\n"
                    "ExecStart=/bin/sh -c 'setsid sleep 1d & trap \"\" TERM; while :; do sleep 1; done'\n",
    "failing.service": "[Service]\nType=oneshot\nExecStart=/bin/false\n",
    "brief.service": "[Service]\nExecStart=/bin/true\n",
    "once.service": "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n",
    "needing.service": "[Unit]\nRequires=failing.service\nAfter=failing.service\n[Service]\nExecStart=/bin/sleep 1d\n",
}


def needs_root() -> None:
    if os.geteuid() != 0:
        if os.environ.get("FLOCK_REQUIRE_SERVICES"):
            pytest.fail("these tests need root")
        pytest.skip("these tests need root")


@dataclass(frozen=True, slots=True)
class SystemdHost:
    """A booted container; ``bus``: the address of its system bus; ``shell`` runs a command in it."""

    bus: str
    leader: int

    def run(self, *argv: str) -> str:
        """Run a command in the host and return its output."""
        return subprocess.run(["nsenter", "--target", str(self.leader), "--all", *argv], check=True, timeout=90,
                              capture_output=True, text=True).stdout

    def processes(self, unit: str) -> list[int]:
        """The processes of a unit, by the host's own numbers."""
        group = self.run("systemctl", "show", "--property=ControlGroup", "--value", unit).strip()
        if not group:
            return []
        text = self.run("sh", "-c", f"find /sys/fs/cgroup -path '*{group}/cgroup.procs' -exec cat {{}} + | sort -u")
        return [int(line) for line in text.split()]


@pytest.fixture(scope="session")
def systemd_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SystemdHost]:
    """This machine's own file system as another host, with a minimal set of units."""
    needs_root()
    place = tmp_path_factory.mktemp("systemd")
    for name in ("upper", "work", "root", "bus"):
        (place / name).mkdir()
    etc = place / "upper/etc"
    (etc / "systemd/system").mkdir(parents=True)
    (etc / "machine-id").write_text(secrets.token_hex(16) + "\n")
    for name, text in UNITS.items():
        (etc / "systemd/system" / name).write_text(text)
    mounted = f'mount -t overlay overlay -o "lowerdir=/,upperdir={place}/upper,workdir={place}/work" "{place}/root"'
    nspawn = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--link-journal=no", "--resolv-conf=off",
              "--timezone=off", "--private-network", f"--machine=sm-{secrets.token_hex(4)}",
              f"--bind={place}/bus:/run/dbus", "--console=read-only", "-D", f"{place}/root",
              "--", "/sbin/init", f"--unit={TARGET}"]
    with (place / "console").open("wb") as console:
        host = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", f'{mounted} && exec "$@"', "sh", *nspawn],
            stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True,
            env={"PATH": os.environ["PATH"], "SYSTEMD_NSPAWN_LOCK": "0", "SYSTEMD_LOG_LEVEL": "warning"})
    try:
        yield booted(host, place)
    finally:
        host.kill()
        host.wait()
        shutil.rmtree(place / "upper", ignore_errors=True)


def booted(host: subprocess.Popen[bytes], place: Path) -> SystemdHost:
    deadline = time.monotonic() + BOOT_S
    bus = place / "bus/system_bus_socket"
    while time.monotonic() < deadline and host.poll() is None:
        leader = Path(f"/proc/{host.pid}/task/{host.pid}/children").read_text().split()
        if leader and bus.exists():
            found = SystemdHost(f"unix:path={bus}", int(leader[0]))
            with contextlib.suppress(subprocess.CalledProcessError):
                if found.run("systemctl", "is-active", TARGET).strip() == "active":
                    return found
        time.sleep(0.05)
    raise AssertionError(f"the host did not boot: {(place / 'console').read_text(errors='replace')[-2000:]}")


async def until(holds: Callable[[], bool], limit_s: float = 20.0) -> None:
    """Wait until ``holds`` is true."""
    deadline = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < deadline, "the condition never held"
        await asyncio.sleep(0.02)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two network namespaces with one network between them; in each its interface is ``eth0``."""

    left: str
    right: str

    def run(self, side: str, *argv: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command on one side."""
        return subprocess.run(["ip", "netns", "exec", side, *argv], check=check, timeout=60, capture_output=True,
                              text=True)


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A network of two: 192.0.2.1 and 192.0.2.2, 2001:db8::1 and 2001:db8::2."""
    needs_root()
    mark = secrets.token_hex(3)
    made = Pair(f"sm-{mark}-l", f"sm-{mark}-r")
    try:
        for side in (made.left, made.right):
            subprocess.run(["ip", "netns", "add", side], check=True)
        subprocess.run(["ip", "link", "add", "eth0", "netns", made.left, "type", "veth", "peer", "name", "eth0",
                        "netns", made.right], check=True)
        for number, side in enumerate((made.left, made.right), 1):
            for words in (["link", "set", "lo", "up"], ["link", "set", "eth0", "up"],
                          ["addr", "add", f"192.0.2.{number}/24", "dev", "eth0"],
                          ["addr", "add", f"2001:db8::{number}/64", "dev", "eth0", "nodad"]):
                subprocess.run(["ip", "-n", side, *words], check=True)
        yield made
    finally:
        for side in (made.left, made.right):
            subprocess.run(["ip", "netns", "del", side], check=False, capture_output=True)

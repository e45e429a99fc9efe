# SPDX-License-Identifier: Apache-2.0
"""One control group per host, in every hierarchy of the kernel: its processes, freezer, devices and resource use.

Each host also gets a group in the systemd hierarchies: otherwise the hosts' service managers would share one tree.
"""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from devstack.virtualcloud import devices, process
from devstack.virtualcloud.devices import Device
from devstack.virtualcloud.errors import LabError

WANTED = ("freezer", "memory", "pids", "cpuacct", "devices")
# A host of the device controller lives one level below the group that binds it.
INSIDE = "inside"
KILL_WAIT_S = 10.0
BUSY_WAIT_S = 5.0


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """A mounted control group tree; `controllers` is empty for systemd's own and for version 2."""

    mount: Path
    controllers: tuple[str, ...]
    unified: bool


def parse_mounts(text: str) -> tuple[Hierarchy, ...]:
    """The hierarchies in the text of /proc/mounts that a host's group must exist in; each controller once."""
    found: list[Hierarchy] = []
    for line in text.splitlines():
        fields = line.split()
        if len(fields) < 4 or fields[2] not in ("cgroup", "cgroup2"):
            continue
        mount, options = Path(fields[1]), fields[3].split(",")
        wanted = tuple(name for name in WANTED if name in options)
        unified = fields[2] == "cgroup2"
        if any(item.mount == mount for item in found):
            continue
        if unified or wanted or "name=systemd" in options:
            found.append(Hierarchy(mount, wanted, unified))
    return tuple(found)


class Cgroups:
    """The groups `<prefix>/<name>` of a lab."""

    def __init__(self, prefix: str, hierarchies: tuple[Hierarchy, ...]) -> None:
        self.prefix = prefix
        self.hierarchies = hierarchies

    @classmethod
    def of_machine(cls, prefix: str) -> Cgroups:
        """Return the groups in this machine's hierarchies."""
        return cls(prefix, parse_mounts(Path("/proc/mounts").read_text(encoding="utf-8")))

    def create(self, name: str) -> list[str]:
        """Create the host's groups; returns the files in which a process registers its id to join the host."""
        files = []
        for item in self.hierarchies:
            path = item.mount / self.prefix / name
            path.mkdir(parents=True, exist_ok=True)
            files.append(str(path / "cgroup.procs"))
        if not files:
            raise LabError("the kernel has no control groups mounted (/sys/fs/cgroup)")
        return files

    def create_confined(self, name: str, allowed: Sequence[Device]) -> list[str]:
        """Create the groups of a stopped host again; it can open no device except `allowed`.

        Returns the files to register in. Raises LabError when the kernel offers no way to deny devices.
        """
        self.remove(name)
        files = self.create(name)
        bound = next((item for item in self.hierarchies if "devices" in item.controllers), None) or next(
            (item for item in self.hierarchies if item.unified), None
        )
        if bound is None:
            raise LabError("the kernel has neither the device controller of control groups nor their version 2")
        group = bound.mount / self.prefix / name
        try:
            (devices.confine_v2 if bound.unified else devices.confine_v1)(group, allowed)
            if not bound.unified:
                (group / INSIDE).mkdir()
        except OSError as exc:
            raise LabError(f"{name} would be able to open this machine's devices, so it is not started: {exc}") from exc
        return [str(group / INSIDE / "cgroup.procs") if path == str(group / "cgroup.procs") and not bound.unified
                else path for path in files]  # fmt: skip

    def member_files(self, name: str) -> list[str]:
        """Return the files in which a command run inside the host registers, so that it is frozen and accounted too."""
        found = []
        for item in self.hierarchies:
            path = item.mount / self.prefix / name
            if item.unified and item.mount == Path("/sys/fs/cgroup"):
                path = path / "visitors"  # a version 2 group with sub-groups must not hold processes itself
                if path.parent.is_dir():
                    path.mkdir(exist_ok=True)
            if "devices" in item.controllers:
                path = path / INSIDE
            if path.is_dir() and (item.controllers or item.unified):
                found.append(str(path / "cgroup.procs"))
        return found

    def pids(self, name: str) -> set[int]:
        """Return the ids of all processes of the host."""
        found: set[int] = set()
        for item in self.hierarchies:
            # Groups come and go while they are looked at. os.walk leaves out one that has gone; rglob would raise.
            for folder, _, _ in os.walk(item.mount / self.prefix / name):
                try:
                    text = Path(folder, "cgroup.procs").read_text(encoding="ascii")
                except OSError:
                    continue
                found.update(map(int, text.split()))
        found.discard(0)
        return found

    def kill(self, name: str) -> None:
        """Kill all processes of the host, frozen or not; raises LabError when some remain."""
        end = time.monotonic() + KILL_WAIT_S
        while pids := self.pids(name):
            process.signal_all(pids, signal.SIGKILL)
            self.freeze(name, False)
            for pid in pids:
                process.reap(pid)
            if time.monotonic() > end:
                raise LabError(f"{name}: processes {sorted(pids)[:5]} do not die")
            time.sleep(0.01)

    def freeze(self, name: str, frozen: bool) -> bool:
        """Freeze or resume the host's processes; returns False when the kernel has no freezer."""
        done = False
        for item in self.hierarchies:
            path = item.mount / self.prefix / name
            if "freezer" in item.controllers and (path / "freezer.state").exists():
                (path / "freezer.state").write_text("FROZEN" if frozen else "THAWED", encoding="ascii")
                done = True
            elif item.unified and (path / "cgroup.freeze").exists():
                (path / "cgroup.freeze").write_text("1" if frozen else "0", encoding="ascii")
                done = True
        return done

    def memory_mib(self, name: str) -> int:
        """Return the memory of the host's processes in MiB, shared pages by their share; 0 without processes."""
        total_kib = 0
        for pid in self.pids(name):
            total_kib += _stat_value(Path(f"/proc/{pid}/smaps_rollup"), ("Pss:",))
        return total_kib // 1024

    def cpu_ms(self, name: str) -> int:
        """Return the CPU time that the host has used, in milliseconds."""
        for item in self.hierarchies:
            path = item.mount / self.prefix / name
            if "cpuacct" in item.controllers and (path / "cpuacct.usage").exists():
                return int((path / "cpuacct.usage").read_text(encoding="ascii")) // 1_000_000
            if item.unified and item.mount == Path("/sys/fs/cgroup") and (path / "cpu.stat").exists():
                return _stat_value(path / "cpu.stat", ("usage_usec",)) // 1000
        return 0

    def names(self) -> set[str]:
        """Return the names of the hosts that have a group."""
        found: set[str] = set()
        for item in self.hierarchies:
            base = item.mount / self.prefix
            if base.is_dir():
                found.update(path.name for path in base.iterdir() if path.is_dir())
        return found

    def remove(self, name: str) -> None:
        """Remove the host's groups (which have no processes), the deepest first; `""` removes the lab's."""
        for item in self.hierarchies:
            base = item.mount / self.prefix / name if name else item.mount / self.prefix
            if not base.is_dir():
                continue
            for folder, _, _ in os.walk(base, topdown=False):
                _remove_when_free(Path(folder))


def _remove_when_free(path: Path) -> None:
    """Remove one group. Retries, because the kernel reports it busy for a moment after the last process has ended."""
    end = time.monotonic() + BUSY_WAIT_S
    while True:
        try:
            path.rmdir()
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() > end:
                raise
        else:
            return
        time.sleep(0.01)


def _stat_value(path: Path, names: tuple[str, ...]) -> int:
    """Sum of the first numbers on the lines that start with one of the names; 0 when the file cannot be read."""
    total = 0
    try:
        for line in path.read_text(encoding="ascii", errors="replace").splitlines():
            words = line.split()
            if len(words) > 1 and words[0] in names:
                total += int(words[1])
    except OSError:
        return 0
    return total

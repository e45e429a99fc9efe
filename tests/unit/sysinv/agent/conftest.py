# SPDX-License-Identifier: Apache-2.0
"""Recorded machines, unpacked once per run, and small made-up trees for what no recording shows."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from flock.exec import Root
from flock.testing.machines import RecordedMachine, recorded_machines
from tests.oracles.topology import Topology, expected_topology
from tests.unit.sysinv.agent.agents import MAC


@dataclass(frozen=True)
class Recording:
    """One recorded machine and what another tool expects of it."""

    machine: RecordedMachine
    root: Root
    expected: Topology

    @property
    def name(self) -> str:
        return self.machine.name


@pytest.fixture(scope="session")
def open_recording() -> Callable[[RecordedMachine], Recording]:
    @cache
    def opened(machine: RecordedMachine) -> Recording:
        return Recording(machine, Root(machine.tree()), expected_topology(machine.expected))

    return opened


@pytest.fixture(params=recorded_machines(), ids=lambda machine: machine.name)
def recording(request: pytest.FixtureRequest,
              open_recording: Callable[[RecordedMachine], Recording]) -> Recording:
    """Each recorded machine in turn."""
    return open_recording(request.param)


@pytest.fixture
def make_root(tmp_path: Path) -> Callable[[Mapping[str, str]], Root]:
    """Write a tree: path to text; a text that starts with ``->`` is a symbolic link; an empty path part a directory."""

    def made(files: Mapping[str, str]) -> Root:
        for rel, text in files.items():
            path = tmp_path / "root" / rel
            path.parent.mkdir(parents=True, exist_ok=True)
            if rel.endswith("/"):
                path.mkdir(exist_ok=True)
            elif text.startswith("->"):
                path.symlink_to(text[2:].strip())
            else:
                path.write_text(text + "\n")
        return Root(tmp_path / "root")

    return made


@pytest.fixture
def system(make_root: Callable[[Mapping[str, str]], Root]) -> Root:
    """A machine with one CPU and one port."""
    return make_root({
        "proc/sys/kernel/random/boot_id": "boot-1", "proc/uptime": "100.5 90", "proc/sys/kernel/osrelease": "6.1.0",
        "proc/cpuinfo": "processor : 0\ncpu family : 6\nmodel name : Small CPU",
        "proc/meminfo": "MemTotal: 1048576 kB\nMemFree: 524288 kB", "sys/devices/system/cpu/online": "0",
        "run/systemd/container": "systemd-nspawn", "sys/devices/virtual/net/mgmt0/type": "1",
        "sys/devices/virtual/net/mgmt0/address": MAC, "sys/devices/virtual/net/mgmt0/flags": "0x1003",
        "sys/devices/virtual/net/mgmt0/mtu": "1500", "sys/class/net/mgmt0": "->../../devices/virtual/net/mgmt0"})

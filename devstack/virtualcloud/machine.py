# SPDX-License-Identifier: Apache-2.0
"""One virtual server, as users and its management controller operate it: power, reset, crash, hang, removal."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from pathlib import Path

from devstack.virtualcloud import boot, container, process
from devstack.virtualcloud.boot import Stage
from devstack.virtualcloud.hoststate import HostState
from devstack.virtualcloud.life import Life, World
from devstack.virtualcloud.record import HostRecord, Running

POWEROFF_SIGNAL = signal.SIGRTMIN + 4  # systemd: start poweroff.target
REBOOT_SIGNAL = signal.SIGRTMIN + 5  # systemd: start reboot.target
CRASH_WAIT_S = 10.0


class Machine:
    """A host of the lab. All methods run in the daemon's event loop; a lock serialises changes of power."""

    def __init__(self, world: World, record: HostRecord, hardware_root: Path | None = None) -> None:
        self.record = record
        self.state = HostState(world.store, record)
        self.life = Life(world, self.state, hardware_root)
        self._world = world
        self._task: asyncio.Task[None] | None = None
        self._power = asyncio.Lock()

    async def power_on(self) -> bool:
        """Switch the power on; returns False when it was on."""
        async with self._power:
            if self.record.power:
                return False
            self._start(None)
            return True

    async def power_off(self) -> bool:
        """Switch the power off at once; returns False when it was off."""
        async with self._power:
            if not self.record.power:
                return False
            await self._halt()
            self.state.set(power=False, stage=Stage.OFF, detail="")
            return True

    async def reset(self) -> None:
        """Restart at once, without a shutdown; LabError for a host without power."""
        async with self._power:
            self.state.need_power()
            await self._halt()
            self._start(None)

    async def shut_down(self) -> None:
        """Press the power button: the system shuts down; a host without a system is switched off."""
        if self.record.stage in boot.RUNNING:
            os.kill(await self.leader(), POWEROFF_SIGNAL)
        elif self.record.stage is not Stage.CRASHED:
            await self.power_off()

    async def restart(self) -> None:
        """Make the system reboot; resets a host without a system."""
        self.state.need_power()
        if self.record.stage in boot.RUNNING:
            os.kill(await self.leader(), REBOOT_SIGNAL)
        else:
            await self.reset()

    async def crash(self) -> None:
        """Kill the system as a kernel crash does: the host is silent on every network at once, the power stays on."""
        async with self._power:
            pid = await self.leader()
            await self._world.networks.unplug(self.record)
            os.kill(pid, signal.SIGKILL)
            self._world.cgroups.kill(self.record.name)
            await self.state.wait_for({Stage.CRASHED}, CRASH_WAIT_S)

    def hang(self) -> bool:
        """Freeze all processes of the host; returns False when they were frozen."""
        self.state.need_system()
        if not self.record.hung:
            self._freeze(True)
            return True
        return False

    def resume(self) -> bool:
        """Resume a frozen host; returns False when it was not frozen."""
        if self.record.hung:
            self._freeze(False)
            return True
        return False

    async def remove(self) -> None:
        """Switch the host off and delete it with its disks."""
        await self.power_off()
        await self._world.networks.remove(self.record)
        self._world.cgroups.remove(self.record.name)
        await self.life.disk.remove()
        await asyncio.to_thread(self.life.own_disks.remove)
        shutil.rmtree(self.state.dir)

    async def leave(self) -> None:
        """Stop watching because the daemon ends; the host keeps running."""
        await self._end_task()

    def adopt(self) -> None:
        """Adopt the host's processes after a restart of the daemon."""
        if self.record.power and self.record.stage not in (Stage.CRASHED, Stage.FAULT):
            running = self.record.running
            self._start(running if running is not None and running.kind == "system" else None)

    async def leader(self) -> int:
        """Return the process id of the host's init; LabError when it has no running system."""
        self.state.need_system()
        return await container.leader_soon(self.record.running)

    def _start(self, running: Running | None) -> None:
        self.record.power = True
        if running is None:
            self.state.set(stage=Stage.FIRMWARE, hung=False, detail="")
        self._task = asyncio.create_task(self.life.run(running), name=f"life of {self.record.name}")

    async def _halt(self) -> None:
        """Stop the host at once: carrier, task, processes."""
        await self._world.networks.unplug(self.record)
        await self._end_task()
        self._world.cgroups.kill(self.record.name)
        self.state.set(running=None, hung=False)

    async def _end_task(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def _freeze(self, frozen: bool) -> None:
        if not self._world.cgroups.freeze(self.record.name, frozen):
            number = signal.SIGSTOP if frozen else signal.SIGCONT
            process.signal_all(self._world.cgroups.pids(self.record.name), number)
        self.state.set(hung=frozen)

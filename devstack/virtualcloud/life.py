# SPDX-License-Identifier: Apache-2.0
"""The boot loop of a host with power: choose a device, install from the network, run the system, reboot, end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from devstack.virtualcloud import boot, container, devices, ostreeimage, plan, process, product, pxelinux
from devstack.virtualcloud.boot import After, Device, Stage
from devstack.virtualcloud.cgroups import Cgroups
from devstack.virtualcloud.disk import HARDWARE_ROOT, Disk
from devstack.virtualcloud.disks import Disks, OwnDisk
from devstack.virtualcloud.errors import LabError
from devstack.virtualcloud.firmware import Decision, Firmware
from devstack.virtualcloud.hoststate import HostState
from devstack.virtualcloud.networks import Networks
from devstack.virtualcloud.record import HostRecord, LabRecord, Running, Store
from devstack.virtualcloud.site import Site

LOG = logging.getLogger(__name__)
INSTALL_TIMEOUT_S = 1800.0


@dataclass(frozen=True, slots=True)
class World:
    """Everything that the hosts of a lab share."""

    site: Site
    lab: LabRecord
    store: Store
    networks: Networks
    cgroups: Cgroups

    def lower(self, record: HostRecord) -> Path:
        """Return the folder of the image below a host's disk."""
        root = Path(self.lab.image)
        return ostreeimage.disk_of(root) if record.ostree else root


class Life:
    """The boot loop of one host; the owner runs it in a task, and cancels the task to switch the power off."""

    def __init__(self, world: World, state: HostState, hardware_root: Path | None) -> None:
        self.disk = Disk(state.dir, world.lower(state.record))
        self.own_disks = Disks(state.dir, state.name, state.record.disks)
        self._world = world
        self._state = state
        self._hardware_root = hardware_root

    async def run(self, running: Running | None) -> None:
        """Boot repeatedly until the host switches itself off or crashes; `running` is an adopted system."""
        try:
            while True:
                if running is None and await self._next_device() is Device.NETWORK and await self._boot_network():
                    continue  # an installer ends with a restart
                status = await self._run_system(running)
                running = None
                if not await self._goes_on(boot.after_exit(status)):
                    return
        except (LabError, OSError) as exc:
            LOG.exception("%s", self._state.name)
            self._state.say(Stage.FAULT, str(exc))

    async def seed(self) -> None:
        """Create a disk as installed from media: the base image, bootable, with the host's name."""
        await self._fresh_disk()
        name = self._state.name
        self.disk.lay("/etc/hostname", f"{name}\n".encode())
        self.disk.lay("/etc/hosts", f"127.0.0.1 localhost\n127.0.1.1 {name}\n".encode())
        self._state.set(bootable=True)

    async def _goes_on(self, after: After) -> bool:
        """Handle the end of the system; returns True when the host boots again."""
        await self._world.networks.unplug(self._state.record)
        self._world.cgroups.kill(self._state.name)
        self._state.set(running=None, hung=False)
        if after is After.BOOT:
            return True
        if after is After.POWER_OFF:
            self._state.set(power=False, stage=Stage.OFF, detail="")
        else:
            self._state.say(Stage.CRASHED, "the system died")
        return False

    async def _next_device(self) -> Device:
        state = self._state
        state.set(stage=Stage.FIRMWARE, detail="", boots=state.record.boots + 1)
        self._world.cgroups.kill(state.name)
        await self._world.networks.plug(state.record)
        if state.record.override.target == "cd":
            state.tell("boot override cd: this firmware cannot run a boot image; going on with the boot order")
        device, left = boot.choose_device(state.record.override, state.record.bootable)
        state.set(override=left)
        state.tell(f"booting from {device}")
        return device

    async def _run_system(self, running: Running | None) -> int | None:
        state = self._state
        ready = container.ReadySocket(state.dir / "notify", self._on_ready)
        ready.open()
        try:
            if running is None:
                state.rotate_console()
                self._lay_hardware_pointer()
                own = await asyncio.to_thread(self.own_disks.attach)
                running = self._start(container.boot_argv(self._world.site, self._shape(own)), own, "system")
                state.set(stage=Stage.BOOTING, running=running)
            elif state.record.stage is Stage.BOOTING:
                await self._check_booted(running)
            return await container.exit_status(running, state.dir / "exit")
        finally:
            ready.close()

    async def _boot_network(self) -> bool:
        """Boot the network until the disk is installed (True) or the unchanged disk is to be booted (False)."""
        record = self._state.record
        mac = next(leg.mac for leg in plan.legs(record.index, record.role) if leg.network == "pxeboot")
        firmware = Firmware(self._world.site, record.name, mac, self._state.dir, self._state.say)
        failures = 0
        while True:
            decision = await firmware.decide(record.bootable)
            if decision.action is not pxelinux.Action.INSTALL:
                await self._world.networks.plug(record)  # removes the firmware's address before the system starts
                return False
            status = await self._install(decision)
            if status == 0:
                self._state.set(bootable=True, detail="")
                return True
            failures += 1
            text = "nobody saw the installer end" if status is None else f"the installer ended with {status}"
            self._state.say(Stage.INSTALL_FAILED, f"{text}; see devstack/lab logs {record.name}")
            await asyncio.sleep(boot.retry_interval_ms(failures) / 1000)

    async def _install(self, decision: Decision) -> int | None:
        state, site = self._state, self._world.site
        state.say(Stage.INSTALLING, f"from {decision.server}")
        state.set(bootable=False)
        await self._fresh_disk()
        installer = (
            container.INSTALLER_INSIDE if self._world.lab.installer else str(site.code_dir / "venv/bin/flock-install")
        )
        command = [installer, "--cmdline", decision.append, "--pxecontroller", decision.server]
        own = await asyncio.to_thread(self.own_disks.attach)
        running = self._start(container.install_argv(site, self._shape(own), command), own, "installer")
        state.set(running=running)
        try:
            async with asyncio.timeout(INSTALL_TIMEOUT_S):
                return await container.exit_status(running, state.dir / "exit")
        except TimeoutError:
            return None
        finally:
            self._world.cgroups.kill(state.name)
            state.set(running=None)

    async def _check_booted(self, running: Running) -> None:
        # the ready message may have come while no daemon listened
        pid = await container.leader_soon(running)
        argv = ["nsenter", "-t", str(pid), "-m", "-u", "-i", "-n", "-p", "-C", "systemctl", "is-system-running"]
        done = await process.run(argv, check=False)
        if done.out.strip() in ("running", "degraded"):
            self._on_ready()

    def _start(self, argv: Iterable[str], own: Iterable[OwnDisk], kind: str) -> Running:
        state = self._state
        allowed = (*devices.HARMLESS, *(disk.node for disk in own if disk.node is not None))
        job = container.Start(
            argv=tuple(argv),
            cgroup_files=self._world.cgroups.create_confined(state.name, allowed),
            lower=self.disk.lower,
            disk=self.disk.path,
            exit_file=state.dir / "exit",
            console=state.console,
            notify=state.dir / "notify",
            code=str(self._code_dir or "-"),
        )
        return container.start(self._world.site, state.name, job, kind)

    def _shape(self, own: Iterable[OwnDisk]) -> container.Shape:
        binds = []
        own_code = () if self._code_dir is None else ((str(self.disk.path / "code/root"), str(self._code_dir)),)
        if self._hardware_root is not None:
            binds.append((str(self._hardware_root), HARDWARE_ROOT))
        if self._world.lab.installer:
            binds.append((self._world.lab.installer, container.INSTALLER_INSIDE))
        root = self.disk.path / "root"
        return container.Shape(
            self._state.name, root, tuple(binds), self.own_disks.view, tuple(own), own_code, self.disk.has_ostree()
        )

    @property
    def _code_dir(self) -> Path | None:
        """The product on the machine; None when it is not installed."""
        code_dir = self._world.site.code_dir
        return code_dir if code_dir.is_dir() else None

    async def _fresh_disk(self) -> None:
        await self.disk.wipe()
        self._lay_hardware_pointer()
        if self._code_dir is not None:
            known = await asyncio.to_thread(product.registration, self._code_dir, self.disk.lower)
            for path, content in known.items():
                self.disk.lay(path, content)

    def _lay_hardware_pointer(self) -> None:
        if self._hardware_root is not None:
            self.disk.lay("/etc/flock/hardware_root", f"{HARDWARE_ROOT}\n".encode())

    def _on_ready(self) -> None:
        if self._state.record.stage is Stage.BOOTING:
            self._state.set(stage=Stage.UP, detail="")

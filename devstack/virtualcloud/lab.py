# SPDX-License-Identifier: Apache-2.0
"""The lab: its machines, their management controllers, networks, faults and published ports."""

from __future__ import annotations

import asyncio
import logging
import secrets
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from devstack.virtualcloud import hardware, ostreeimage, plan, probe, sensors
from devstack.virtualcloud.bmcservice import IPMI_GROUP, BmcService
from devstack.virtualcloud.cgroups import Cgroups
from devstack.virtualcloud.disks import DEFAULT_GIB, detach_below, parse_sizes
from devstack.virtualcloud.errors import LabError, NotAvailable
from devstack.virtualcloud.image import Images
from devstack.virtualcloud.life import World
from devstack.virtualcloud.machine import Machine
from devstack.virtualcloud.networks import Networks
from devstack.virtualcloud.publisher import Publisher
from devstack.virtualcloud.record import HostRecord, LabRecord, Store
from devstack.virtualcloud.site import Site

LOG = logging.getLogger(__name__)
REPOSITORY = Path(__file__).resolve().parents[2]
HARDWARE_FOLDERS = (REPOSITORY / "tests/fixtures/machines",)
BMC_KINDS = {"redfish": ("redfish",), "ipmi": ("ipmi",), "both": ("redfish", "ipmi")}

Say = Callable[[str], None]


def machine_boot_id() -> str:
    """Return the id of this machine's boot, which every process and namespace of the lab belongs to."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


class Lab:
    """Everything of one lab while the daemon runs."""

    def __init__(self, site: Site) -> None:
        store = Store(site.state_dir)
        record: LabRecord = store.load_lab()
        if not record.image:
            record.image = str(Images(site.image_dir).root)
        self.world = World(site, record, store, Networks(site), Cgroups.of_machine(site.prefix))
        self.machines: dict[str, Machine] = {}
        self.bmcs: dict[str, BmcService] = {}
        self.publisher = Publisher(site.namespace_path(plan.OUTSIDE))
        self.missing_features: list[str] = []
        self._changes = asyncio.Lock()

    async def start(self) -> None:
        """Create the networks, adopt the hosts of an earlier daemon, open the published ports again."""
        await self.world.networks.create()
        self.missing_features = await probe.missing_features(self.world.site.namespace("switch"))
        self.world.cgroups.create(IPMI_GROUP)
        self.world.cgroups.kill(IPMI_GROUP)
        restarted = self.world.lab.machine_boot_id != machine_boot_id()
        for record in self.world.store.load_hosts():
            if restarted:
                record.running = None
            machine = self._build(record)
            await self.bmcs[record.name].start()
            machine.adopt()
        if not self.world.lab.bmc_password:
            self.world.lab.bmc_password = secrets.token_hex(8)
        self.world.lab.machine_boot_id = machine_boot_id()
        self.world.store.save_lab(self.world.lab)
        await self.apply_faults()
        try:
            await self.publisher.publish(self.world.lab.published)
        except LabError as exc:
            LOG.warning("%s", exc.text)

    async def leave(self) -> None:
        """Release everything because the daemon ends; the hosts keep running."""
        await self.publisher.stop()
        for name, machine in self.machines.items():
            await machine.leave()
            await self.bmcs[name].stop(for_good=False)

    def machine(self, name: str) -> Machine:
        """Return the host `name`; NotAvailable for an unknown name."""
        found = self.machines.get(name)
        if found is None:
            known = ", ".join(self.machines) or "none; bring one up: devstack/lab up standard"
            raise NotAvailable(f"no host {name!r}; there are: {known}")
        return found

    async def up(
        self, kind: str, workers: int, storage: int, bmc: str, installer: str, say: Say, *, ostree: bool = False
    ) -> dict[str, Any]:
        """Create the missing machines of a cloud kind; installs the first controller and powers it on.

        `ostree`: new machines run from deployments of OSTree.
        """
        names = plan.cloud_hosts(kind, workers, storage)
        async with self._changes:
            lab = self.world.lab
            if lab.kind and lab.kind != kind:
                raise LabError(f"a lab of kind {lab.kind} is up; take it down first: devstack/lab down")
            lab.kind, lab.complete = kind, False
            if installer:
                lab.installer = installer
            self.world.store.save_lab(lab)
            added = []
            for name in names:
                if name not in self.machines:
                    await self._add(
                        name, plan.role_of(name), "", bmc, all_in_one=kind in plan.ALL_IN_ONE, ostree=ostree
                    )
                    added.append(name)
                    say(f"{name} added")
            first = self.machine(names[0])
            if not first.record.bootable:
                await first.life.seed()
                say(f"{names[0]} installed from media")
            if await first.power_on():
                say(f"{names[0]} switched on")
            lab.complete = True
            self.world.store.save_lab(lab)
        return {"kind": kind, "added": added, "hosts": list(names)}

    async def add(
        self, name: str, hardware_name: str, bmc: str, role: str, disks_gib: str, *, ostree: bool = False
    ) -> dict[str, Any]:
        """Add one unknown machine, without power."""
        plan.check_host_name(name)
        async with self._changes:
            if name in self.machines:
                raise LabError(f"there is a host {name} already")
            await self._add(
                name, role or plan.role_of(name), hardware_name, bmc, disks=parse_sizes(disks_gib), ostree=ostree
            )
        return {"host": name}

    async def remove(self, name: str) -> None:
        """Remove a machine with its disks, ports and records."""
        machine = self.machine(name)
        async with self._changes:
            await self.bmcs.pop(name).stop()
            del self.machines[name]
            await machine.remove()
            await self.apply_faults()

    async def down(self) -> list[str]:
        """Remove all machines and published ports; the sweep that follows removes the networks."""
        await self.publisher.stop()
        names = list(self.machines)
        for name in names:
            await self.remove(name)
        self.world.lab.kind, self.world.lab.complete, self.world.lab.image = "", False, ""
        self.world.lab.published = {}
        self.world.store.save_lab(self.world.lab)
        return names

    async def publish(self, ports: Mapping[int, int]) -> dict[int, int]:
        """Publish more ports on 127.0.0.1, now and whenever the daemon starts again."""
        await self.publisher.publish(ports)
        self.world.lab.published = self.publisher.ports
        self.world.store.save_lab(self.world.lab)
        return self.publisher.ports

    async def cut(self, name: str, network_name: str) -> bool:
        """Unplug a host's cable; returns False when it was unplugged already."""
        machine, network = self.machine(name), plan.network(network_name)
        if network.name in machine.record.cut:
            return False
        self._need_leg(machine.record, network.name)
        machine.state.set(cut=[*machine.record.cut, network.name])
        await self.world.networks.set_cut(machine.record, network.name, True)
        await self.apply_faults()
        return True

    async def heal(self, name: str, network_name: str) -> list[str]:
        """Undo cuts and losses, of all hosts and networks when none is named; returns the changes."""
        machines: Iterable[Machine] = [self.machine(name)] if name else list(self.machines.values())
        wanted = plan.network(network_name).name if network_name else ""
        healed = []
        for machine in machines:
            record = machine.record
            broken = [item for item in dict.fromkeys([*record.cut, *record.loss]) if wanted in ("", item)]
            machine.state.set(
                cut=[item for item in record.cut if item not in broken],
                loss={item: percent for item, percent in record.loss.items() if item not in broken},
            )
            for item in broken:
                await self.world.networks.set_cut(record, item, False)
                healed.append(f"{record.name} {item}")
        await self.apply_faults()
        return healed

    async def lose(self, name: str, network_name: str, percent: int) -> None:
        """Drop that percentage of a host's packets on a network, in each direction; 0 ends it."""
        machine, network = self.machine(name), plan.network(network_name)
        if not 0 <= percent <= 100:
            raise NotAvailable(f"percent {percent}: 0 to 100")
        self._need_leg(machine.record, network.name)
        loss = {item: value for item, value in machine.record.loss.items() if item != network.name}
        if percent:
            loss[network.name] = percent
        machine.state.set(loss=loss)
        await self.apply_faults()

    def drive_sensor(self, name: str, sensor_name: str, text: str) -> str:
        """Set a sensor's value, or return it to its default; returns its health."""
        machine, sensor = self.machine(name), sensors.sensor(sensor_name)
        value = sensors.driven_value(sensor, text)
        driven = {item: number for item, number in machine.record.sensors.items() if item != sensor_name}
        if value is not None:
            driven[sensor_name] = value
        machine.state.set(sensors=driven)
        return str(sensors.health(sensor, value)) if value is not None else "OK"

    async def apply_faults(self) -> None:
        """Apply the losses in the records to the switch."""
        await self.world.networks.apply_faults(machine.record for machine in self.machines.values())

    async def _add(
        self, name: str, role: str, hardware_name: str, bmc: str, *, all_in_one: bool = False,
        disks: tuple[int, ...] = DEFAULT_GIB, ostree: bool = False,
    ) -> None:  # fmt: skip
        if bmc not in BMC_KINDS:
            raise NotAvailable(f"bmc {bmc!r}: one of {', '.join(BMC_KINDS)}")
        if role not in ("controller", "worker", "storage"):
            raise NotAvailable(f"role {role!r}: controller, worker or storage")
        disk = ostreeimage.disk_of(Path(self.world.lab.image))
        if ostree and not disk.is_dir():
            raise LabError(f"{disk} is missing; make it: devstack/lab image build --ostree")
        missing = probe.missing_programs(probe.IPMI_PROGRAMS) if "ipmi" in BMC_KINDS[bmc] else []
        if missing:
            raise LabError(f"packages are missing: apt-get install {' '.join(missing)}")
        index = plan.free_index(machine.record.index for machine in self.machines.values())
        record = HostRecord(
            name,
            index,
            role,
            all_in_one=all_in_one,
            hardware=hardware_name,
            bmc=BMC_KINDS[bmc],
            disks=disks,
            ostree=ostree,
        )
        folder = self.world.store.host_dir(name)
        if folder.exists():  # an earlier attempt was interrupted before it wrote a record
            await asyncio.to_thread(detach_below, folder)
            shutil.rmtree(folder)
        if hardware_name:
            archive = hardware.archive(HARDWARE_FOLDERS, hardware_name)
            await asyncio.to_thread(hardware.unpack, archive, folder / "hardware")
        self.world.store.save_host(record)
        self._build(record)
        await self.bmcs[name].start()

    def _build(self, record: HostRecord) -> Machine:
        root = hardware.find_root(self.world.store.host_dir(record.name) / "hardware") if record.hardware else None
        machine = Machine(self.world, record, root)
        self.machines[record.name] = machine
        self.bmcs[record.name] = BmcService(self.world, machine)
        return machine

    @staticmethod
    def _need_leg(record: HostRecord, network_name: str) -> None:
        has = {leg.network for leg in plan.legs(record.index, record.role, record.all_in_one)} | {plan.BMC_NETWORK}
        if network_name not in has:
            raise NotAvailable(f"{record.name} has no port on {network_name}; it is on {', '.join(sorted(has))}")

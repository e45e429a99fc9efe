# SPDX-License-Identifier: Apache-2.0
"""A virtual host's management controller: reports and controls the host over Redfish and over IPMI."""

from __future__ import annotations

import os
import uuid

from devstack.virtualcloud import netns, plan, sensors
from devstack.virtualcloud.boot import Override, Stage
from devstack.virtualcloud.errors import LabError
from devstack.virtualcloud.ipmi import IpmiBmc
from devstack.virtualcloud.life import World
from devstack.virtualcloud.machine import Machine
from devstack.virtualcloud.redfish.requests import Command, Reset, SetMedia, SetOverride
from devstack.virtualcloud.redfish.server import RedfishServer
from devstack.virtualcloud.redfish.view import Nic, ServerView
from devstack.virtualcloud.sensors import Reading

IPMI_GROUP = "ipmi"
_IPMI_BOOT = {"none": "none", "pxe": "pxe", "default": "hdd", "disk": "hdd", "hdd": "hdd", "cdrom": "cd", "cd": "cd"}
_IPMI_BOOT_SHOWN = {"none": "none", "pxe": "pxe", "hdd": "default", "cd": "cdrom"}


def memory_mib() -> int:
    """Return the memory of this machine in MiB, which each virtual server reports as its own."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // (1024 * 1024)


class BmcService:
    """The management controller of one machine, in the BMC namespace at its own address."""

    def __init__(self, world: World, machine: Machine) -> None:
        self._world = world
        self._machine = machine
        self._redfish: RedfishServer | None = None
        self._ipmi: IpmiBmc | None = None
        self._shown: tuple[Reading, ...] = ()

    async def start(self) -> None:
        """Add the address and serve the protocols that the host was created with."""
        record = self._machine.record
        await self._world.networks.add_bmc_address(record.index)
        password = self._world.lab.bmc_password
        if "redfish" in record.bmc:
            listener = netns.listening_socket(
                self._world.site.namespace_path("bmc"), plan.bmc_address(record.index), plan.REDFISH_PORT
            )
            self._redfish = RedfishServer(self.view, self.perform, plan.BMC_USER, password)
            await self._redfish.start(listener)
        if "ipmi" in record.bmc:
            self._machine.state.watchers.append(self._show_sensors)
            self._ipmi = IpmiBmc(self._world.site, record.name, record.index, self._machine.state.dir)
            await self._ipmi.start(password, self.view().readings, self._world.cgroups.create(IPMI_GROUP))

    async def stop(self, for_good: bool = True) -> None:
        """Stop the services; `for_good` also removes the address."""
        if self._redfish is not None:
            await self._redfish.stop()
        if self._ipmi is not None:
            self._ipmi.stop()
        if for_good:
            await self._world.networks.remove_bmc_address(self._machine.record.index)

    def view(self) -> ServerView:
        """Return the present state of the server."""
        record = self._machine.record
        legs = plan.legs(record.index, record.role, record.all_in_one)
        return ServerView(
            name=record.name,
            uuid=str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{record.index}.{record.name}.lab.flock")),
            power=record.power,
            booted=record.stage is Stage.UP and not record.hung,
            override=record.override,
            media=record.media,
            processors=os.cpu_count() or 1,
            memory_mib=memory_mib(),
            nics=tuple(Nic(leg.interface, leg.mac) for leg in legs),
            bmc_mac=plan.bmc_mac(record.index),
            bmc_address=plan.bmc_address(record.index),
            readings=sensors.readings(record.sensors, record.power),
        )

    async def perform(self, command: Command) -> None:
        """Carry out a client's command."""
        if isinstance(command, Reset):
            await self._reset(command.kind)
        elif isinstance(command, SetOverride):
            self._machine.state.set(override=command.override)
        elif isinstance(command, SetMedia):
            self._machine.state.set(media=command.image)

    async def _reset(self, kind: str) -> None:
        machine = self._machine
        if kind == "On":
            await machine.power_on()
        elif kind == "ForceOff":
            await machine.power_off()
        elif kind == "GracefulShutdown":
            await machine.shut_down()
        elif kind == "GracefulRestart":
            await machine.restart()
        elif kind == "PowerCycle":
            await machine.power_off()
            await machine.power_on()
        elif kind == "Nmi":
            await machine.crash()
        else:
            await machine.reset()

    def _show_sensors(self) -> None:
        """Write the present sensor values for IPMI; Redfish renders them at each request."""
        readings = self.view().readings
        if self._ipmi is not None and readings != self._shown:
            self._shown = readings
            self._ipmi.write_sensors(readings)

    async def ipmi(self, verb: str, arguments: list[str]) -> dict[str, str]:
        """Handle a request of ipmi_sim: `get NAME...` returns values, `set NAME VALUE...` acts."""
        record = self._machine.record
        if verb == "get":
            values = {"power": "1" if record.power else "0", "boot": _IPMI_BOOT_SHOWN[record.override.target]}
            return {name: values[name] for name in arguments if name in values}
        if verb != "set":
            raise LabError(f"ipmi: unknown verb {verb!r}")
        for name, value in zip(arguments[::2], arguments[1::2], strict=False):
            await self._ipmi_set(name, value)
        return {}

    async def _ipmi_set(self, name: str, value: str) -> None:
        machine = self._machine
        if name == "power":
            await self._reset("On" if value == "1" else "ForceOff")
        elif name == "reset":
            if machine.record.power:
                await self._reset("ForceRestart")
        elif name == "shutdown":
            await self._reset("GracefulShutdown")
        elif name == "boot":
            machine.state.set(override=Override(_IPMI_BOOT.get(value, "none"), once=True))
        else:
            raise LabError(f"ipmi: cannot set {name!r}")

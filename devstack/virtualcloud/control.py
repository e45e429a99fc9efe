# SPDX-License-Identifier: Apache-2.0
"""The daemon's socket: one JSON request per connection, progress lines, then one line with `result` or `error`."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from devstack.virtualcloud import plan
from devstack.virtualcloud.boot import SETTLED, Stage
from devstack.virtualcloud.disks import DISKS_DEFAULT
from devstack.virtualcloud.errors import LabError, NotAvailable
from devstack.virtualcloud.lab import Lab
from devstack.virtualcloud.status import host_status, lab_status

LOG = logging.getLogger(__name__)
REQUEST_BYTES_MAX = 64 * 1024
WAIT_S_MAX = 3600.0
GOOD_STAGES = frozenset({Stage.UP, Stage.WAITING})

Json = dict[str, Any]
Say = Callable[[str], None]


class Arguments:
    """Checked access to a request's values; errors name the value."""

    def __init__(self, values: Json) -> None:
        self._values = values

    def text(self, name: str, default: str = "") -> str:
        """A string of at most 4096 characters."""
        value = self._values.get(name, default)
        if not isinstance(value, str) or len(value) > 4096:
            raise NotAvailable(f"{name}: a text is needed")
        return value

    def number(self, name: str, default: float) -> float:
        """A number."""
        value = self._values.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise NotAvailable(f"{name}: a number is needed")
        return value

    def flag(self, name: str) -> bool:
        """Yes or no; no when it is absent."""
        value = self._values.get(name, False)
        if not isinstance(value, bool):
            raise NotAvailable(f"{name}: true or false is needed")
        return value

    def texts(self, name: str) -> list[str]:
        """A list of strings."""
        value = self._values.get(name, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value) or len(value) > 256:
            raise NotAvailable(f"{name}: a list of texts is needed")
        return value


class Control:
    """Turns requests into calls of the lab."""

    def __init__(self, lab: Lab, stop: Callable[[], None]) -> None:
        self._lab = lab
        self._stop = stop
        self._operations: dict[str, Callable[[Arguments, Say], Awaitable[Json]]] = {
            "status": self._status, "up": self._up, "down": self._down, "add": self._add, "remove": self._remove,
            "power": self._power, "crash": self._crash, "hang": self._hang, "resume": self._resume,
            "cut": self._cut, "heal": self._heal, "loss": self._loss, "sensor": self._sensor, "publish": self._publish,
            "wait": self._wait, "leader": self._leader, "bmc": self._bmc, "ipmi": self._ipmi,
        }  # fmt: skip

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""

        def send(data: Json) -> None:
            if not writer.is_closing():
                writer.write(json.dumps(data).encode() + b"\n")

        try:
            async with asyncio.timeout(10):
                line = await reader.readuntil(b"\n")
            send(await self.answer(line, lambda text: send({"progress": text})))
            await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    async def answer(self, line: bytes, say: Say) -> Json:
        """Return the last line of the reply to a request."""
        try:
            request = json.loads(line)
            arguments = Arguments(request if isinstance(request, dict) else {})
            operation = self._operations.get(arguments.text("op"))
            if operation is None:
                raise NotAvailable("unknown request")
            return {"result": await operation(arguments, say)}
        except LabError as exc:
            return {"error": {"text": exc.text, "status": exc.status}}
        except (OSError, ValueError) as exc:
            LOG.exception("request failed")
            return {"error": {"text": str(exc), "status": 1}}

    async def _status(self, arguments: Arguments, _say: Say) -> Json:
        name = arguments.text("host")
        if name:
            return await host_status(self._lab, self._lab.machine(name))
        return await lab_status(self._lab)

    async def _up(self, arguments: Arguments, say: Say) -> Json:
        return await self._lab.up(
            arguments.text("kind"), int(arguments.number("workers", 2)), int(arguments.number("storage", 0)),
            arguments.text("bmc", "redfish"), arguments.text("installer"), say, ostree=arguments.flag("ostree"),
        )  # fmt: skip

    async def _down(self, _arguments: Arguments, _say: Say) -> Json:
        names = await self._lab.down()
        self._stop()
        return {"removed": names}

    async def _add(self, arguments: Arguments, _say: Say) -> Json:
        return await self._lab.add(
            arguments.text("host"), arguments.text("hardware"), arguments.text("bmc", "redfish"),
            arguments.text("role"), arguments.text("disks", DISKS_DEFAULT), ostree=arguments.flag("ostree"),
        )  # fmt: skip

    async def _remove(self, arguments: Arguments, _say: Say) -> Json:
        await self._lab.remove(arguments.text("host"))
        return {"removed": [arguments.text("host")]}

    async def _power(self, arguments: Arguments, _say: Say) -> Json:
        machine, what = self._lab.machine(arguments.text("host")), arguments.text("what")
        changed = True
        if what == "on":
            changed = await machine.power_on()
        elif what == "off":
            changed = await machine.power_off()
        elif what == "reset":
            await machine.reset()
        elif what == "shutdown":
            await machine.shut_down()
        elif what == "restart":
            await machine.restart()
        else:
            raise NotAvailable(f"power {what!r}: on, off, reset, shutdown or restart")
        return {"changed": changed, "stage": str(machine.state.shown_stage)}

    async def _crash(self, arguments: Arguments, _say: Say) -> Json:
        await self._lab.machine(arguments.text("host")).crash()
        return {"changed": True}

    async def _hang(self, arguments: Arguments, _say: Say) -> Json:
        return {"changed": self._lab.machine(arguments.text("host")).hang()}

    async def _resume(self, arguments: Arguments, _say: Say) -> Json:
        return {"changed": self._lab.machine(arguments.text("host")).resume()}

    async def _cut(self, arguments: Arguments, _say: Say) -> Json:
        return {"changed": await self._lab.cut(arguments.text("host"), arguments.text("network"))}

    async def _heal(self, arguments: Arguments, _say: Say) -> Json:
        return {"healed": await self._lab.heal(arguments.text("host"), arguments.text("network"))}

    async def _loss(self, arguments: Arguments, _say: Say) -> Json:
        await self._lab.lose(arguments.text("host"), arguments.text("network"), int(arguments.number("percent", -1)))
        return {"changed": True}

    async def _sensor(self, arguments: Arguments, _say: Say) -> Json:
        health = self._lab.drive_sensor(arguments.text("host"), arguments.text("sensor"), arguments.text("value"))
        return {"health": health}

    async def _publish(self, arguments: Arguments, _say: Say) -> Json:
        ports = await self._lab.publish(plan.published_ports(arguments.texts("ports")))
        return {"published": {str(here): there for here, there in ports.items()}}

    async def _wait(self, arguments: Arguments, _say: Say) -> Json:
        """Wait for one of the named stages; without names for any settled stage, with LabError when it is a failure."""
        machine = self._lab.machine(arguments.text("host"))
        timeout_s = min(WAIT_S_MAX, arguments.number("timeout_s", 300))
        try:
            stages = {Stage(name) for name in arguments.texts("stages")}
        except ValueError as exc:
            raise NotAvailable(f"stage: one of {', '.join(Stage)}") from exc
        reached = await machine.state.wait_for(stages or SETTLED, timeout_s)
        if not stages and reached not in GOOD_STAGES:
            raise LabError(f"{machine.record.name} is {reached}: {machine.record.detail or 'it did not come up'}")
        return {"stage": str(reached)}

    async def _leader(self, arguments: Arguments, _say: Say) -> Json:
        machine = self._lab.machine(arguments.text("host"))
        if machine.record.hung:
            raise LabError(f"{machine.record.name} hangs; devstack/lab resume {machine.record.name} first")
        return {
            "pid": await machine.leader(),
            "cgroup_files": self._lab.world.cgroups.member_files(machine.record.name),
        }

    async def _bmc(self, arguments: Arguments, _say: Say) -> Json:
        record = self._lab.machine(arguments.text("host")).record
        address = plan.bmc_address(record.index)
        return {
            "address": address, "username": plan.BMC_USER, "password": self._lab.world.lab.bmc_password,
            "redfish": f"http://{address}:{plan.REDFISH_PORT}/redfish/v1" if "redfish" in record.bmc else "",
            "ipmi": f"{address}:{plan.IPMI_PORT}" if "ipmi" in record.bmc else "",
        }  # fmt: skip

    async def _ipmi(self, arguments: Arguments, _say: Say) -> Json:
        name = self._lab.machine(arguments.text("host")).record.name
        return dict(await self._lab.bmcs[name].ipmi(arguments.text("verb"), arguments.texts("arguments")))

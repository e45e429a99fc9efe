# SPDX-License-Identifier: Apache-2.0
"""A systemd of a test: units with states, jobs that end when the test says so, signals, and a bus that breaks."""
from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from dbus_fast import MessageType, Variant

JOB, UNIT = "/org/freedesktop/systemd1/job", "/org/freedesktop/systemd1/unit"


def path_of(unit: str) -> str:
    """The object of a unit, as systemd names it."""
    return f"{UNIT}/{''.join(letter if letter.isalnum() else f'_{ord(letter):02x}' for letter in unit)}"


@dataclass
class Manager:
    """What is behind the bus. ``results``: how the jobs of a unit end; without one a job does not end."""

    states: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    results: dict[str, str] = field(default_factory=dict)
    reachable: bool = True
    answering: bool = True
    refused: set[str] = field(default_factory=set)
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    buses: list[Bus] = field(default_factory=list)
    jobs: int = 0
    texts: dict[str, str] = field(default_factory=dict)
    """What the daemons of units say of themselves."""

    def bus(self, bus_address: str) -> Bus:
        """Takes the place of the class MessageBus."""
        self.buses.append(Bus(self))
        return self.buses[-1]

    def signal(self, member: str, signature: str, body: list[Any], path: str = "") -> None:
        for bus in self.buses:
            if bus.connected:
                bus.tell(SimpleNamespace(message_type=MessageType.SIGNAL, member=member, signature=signature, body=body,
                                         path=path))

    def becomes(self, unit: str, active: str, sub: str = "") -> None:
        self.states[unit] = ("loaded", active, sub)
        self.signal("PropertiesChanged", "sa{sv}as", [
            "org.freedesktop.systemd1.Unit", {"ActiveState": Variant("s", active), "SubState": Variant("s", sub)}, []],
            path_of(unit))

    def says(self, unit: str, text: str) -> None:
        self.texts[unit] = text
        self.signal("PropertiesChanged", "sa{sv}as", [
            "org.freedesktop.systemd1.Service", {"StatusText": Variant("s", text)}, []], path_of(unit))

    def breaks(self) -> None:
        for bus in self.buses:
            bus.disconnect()

    async def answer(self, member: str, body: list[Any], path: str = "") -> list[Any] | str:
        self.calls.append((member, *body))
        if member == "Get":
            return [Variant("s", next((text for unit, text in self.texts.items() if path_of(unit) == path), ""))]
        if member == "ListUnitsByNames":
            [unit] = body[0]
            return [[[unit, "", *self.states[unit], "", "", 0, "", "/"]] if unit in self.states else []]
        if member == "LoadUnit" and body[0] in self.refused:
            return "org.freedesktop.DBus.Error.InvalidArgs"
        if member == "LoadUnit":
            return [path_of(body[0])]
        if member in ("StartUnit", "StopUnit", "RestartUnit", "ReloadOrRestartUnit"):
            if body[0] not in self.states:
                return "org.freedesktop.systemd1.NoSuchUnit"
            self.jobs += 1
            if body[0] in self.results:
                asyncio.get_running_loop().call_soon(self.ends, self.jobs, body[0])
            return [f"{JOB}/{self.jobs}"]
        return []

    def ends(self, number: int, unit: str) -> None:
        self.signal("JobRemoved", "uoss", [number, f"{JOB}/{number}", unit, self.results[unit]])


class Bus:
    def __init__(self, manager: Manager) -> None:
        self.manager, self.connected = manager, False
        self.tell: Callable[[Any], None] = lambda _: None
        self._gone = asyncio.Event()

    async def connect(self) -> None:
        if not self.manager.reachable:
            raise ConnectionRefusedError(111, "refused")
        self.connected = True

    def add_message_handler(self, handler: Callable[[Any], None]) -> None:
        self.tell = handler

    def disconnect(self) -> None:
        self.connected = False
        self._gone.set()

    async def wait_for_disconnect(self) -> None:
        await self._gone.wait()

    async def call(self, message: Any) -> Any:
        if not self.manager.answering:
            await asyncio.Event().wait()
        answer = await self.manager.answer(message.member, list(message.body), message.path)
        if isinstance(answer, str):
            return SimpleNamespace(message_type=MessageType.ERROR, error_name=answer, body=["it is so"])
        return SimpleNamespace(message_type=MessageType.METHOD_RETURN, body=answer)

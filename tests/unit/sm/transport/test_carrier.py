# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import socket
import struct

import pytest

from sm.transport import carrier
from sm.transport.carrier import CarrierWatch, link_in

UP = 0x1 | 0x10000
NEW, GONE, DONE = 16, 17, 3


def body(index: int, name: str, flags: int, family: int = 0) -> bytes:
    raw = name.encode() + b"\0"
    padded = raw + b"\0" * (-len(raw) % 4)
    return (struct.pack("=BxHiII", family, 1, index, flags, 0) + struct.pack("=HHI", 8, 13, 99)
            + struct.pack("=HH", 4 + len(raw), 3) + padded)


def message(kind: int, content: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(content), kind, 0, 1, 0) + content


class Watched:
    def __init__(self, *devices: str) -> None:
        self.told: list[tuple[str, bool]] = []
        self.replaced = 0
        self.watch = CarrierWatch(devices, lambda device, up: self.told.append((device, up)), self.count)

    def count(self) -> None:
        self.replaced += 1

    def give(self, kind: int, content: bytes) -> list[tuple[str, bool]]:
        self.told.clear()
        self.watch._on_message(kind, content)
        return self.told


@pytest.mark.parametrize(("flags", "up"), [(UP, True), (0x1, False), (0x10000, False), (0, False)])
def test_a_device_has_a_carrier_when_it_is_up_and_so_is_the_layer_below(flags: int, up: bool) -> None:
    assert link_in(body(7, "bond0", flags)) == (7, "bond0", up)


@pytest.mark.parametrize("content", [b"", body(7, "x", UP)[:10], body(7, "eth0", UP)[:-6], body(7, "eth0", UP, 7),
                                     struct.pack("=BxHiII", 0, 1, 7, UP, 0) + b"\0" * 8])
def test_what_names_no_device_is_none(content: bytes) -> None:
    assert link_in(content) is None


def test_changes_are_told_and_repetitions_are_not() -> None:
    watched = Watched("mgmt0", "oam0")
    assert watched.give(NEW, body(3, "mgmt0", UP)) == [("mgmt0", True)] and watched.replaced == 1
    assert watched.give(NEW, body(3, "mgmt0", UP)) == [] and watched.replaced == 1
    assert watched.give(NEW, body(3, "mgmt0", 1)) == [("mgmt0", False)]
    assert watched.give(NEW, body(4, "other0", UP)) == []
    assert watched.give(NEW, b"") == watched.give(2, b"") == watched.give(DONE, b"") == []


def test_a_device_that_goes_or_gets_another_name_has_no_carrier() -> None:
    watched = Watched("mgmt0")
    watched.give(NEW, body(3, "mgmt0", UP))
    assert watched.give(GONE, body(3, "mgmt0", 0)) == [("mgmt0", False)]
    watched.give(NEW, body(5, "mgmt0", UP))
    assert watched.replaced == 2
    assert watched.give(NEW, body(5, "spare0", UP)) == [("mgmt0", False)]
    # The end of a former device is no news once another one has its name.
    watched.give(NEW, body(6, "mgmt0", UP))
    assert watched.give(GONE, body(5, "mgmt0", 0)) == []


def test_the_kernel_tells_of_this_machine() -> None:
    async def run() -> dict[str, bool]:
        told: dict[str, bool] = {}
        done = asyncio.get_running_loop().create_future()

        def on_carrier(device: str, up: bool) -> None:
            told[device] = up
            if len(told) == 2:
                done.set_result(None)

        watch = CarrierWatch(["lo", "absent0"], on_carrier, lambda: None)
        watch.start()
        await asyncio.wait_for(done, 5)
        watch.stop()
        return told

    assert asyncio.run(run()) == {"lo": True, "absent0": False}


def test_a_kernel_that_refuses_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    real, refusals = socket.socket, [OSError("no netlink")]

    def refuse_once(*words: int) -> socket.socket:
        if words[0] == socket.AF_NETLINK and refusals:
            raise refusals.pop()
        return real(*words)

    async def run() -> bool:
        done = asyncio.get_running_loop().create_future()
        watch = CarrierWatch(["lo"], lambda _, up: done.set_result(up), lambda: None)
        monkeypatch.setattr(socket, "socket", refuse_once)
        monkeypatch.setattr(carrier, "_RETRY_S", 0.01)
        watch.start()
        up = await asyncio.wait_for(done, 5)
        watch.stop()
        return bool(up)

    assert asyncio.run(run()) is True and refusals == []

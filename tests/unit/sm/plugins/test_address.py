# SPDX-License-Identifier: Apache-2.0
"""When the address plug-in adds, announces, asks the neighbours and removes; the kernel is a list here."""
from __future__ import annotations

import asyncio
import errno
import ipaddress
from dataclasses import dataclass, field

import pytest

from sm.addresses.kernel import FOREVER, Address, Held
from sm.contract.states import PluginKind
from sm.plugins import address as module
from sm.plugins.address import AddressPlugin, parsed
from sm.plugins.plugin import Outcome, PluginFailed, Tools
from tests.unit.sm.plugins.rows import job, spec
from tests.unit.sm.warp import run

V4 = ipaddress.ip_address("192.0.2.9")
INTERFACES = {"eth0": 2, "eth1": 3}
WORDS = {"ip": "192.0.2.9", "cidr_netmask": "24", "nic": "eth0"}


@dataclass
class World:
    addresses: list[Held] = field(default_factory=list)
    owner: str | None = None
    probes: int = 0
    announced: int = 0
    broken: bool = False
    deaf: bool = False

    def held(self, address: Address) -> list[Held]:
        return [one for one in self.addresses if one.address == address]

    def add(self, address: Address, prefix: int, index: int, preferred_s: int) -> None:
        assert preferred_s == FOREVER
        self.addresses.append(Held(address, prefix, index, True))

    def remove(self, found: Held) -> None:
        self.addresses.remove(found)
        if self.broken:
            raise OSError(errno.EADDRNOTAVAIL, "somebody else was faster")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()

    class Neighbours:
        def __init__(self, interface: str) -> None:
            assert interface in INTERFACES

        async def owner(self, _: Address, probes: int, wait_s: float) -> str | None:
            assert probes * wait_s <= 0.5
            made.probes += 1
            if made.deaf:
                raise OSError(errno.ENETDOWN, "down")
            return made.owner

        async def announce(self, _: Address) -> None:
            made.announced += 1
            if made.announced == 2:
                raise OSError(errno.ENETDOWN, "down for a moment")

    def index(name: str) -> int:
        if name not in INTERFACES:
            raise OSError(errno.ENODEV, "no interface with this name")
        return INTERFACES[name]

    for name in ("held", "add", "remove"):
        monkeypatch.setattr(module.kernel, name, getattr(made, name))
    monkeypatch.setattr(module, "Neighbours", Neighbours)
    monkeypatch.setattr(module.socket, "if_nametoindex", index)
    monkeypatch.setattr(module.socket, "if_indextoname", {two: one for one, two in INTERFACES.items()}.get)
    return made


async def attempt(plugin: AddressPlugin, command: str, **words: str) -> Outcome:
    return await plugin.attempt(job(spec(PluginKind.ADDRESS, "any", command), {**WORDS, **words}))


def test_an_address_is_taken_announced_and_given_back(world: World, tools: Tools) -> None:
    async def body() -> None:
        plugin = AddressPlugin(tools)
        assert (await attempt(plugin, "monitor")).code == 7
        assert await attempt(plugin, "start") == Outcome(0) and world.announced == 1
        await asyncio.sleep(10)
        assert world.announced == 7, "a failed announcement does not end the others"
        assert (await attempt(plugin, "monitor")).code == 0
        assert (await attempt(plugin, "start")).code == 0
        assert (await attempt(plugin, "stop")).code == 0 and world.addresses == []
        count = world.announced
        await asyncio.sleep(10)
        assert world.announced == count, "an address that was given back is announced no more"
        await attempt(plugin, "start", arp_count="0")
        await plugin.close()
    run(body())


def test_an_address_that_another_claims_is_taken_and_the_other_one_is_named(
        world: World, tools: Tools, caplog: pytest.LogCaptureFixture) -> None:
    async def body() -> None:
        plugin = AddressPlugin(tools)
        world.owner = "02:00:00:00:00:02"
        assert await attempt(plugin, "start") == Outcome(0)
        assert [found.address for found in world.addresses] == [V4] and world.probes == 0, "nothing is waited for"
        await asyncio.sleep(10)
        assert world.probes == 1 and f"{world.owner} also claims to have {V4}" in caplog.text
        await plugin.close()
    run(body())


def test_that_nobody_can_be_asked_does_no_harm(world: World, tools: Tools, caplog: pytest.LogCaptureFixture) -> None:
    async def body() -> None:
        plugin = AddressPlugin(tools)
        world.deaf = True
        assert await attempt(plugin, "start", arp_count="0") == Outcome(0)
        await asyncio.sleep(1)
        assert "nobody can be asked" in caplog.text
        await plugin.close()
    run(body())


def test_an_address_in_the_wrong_place_is_said(world: World, tools: Tools) -> None:
    async def body() -> None:
        plugin = AddressPlugin(tools)
        world.addresses = [Held(V4, 24, 3, True)]
        assert "is on eth1" in (await attempt(plugin, "start")).text
        assert (await attempt(plugin, "monitor")).code == 1
        assert (await attempt(plugin, "start", nic="eth5")).code == 1
        world.addresses = [Held(V4, 24, 2, False)]
        assert "duplicate" in (await attempt(plugin, "monitor")).text
        world.owner = None
        assert (await attempt(plugin, "start")).code == 0 and world.addresses == [Held(V4, 24, 2, True)]
        world.broken = True
        assert (await attempt(plugin, "stop")).code == 0
        await plugin.close()
    run(body())


@pytest.mark.parametrize(("words", "rule"), [
    ({"ip": "192.0.2"}, "ip must be"), ({"ip": "192.0.2.9/24"}, "ip must be"), ({"nic": ""}, "nic must be"),
    ({"nic": "../eth0"}, "nic must be"), ({"cidr_netmask": "33"}, "cidr_netmask must be"),
    ({"cidr_netmask": "0"}, "cidr_netmask must be"), ({"arp_count": "-1"}, "arp_count must be"),
    ({"arp_count": "999"}, "arp_count must be"), ({"preferred_lft": "long"}, "preferred_lft must be"),
])
def test_parameters_are_checked(words: dict[str, str], rule: str) -> None:
    with pytest.raises(PluginFailed, match=rule):
        parsed({**WORDS, **words})


def test_the_prefix_may_be_left_out_and_commands_may_not_be_wrong(tools: Tools) -> None:
    assert parsed({"ip": "2001:db8::1", "nic": "eth0"}).prefix == 128
    lifetimes = [parsed({**WORDS, "preferred_lft": text}).preferred_s for text in ("0", "3600", "", "forever")]
    assert lifetimes == [0, 3600, FOREVER, FOREVER]
    with pytest.raises(PluginFailed, match="command must be one of start, stop, monitor"):
        run(attempt(AddressPlugin(tools), "promote"))  # type: ignore[arg-type]

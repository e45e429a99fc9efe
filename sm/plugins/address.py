# SPDX-License-Identifier: Apache-2.0
"""Floating addresses: ``start``, ``stop``, ``monitor``; the name is free, parameters are those of the IPaddr2 agent.

Parameters: ``ip``, ``cidr_netmask``, ``nic``, ``arp_count`` (announcements, default 7), ``preferred_lft`` (seconds for
which it may be the source of new connections; 0: never; default forever).
Codes as of OCF agents: 0 done or there, 1 failed, 7 not there.

Who may have the address is decided by the lease and by fencing, never by what other machines send: anybody on the
network can answer a probe, and could so keep every controller from becoming active. An answer is only logged.
"""
from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import re
import socket
from dataclasses import dataclass
from typing import ClassVar

from sm.addresses import kernel
from sm.addresses.kernel import Address
from sm.addresses.neighbours import Neighbours
from sm.contract.states import PluginKind
from sm.plugins.plugin import Job, Outcome, PluginFailed, Tools, whole

LOG = logging.getLogger(__name__)

DONE, FAILED, NOT_THERE = 0, 1, 7
PROBES, PROBE_S = 2, 0.1
ANNOUNCEMENT_PAUSE_S = 0.2
LIFETIME_S_MAX = 999_999_999
_INTERFACE = re.compile(r"[A-Za-z0-9_.@:-]{1,15}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The address that a job is about."""

    address: Address
    prefix: int
    interface: str
    announcements: int
    preferred_s: int


class AddressPlugin:
    """Moves addresses between machines, and says which other machine claims to have one."""

    kind: ClassVar[PluginKind] = PluginKind.ADDRESS

    def __init__(self, tools: Tools) -> None:
        del tools
        self._announcing: dict[Address, asyncio.Task[None]] = {}

    async def attempt(self, job: Job) -> Outcome:
        """Add, remove or look at the address."""
        works = {"start": self._start, "stop": self._stop, "monitor": self._monitor}
        if job.spec.command not in works:
            raise PluginFailed(f"command must be one of {', '.join(works)}")
        wanted = parsed(job.parameters())
        try:
            return await works[job.spec.command](wanted)
        except OSError as exc:
            return Outcome(FAILED, f"{wanted.address} on {wanted.interface}: {exc.strerror or exc}")

    async def close(self) -> None:
        """Announce nothing more."""
        for address in list(self._announcing):
            await self._silence(address)

    async def _start(self, wanted: Wanted) -> Outcome:
        index = socket.if_nametoindex(wanted.interface)
        neighbours, here = Neighbours(wanted.interface), kernel.held(wanted.address)
        elsewhere = [socket.if_indextoname(found.index) for found in here if found.index != index]
        if elsewhere:
            return Outcome(FAILED, f"{wanted.address} is on {elsewhere[0]}, not on {wanted.interface}")
        if not any(found.usable and found.prefix == wanted.prefix for found in here):
            for found in here:
                kernel.remove(found)
            kernel.add(wanted.address, wanted.prefix, index, wanted.preferred_s)
        await self._silence(wanted.address)
        if wanted.announcements:
            await neighbours.announce(wanted.address)
        self._announcing[wanted.address] = asyncio.get_running_loop().create_task(self._announce(wanted, neighbours))
        return Outcome(DONE)

    async def _stop(self, wanted: Wanted) -> Outcome:
        await self._silence(wanted.address)
        for found in kernel.held(wanted.address):
            try:
                kernel.remove(found)
            except OSError as exc:
                if exc.errno not in (errno.EADDRNOTAVAIL, errno.ENODEV, errno.ENOENT):  # gone in the meantime
                    raise
        return Outcome(DONE)

    async def _monitor(self, wanted: Wanted) -> Outcome:
        here = kernel.held(wanted.address)
        names = [socket.if_indextoname(found.index) for found in here]
        if wanted.interface not in names:
            where = f"on {names[0]} instead" if names else "not there"
            return Outcome(NOT_THERE if not names else FAILED, f"{wanted.address} is {where}")
        if not all(found.usable for found in here):
            return Outcome(FAILED, f"{wanted.address} is a duplicate of another machine's")
        return Outcome(DONE)

    async def _announce(self, wanted: Wanted, neighbours: Neighbours) -> None:
        """The other announcements: a neighbour may lose one, and a switch may only learn after a while."""
        for _ in range(wanted.announcements - 1):
            await asyncio.sleep(ANNOUNCEMENT_PAUSE_S)
            try:
                await neighbours.announce(wanted.address)
            except OSError as exc:
                LOG.warning("%s cannot be announced on %s: %s", wanted.address, wanted.interface, exc)
        await self._look_for_another(wanted, neighbours)

    async def _look_for_another(self, wanted: Wanted, neighbours: Neighbours) -> None:
        """Log who else claims to have the address; sysinv-agent raises the alarm."""
        try:
            owner = await neighbours.owner(wanted.address, PROBES, PROBE_S)
        except OSError as exc:
            LOG.warning("nobody can be asked for %s on %s: %s", wanted.address, wanted.interface, exc)
            return
        if owner is not None:
            LOG.warning("%s also claims to have %s on the network of %s", owner, wanted.address, wanted.interface)

    async def _silence(self, address: Address) -> None:
        task = self._announcing.pop(address, None)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def parsed(parameters: dict[str, str]) -> Wanted:
    """The checked parameters. Raises PluginFailed."""
    try:
        address = ipaddress.ip_address(parameters.get("ip", ""))
    except ValueError as exc:
        raise PluginFailed("parameter ip must be an IPv4 or IPv6 address") from exc
    interface = parameters.get("nic", "")
    if not _INTERFACE.fullmatch(interface):
        raise PluginFailed("parameter nic must be the name of an interface")
    lasts = parameters.get("preferred_lft", "") in ("", "forever")
    return Wanted(address, whole(parameters, "cidr_netmask", address.max_prefixlen, 1, address.max_prefixlen),
                  interface, whole(parameters, "arp_count", 7, 0, 60),
                  kernel.FOREVER if lasts else whole(parameters, "preferred_lft", 0, 0, LIFETIME_S_MAX))


PLUGIN = AddressPlugin

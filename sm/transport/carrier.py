# SPDX-License-Identifier: Apache-2.0
"""Which network devices have a carrier, told by the kernel at once (rtnetlink), without asking again and again."""
from __future__ import annotations

import asyncio
import errno
import logging
import socket
import struct
from collections.abc import Callable, Iterable

from sm.addresses import netlink

LOG = logging.getLogger(__name__)
_RTMGRP_LINK = 1
_RTM_NEWLINK, _RTM_DELLINK, _RTM_GETLINK = 16, 17, 18
_IFLA_IFNAME = 3
_IFF_UP, _IFF_LOWER_UP = 0x1, 0x10000
_LINK = struct.Struct("=BxHiII")
_READ_BYTES = 64 * 1024
_READS_PER_CALL = 100
_RETRY_S = 1.0

OnCarrier = Callable[[str, bool], None]
"""``on_carrier(device, up)``; a device that does not exist has no carrier."""


class CarrierWatch:
    """Reports the carriers of ``devices`` once at the start and then each change. A bond or VLAN is a device too."""

    def __init__(self, devices: Iterable[str], on_carrier: OnCarrier, on_replaced: Callable[[], None]) -> None:
        self._carriers: dict[str, bool | None] = dict.fromkeys(devices)
        self._names: dict[int, str] = {}
        self._on_carrier = on_carrier
        self._on_replaced = on_replaced
        self._sock: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._listed: set[str] | None = None

    def start(self) -> None:
        """Watch in the running event loop. When the kernel refuses, carriers stay unknown and it is tried again."""
        self._loop = asyncio.get_running_loop()
        self._retry = None
        try:
            self._sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC,
                                       socket.NETLINK_ROUTE)
            self._sock.bind((0, _RTMGRP_LINK))
            self._ask()
        except OSError as error:
            LOG.warning("carriers are unknown: %s", error)
            self.stop()
            self._retry = self._loop.call_later(_RETRY_S, self.start)
            return
        self._loop.add_reader(self._sock, self._readable)

    def stop(self) -> None:
        """Watch no longer."""
        if self._retry is not None:
            self._retry.cancel()
        if self._sock is not None:
            if self._loop is not None:
                self._loop.remove_reader(self._sock)
            self._sock.close()
            self._sock = None

    def _ask(self) -> None:
        """Ask for all devices; those that are not in the answer do not exist."""
        assert self._sock is not None  # noqa: S101 - start has set it
        self._listed = set()
        self._sock.sendto(netlink.request(_RTM_GETLINK, netlink.REQUEST | netlink.DUMP,
                                          _LINK.pack(socket.AF_UNSPEC, 0, 0, 0, 0)), (0, 0))

    def _readable(self) -> None:
        assert self._sock is not None  # noqa: S101 - start has set it
        for _ in range(_READS_PER_CALL):
            try:
                data, (sender, _) = self._sock.recvfrom(_READ_BYTES)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    self._begin_anew(error)
                    return
                # The kernel had more news than the buffer holds.
                self._ask()
                continue
            if sender == 0:
                for kind, body in netlink.messages(data):
                    self._on_message(kind, body)

    def _begin_anew(self, error: OSError) -> None:
        LOG.warning("carriers are read anew: %s", error)
        self.stop()
        assert self._loop is not None  # noqa: S101 - start has set it
        self._retry = self._loop.call_later(_RETRY_S, self.start)

    def _on_message(self, kind: int, body: bytes) -> None:
        if kind == netlink.ERROR or (kind == netlink.DONE and self._listed is None):
            return
        if kind == netlink.DONE:
            listed, self._listed = self._listed or set(), None
            for device in self._carriers.keys() - listed:
                self._set(device, False)
            return
        link = link_in(body)
        if link is None or kind not in (_RTM_NEWLINK, _RTM_DELLINK):
            return
        index, name, up = link
        former = self._names.get(index)
        if former is not None and former != name:
            self._gone(index, former)
        if kind == _RTM_DELLINK:
            self._gone(index, name)
        elif name in self._carriers:
            if self._listed is not None:
                self._listed.add(name)
            replaced = index not in self._names
            self._names = {number: device for number, device in self._names.items() if device != name} | {index: name}
            if replaced:
                self._on_replaced()
            self._set(name, up)

    def _gone(self, index: int, name: str) -> None:
        """The device of this index has gone, or has another name now; a new one may have taken the name already."""
        if self._names.pop(index, None) is not None:
            self._set(name, False)

    def _set(self, device: str, up: bool) -> None:
        if self._carriers[device] is not up:
            self._carriers[device] = up
            self._on_carrier(device, up)


def link_in(body: bytes) -> tuple[int, str, bool] | None:
    """Index, name and carrier of the device that a message is about; None for one without a name, such as a bridge's
    word about its port."""
    if len(body) < _LINK.size:
        return None
    family, _, index, flags, _ = _LINK.unpack_from(body)
    if family != socket.AF_UNSPEC:
        return None
    name = netlink.attributes(body[_LINK.size:]).get(_IFLA_IFNAME)
    if name is None:
        return None
    up = flags & (_IFF_UP | _IFF_LOWER_UP) == _IFF_UP | _IFF_LOWER_UP
    return index, name.rstrip(b"\0").decode(errors="replace"), up

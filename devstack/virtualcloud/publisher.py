# SPDX-License-Identifier: Apache-2.0
"""The cloud's APIs on 127.0.0.1: a listener per port that relays each connection to the OAM network."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Mapping
from pathlib import Path

from devstack.virtualcloud import netns, plan
from devstack.virtualcloud.errors import LabError

CHUNK_BYTES = 64 * 1024
CONNECTIONS_MAX = 256
CONNECT_TIMEOUT_S = 10.0


def listen_here(port: int) -> socket.socket:
    """Return a listening socket on 127.0.0.1; LabError when the port is in use."""
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind(("127.0.0.1", port))
        made.listen(64)
    except OSError as exc:
        made.close()
        if exc.errno == errno.EADDRINUSE:
            raise LabError(
                f"port {port} of 127.0.0.1 is taken by another program; free it, or publish elsewhere: "
                f"devstack/lab publish {port + 10000 if port < 50000 else port - 10000}:{port}"
            ) from exc
        raise LabError(f"port {port} of 127.0.0.1 cannot be opened: {exc.strerror}") from exc
    made.setblocking(False)
    return made


class Publisher:
    """Relays connections from 127.0.0.1 to the floating OAM address, through the `outside` namespace."""

    def __init__(self, outside: Path) -> None:
        self._outside = outside
        self._servers: dict[int, asyncio.Server] = {}
        self._ports: dict[int, int] = {}
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def ports(self) -> dict[int, int]:
        """Return the ports: port on 127.0.0.1 -> port on the OAM address."""
        return dict(self._ports)

    async def publish(self, ports: Mapping[int, int]) -> None:
        """Open all listeners or none."""
        listeners: dict[int, socket.socket] = {}
        try:
            for here in ports:
                if here not in self._servers:
                    listeners[here] = listen_here(here)
        except LabError:
            for listener in listeners.values():
                listener.close()
            raise
        for here, listener in listeners.items():
            self._servers[here] = await asyncio.start_server(self._carrier(here), sock=listener)
        self._ports.update(ports)

    async def stop(self) -> None:
        """Close listeners and connections."""
        for server in self._servers.values():
            server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        self._servers.clear()
        self._ports.clear()

    def _carrier(self, here: int):  # type: ignore[no-untyped-def]
        async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            if task is None or len(self._connections) >= CONNECTIONS_MAX:
                writer.close()
                return
            self._connections.add(task)
            try:
                await self._carry(self._ports[here], reader, writer)
            except (OSError, LabError, TimeoutError):
                pass  # the client's connection ends, as it does when the service itself is down
            finally:
                self._connections.discard(task)
                writer.close()

        return carry

    async def _carry(self, there: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = netns.stream_socket(self._outside)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await asyncio.get_running_loop().sock_connect(target, (plan.OAM_FLOATING_ADDRESS, there))
        except (OSError, TimeoutError):
            target.close()
            raise
        far_reader, far_writer = await asyncio.open_connection(sock=target)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_copy(reader, far_writer))
                group.create_task(_copy(far_reader, writer))
        except* OSError:
            pass
        finally:
            far_writer.close()


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while chunk := await source.read(CHUNK_BYTES):
        sink.write(chunk)
        await sink.drain()
    if sink.can_write_eof():
        sink.write_eof()

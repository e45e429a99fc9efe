# SPDX-License-Identifier: Apache-2.0
"""The mirror as a part of the replicated data: tells its daemon the guard's orders, and answers from what it said last.

This runs in the event loop of sm-daemon and never waits. Orders go over the same connection on which the daemon of the
mirror tells its status each second, so an order that is in force is known to be that of this connection.
"""
from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path

from flock.core.codec import codec_for
from flock.core.errors import InvalidInput
from sm.contract.mirror import (
    ANSWER_MAX_BYTES,
    SOCKET,
    MirrorReply,
    MirrorRequest,
    MirrorRole,
    MirrorStatus,
    MirrorVerb,
)
from sm.core.model import ServiceSpec
from sm.daemon.told import ToldPart
from sm.mirror.records import Records

LOG = logging.getLogger(__name__)
SILENT_S = 10.0
AGAIN_S = 0.5


class MirrorPart(ToldPart[MirrorStatus]):
    """See ``sm.daemon.guard.Part``. ``directory``: what is mirrored; ``control``: the socket of its daemon."""

    name = "mirror"

    def __init__(self, me: str, directory: Path, control: str, clock: Callable[[], int]) -> None:
        super().__init__(clock, "its daemon has said nothing lately")
        self._me, self._directory, self._control = me, directory, control
        self._order: MirrorRequest | None = None
        self._writer: asyncio.StreamWriter | None = None

    def first_members(self) -> frozenset[str]:
        """This node, if ``sm-mirror init`` has said so and nothing was mirrored since."""
        return frozenset({self._me}) if Records(self._directory).is_first(self._me) else frozenset()

    def require(self, nodes: frozenset[str], order: int) -> None:
        """Tell the daemon, now or when it is there. Until then it goes by the guard's file and the last order."""
        self._order = MirrorRequest(MirrorVerb.REQUIRE, nodes=tuple(sorted(nodes)), order=order)
        self._tell()

    def in_sync(self) -> frozenset[str]:
        """The nodes that the daemon called in sync lately, while this node is active."""
        told = self.fresh()
        if told is None or told.role is not MirrorRole.ACTIVE:
            return frozenset()
        return frozenset(line.name for line in told.peers if line.in_sync)

    def wrong(self, told: MirrorStatus) -> tuple[str, ...]:
        """What the daemon says."""
        return told.problems

    async def _keep(self) -> None:
        while True:
            try:
                await self._listen()
                self._problem = "its daemon has ended the connection"
            except (OSError, TimeoutError, ValueError, InvalidInput) as error:
                self._problem = f"its daemon does not answer: {error or 'it says nothing'}"
            await asyncio.sleep(AGAIN_S)

    async def _listen(self) -> None:
        async with asyncio.timeout(SILENT_S):
            reader, writer = await asyncio.open_unix_connection(self._control, limit=ANSWER_MAX_BYTES)
        try:
            self._say(writer, MirrorRequest(MirrorVerb.WATCH))
            self._writer = writer
            self._tell()
            while True:
                async with asyncio.timeout(SILENT_S):
                    line = await reader.readline()
                if not line:
                    return
                self._take(codec_for(MirrorReply).decode(line, "answer"))
        finally:
            self._writer = None
            writer.transport.abort()

    def _take(self, reply: MirrorReply) -> None:
        if reply.status is None:
            raise InvalidInput(field="answer", rule=f"must hold a status ({reply.refused})")
        self.heard(reply.status)

    def _tell(self) -> None:
        if self._writer is not None and self._order is not None:
            self._say(self._writer, self._order)

    def _say(self, writer: asyncio.StreamWriter, request: MirrorRequest) -> None:
        # Orders are few and small. A daemon that takes none is cut off after SILENT_S.
        writer.write(codec_for(MirrorRequest).encode(request, "request") + b"\n")


def make(spec: ServiceSpec, me: str, others: frozenset[str]) -> MirrorPart:
    """The part of a service of the catalogue, whose instance names the directory."""
    directory = Path(spec.parameters.get("directory", "/opt/platform"))
    return MirrorPart(me, directory, SOCKET, lambda: time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1_000_000)

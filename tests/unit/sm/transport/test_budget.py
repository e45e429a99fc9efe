# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import socket

from sm.transport.budget import CALL_MAX, WINDOW_MS, BudgetReader


def test_a_flood_gets_its_share_and_no_more() -> None:
    async def run() -> tuple[list[tuple[float, int]], float]:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        theirs.send(b"the socket is always readable")
        reads: list[tuple[float, int]] = []

        def read(_: socket.socket, most: int) -> int:
            reads.append((loop.time(), most))
            return most

        begun = loop.time()
        reader = BudgetReader(loop, ours, read, 120)
        while loop.time() - begun < 0.2:
            await asyncio.sleep(0.001)
        passed = loop.time() - begun
        reader.close()
        count = len(reads)
        await asyncio.sleep(2 * WINDOW_MS / 1_000)  # a reader that was not closed would read in that time
        assert len(reads) == count
        ours.close()
        theirs.close()
        return reads, passed

    reads, passed = asyncio.run(run())
    windows = passed * 1_000 / WINDOW_MS
    assert max(most for _, most in reads) == CALL_MAX
    assert 120 <= sum(most for _, most in reads) <= 120 * (windows + 1)


def test_a_reader_may_be_closed_by_what_it_reads() -> None:
    async def run() -> int:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        theirs.send(b"x")
        calls = 0
        done = loop.create_future()

        def read(_: socket.socket, most: int) -> int:
            nonlocal calls
            calls += 1
            reader.close()
            ours.close()
            done.set_result(None)
            return most

        reader = BudgetReader(loop, ours, read, 10)
        await asyncio.wait_for(done, 5)
        theirs.close()
        return calls

    assert asyncio.run(run()) == 1

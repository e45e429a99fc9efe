# SPDX-License-Identifier: Apache-2.0
"""Whom commits wait for, and what the daemon's part of the database says of it."""
from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from sm.daemon.guard import Guard
from sm.daemon.told import STALE_MS
from sm.postgres.part import PostgresPart
from tests.functional.sm.postgres.conftest import Node, Pair, Writer


def clock() -> int:
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1_000_000


@contextlib.asynccontextmanager
async def guarding(node: Node, other: str) -> AsyncIterator[Guard]:
    guard = Guard([PostgresPart(node.config, clock)], Path(node.settings.required), frozenset({other}))
    guard.open()
    try:
        yield guard
    finally:
        await guard.close()


async def until(condition: Callable[[], object], timeout_s: float = 30) -> float:
    """Seconds until ``condition()`` holds."""
    began = time.monotonic()
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.02)
    return time.monotonic() - began


async def away(what: Callable[[], object]) -> object:
    return await asyncio.to_thread(what)


def checkpointer(node: Node) -> int:
    (pid,), = node.sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'")
    return int(pid)


def test_commits_wait_for_a_standby_that_stands_still_until_it_is_removed(pair: Pair) -> None:
    first, second = pair.seeded()

    async def story() -> None:
        async with guarding(first, second.name) as guard:
            guard.require(frozenset(), 1)
            await until(lambda: guard.in_sync() == {second.name})
            guard.require(frozenset({second.name}), 2)
            took_s = await until(lambda: guard.enforced() == 2 and guard.in_sync())
            print(f"an order is in force after {took_s:.2f} s")
            with Writer(first) as writer:
                await away(writer.goes_on)
                second.signal(signal.SIGSTOP)
                took_s = await until(lambda: not guard.in_sync())
                print(f"not in sync {took_s:.2f} s after the standby stands still")
                assert await away(lambda: writer.stands(2.0))
                guard.require(frozenset(), 3)
                began = time.monotonic()
                await away(writer.goes_on)
                print(f"commits go on {time.monotonic() - began:.2f} s after the removal")
                second.signal(signal.SIGCONT)
                await until(lambda: guard.in_sync() == {second.name})

    asyncio.run(story())


def test_a_list_that_only_new_sessions_have_is_no_proof(pair: Pair) -> None:
    """While the checkpointer has not read the list, commits do not wait, whatever SHOW says."""
    first, second = pair.seeded()

    async def story() -> None:
        async with guarding(first, second.name) as guard:
            guard.require(frozenset(), 1)
            await until(lambda: guard.in_sync() == {second.name})
            pid = checkpointer(first)
            os.kill(pid, signal.SIGSTOP)
            try:
                guard.require(frozenset({second.name}), 2)
                await until(lambda: first.sql("SHOW synchronous_standby_names") != [("",)])
                second.signal(signal.SIGSTOP)
                with Writer(first) as writer:
                    await away(writer.goes_on)
                assert guard.enforced() == 1
            finally:
                os.kill(pid, signal.SIGCONT)
                second.signal(signal.SIGCONT)
            await until(lambda: guard.enforced() == 2)
            second.signal(signal.SIGSTOP)
            with Writer(first, 1_000_000) as writer:
                assert await away(lambda: writer.stands(2.0))
            second.signal(signal.SIGCONT)

    asyncio.run(story())


def test_a_server_that_stands_still_or_dies_is_no_evidence(pair: Pair) -> None:
    first, second = pair.seeded()

    async def story() -> None:
        async with guarding(first, second.name) as guard:
            guard.require(frozenset({second.name}), 1)
            await until(lambda: guard.in_sync() == {second.name} and guard.enforced() == 1)
            first.signal(signal.SIGSTOP)
            assert await until(lambda: not guard.in_sync()) < STALE_MS / 1_000 + 4
            first.signal(signal.SIGCONT)
            await until(lambda: guard.in_sync() == {second.name})
            await away(first.kill)
            await until(lambda: not guard.in_sync())
            await away(lambda: first.run("start"))
            await away(lambda: first.run("promote"))
            # The order has outlived the server.
            second.signal(signal.SIGSTOP)
            with Writer(first) as writer:
                assert await away(lambda: writer.stands(2.0))
                second.signal(signal.SIGCONT)
                await away(writer.goes_on)
            await until(lambda: guard.in_sync() == {second.name} and not guard.problems())

    asyncio.run(story())


def test_a_copy_that_is_under_way_lets_no_commit_go_on(pair: Pair) -> None:
    """It confirms WAL as a standby does, but it is none."""
    first, second = pair.activate(), pair.nodes[1]
    first.require(second.name)
    first.run("promote")
    process = second.begin("start")
    names = set()
    whole = second.settings.beside("new.whole")
    while process.poll() is None and not whole.exists() and not second.settings.data_directory.exists():
        for name, state in first.sql("SELECT application_name, sync_state FROM pg_stat_replication"):
            if not whole.exists():
                names.add((name, state))
    _, log = process.communicate(timeout=60)
    assert process.returncode == 0, log
    # A connection has no name, or its program's, until it has said another.
    assert ("sm-postgres", "async") in names and {state for _, state in names} == {"async"}, names
    with Writer(first) as writer:
        writer.goes_on()


def test_only_a_cluster_that_was_initialised_here_is_current_without_a_record(pair: Pair) -> None:
    first, second = pair.nodes
    parts = [PostgresPart(node.config, clock) for node in pair.nodes]
    first.initialise()
    assert [part.first_members() for part in parts] == [{first.name}, frozenset()]
    first.require()
    first.run("start")
    first.run("promote")
    second.run("start")
    assert [part.first_members() for part in parts] == [{first.name}, frozenset()]

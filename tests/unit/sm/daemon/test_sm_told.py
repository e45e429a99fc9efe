# SPDX-License-Identifier: Apache-2.0
"""What another process told about data counts for three seconds, and an order in force stays in force."""
from __future__ import annotations

import asyncio
from dataclasses import dataclass

from sm.daemon.told import STALE_MS, ToldPart


@dataclass(frozen=True)
class Word:
    at_ms: int
    enforced: int = -1
    problem: str = ""


class Part(ToldPart[Word]):
    name = "test"
    listens = False

    def wrong(self, told: Word) -> tuple[str, ...]:
        return (told.problem,) if told.problem else ()

    async def _keep(self) -> None:
        self.listens = True
        try:
            await asyncio.sleep(60)
        finally:
            self.listens = False


class Clock:
    now = 10_000

    def __call__(self) -> int:
        return self.now


def test_what_was_told_grows_old() -> None:
    clock = Clock()
    part = Part(clock, "nothing is told")
    assert part.fresh() is None and part.problems() == ("it has not been looked at yet",)
    part.heard(Word(clock.now))
    assert part.fresh() == Word(clock.now) and part.problems() == ()
    clock.now += STALE_MS
    assert part.fresh() is None and part.problems() == ("nothing is told",)


def test_problems_that_were_told_are_shown_while_they_are_fresh() -> None:
    clock = Clock()
    part = Part(clock, "nothing is told")
    part.heard(Word(clock.now, problem="the disk is full"))
    assert part.problems() == ("the disk is full",)
    clock.now += STALE_MS
    assert part.problems() == ("nothing is told",)


def test_the_greatest_order_stays_in_force() -> None:
    part = Part(Clock(), "")
    assert part.enforced() == -1
    for number in (3, -1, 2):
        part.heard(Word(10_000, number))
    assert part.enforced() == 3


def test_it_listens_from_open_to_close() -> None:
    async def go() -> None:
        part = Part(Clock(), "")
        await part.close()
        part.open()
        await asyncio.sleep(0)
        assert part.listens
        await part.close()
        assert not part.listens

    asyncio.run(go())

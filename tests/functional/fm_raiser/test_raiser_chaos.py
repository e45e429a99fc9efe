# SPDX-License-Identifier: Apache-2.0
"""Raising programs, manager and broker are killed at random; every stored request arrives once and in order.

About 25 s. RAISER_CHAOS_SEED repeats a run.
"""
from __future__ import annotations

import os
import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from flock.testing.services.process import wait_for
from flock.testing.services.rabbitmq import RabbitNode
from tests.functional.fm_raiser.conftest import Raising, begin

SEED = int(os.environ.get("RAISER_CHAOS_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
LIVES = 3


class Raisers(threading.Thread):
    """One program after another under the same name; all but the last are killed while they raise."""

    def __init__(self, raising: Raising, name: str, seed: int) -> None:
        super().__init__(name=name)
        self.raising = raising
        self.random = random.Random(seed)
        self.said: list[str] = []
        self.status: int | None = None

    def run(self) -> None:
        for life in range(LIVES):
            last = life == LIVES - 1
            process = self.raising.program("storm", self.name, life, 60 if last else 400)
            assert process.stdout is not None
            enough = len(self.said) + self.random.randrange(20, 200)
            for line in process.stdout:
                self.said.append(line.strip())
                if not last and len(self.said) >= enough:
                    process.kill()
            self.status = process.wait(120)


@pytest.fixture
def alone(tmp_path: Path, own_rabbit: RabbitNode) -> Iterator[Raising]:
    own_rabbit.start()
    service = begin(tmp_path, own_rabbit.url)
    yield Raising(service)
    service.stop()


@pytest.mark.soak
def test_everything_is_killed_at_random(alone: Raising, own_rabbit: RabbitNode) -> None:
    print(f"RAISER_CHAOS_SEED={SEED}")
    chance = random.Random(SEED)
    raisers = [Raisers(alone, f"r{number}", SEED + number) for number in range(3)]
    for raiser in raisers:
        raiser.start()
    for round_ in range(3):
        size = sum(len(raiser.said) for raiser in raisers)
        more = chance.randrange(40, 120)
        wait_for(lambda need=size + more: sum(len(raiser.said) for raiser in raisers) >= need
                 or not any(raiser.is_alive() for raiser in raisers), 60, "raising to go on")
        if round_ == 1:
            own_rabbit.kill()
            own_rabbit.start()
        else:
            alone.service.kill_manager()
            alone.service.start_manager()
    for raiser in raisers:
        raiser.join(120)
    assert [raiser.status for raiser in raisers] == [0, 0, 0]
    events = alone.events()
    for raiser in raisers:
        stored = [entity.partition(".command=")[2] for state, entity in events
                  if state == "log" and entity.startswith(f"host={raiser.name}.")]
        said = [word for word in raiser.said if word != "end"]
        assert len(set(stored)) == len(stored), "nothing twice"
        # A program may die between storing a request and saying so.
        unsaid = set(stored) - set(said)
        assert len(unsaid) <= LIVES - 1 and [word for word in stored if word not in unsaid] == said
        order = [state for state, entity in events if entity == f"host={raiser.name}" and state != "log"]
        assert all(one != two or one == "set" for one, two in zip(order, order[1:], strict=False))
        assert order[-1] == "set"
    assert sorted(alone.active()) == ["host=r0", "host=r1", "host=r2"]

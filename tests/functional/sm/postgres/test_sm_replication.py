# SPDX-License-Identifier: Apache-2.0
"""What is acknowledged survives: seeding, waiting commits, death of the active server, and the way back."""
from __future__ import annotations

import signal
import time
from pathlib import Path

from flock.testing.services.process import wait_for
from tests.functional.sm.postgres.conftest import Node, Pair, Writer


def follows(node: Node) -> None:
    wait_for(lambda: node.sql("SELECT status FROM pg_stat_wal_receiver") == [("streaming",)], 30, "streaming")


def test_the_second_is_seeded_and_takes_over_with_all_that_was_acknowledged(pair: Pair) -> None:
    began = time.monotonic()
    first, second = pair.seeded()
    print(f"initialised, promoted and seeded in {time.monotonic() - began:.1f} s")
    first.require(second.name)
    first.run("promote")
    assert first.sql("SELECT sync_state FROM pg_stat_replication") == [("sync",)]
    with Writer(first) as writer:
        for _ in range(20):
            writer.goes_on()
        first.kill()
    second.require()
    began = time.monotonic()
    second.run("promote")
    print(f"promoted in {time.monotonic() - began:.2f} s")
    assert set(writer.acknowledged) <= second.values()
    assert second.primary
    with Writer(second, 1_000_000) as writer:
        writer.goes_on()

# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from flock.core.codec import codec_for
from sm.core.model import ServiceSpec
from sm.daemon.guard import NOTHING_PROVEN
from sm.daemon.told import STALE_MS
from sm.postgres.part import PostgresPart, make
from sm.postgres.reports import Order, Seen


class Clock:
    now = 10_000

    def __call__(self) -> int:
        return self.now


def seen(**fields: object) -> bytes:
    return codec_for(Seen).encode(Seen(**{"at_ms": 10_000, **fields}), "seen")


def test_what_was_seen_holds_only_for_a_while(tmp_path: Path) -> None:
    clock = Clock()
    part = PostgresPart(tmp_path / "conf", clock)
    assert (part.in_sync(), part.enforced()) == (frozenset(), NOTHING_PROVEN)
    assert part.problems() == ("it has not been looked at yet",)
    part.take(seen(enforced=3, in_sync=("controller-1",)))
    assert (part.in_sync(), part.enforced(), part.problems()) == ({"controller-1"}, 3, ())
    clock.now += STALE_MS
    assert part.in_sync() == frozenset()
    assert part.problems() == ("the server has not been seen lately",)
    assert part.enforced() == 3, "an order that is in force stays so"


def test_a_watcher_that_starts_anew_takes_nothing_back(tmp_path: Path) -> None:
    part = PostgresPart(tmp_path / "conf", Clock())
    part.take(seen(enforced=3))
    part.take(seen(problem="away"))
    assert (part.enforced(), part.problems()) == (3, ("away",))


@pytest.mark.parametrize("line", [b"", b"[]", b"{}", b'{"at_ms": "soon"}'])
def test_rubbish_is_no_evidence(line: bytes, tmp_path: Path) -> None:
    part = PostgresPart(tmp_path / "conf", Clock())
    part.take(line)
    assert part.in_sync() == frozenset() and "says something else" in part.problems()[0]


def test_only_a_cluster_that_follows_nobody_is_current_by_itself(tmp_path: Path) -> None:
    config, data = tmp_path / "conf", tmp_path / "main"
    config.write_text(yaml.safe_dump({"node": "controller-0", "data": str(data)}))
    part = PostgresPart(config, Clock())
    assert part.first_members() == frozenset()
    (data / "global").mkdir(parents=True)
    (data / "global/pg_control").touch()
    assert part.first_members() == {"controller-0"}
    (tmp_path / "main.rewinding").touch()
    assert part.first_members() == frozenset()
    (tmp_path / "main.rewinding").unlink()
    broken = tmp_path / "broken"
    broken.write_text("port: 0")
    assert PostgresPart(broken, Clock()).first_members() == frozenset()
    (data / "standby.signal").touch()
    assert part.first_members() == frozenset()


def test_the_service_says_where_the_settings_are(tmp_path: Path) -> None:
    config, data = tmp_path / "conf", tmp_path / "main"
    config.write_text(yaml.safe_dump({"node": "controller-5", "data": str(data)}))
    (data / "global").mkdir(parents=True)
    (data / "global/pg_control").touch()
    spec = ServiceSpec("postgres", {}, parameters={"settings": str(config)})
    assert make(spec, "controller-5", frozenset()).first_members() == {"controller-5"}


WATCHER = f"""#!{sys.executable} -S
import json, sys, time
for line in sys.stdin:
    order = json.loads(line)
    if not order["nodes"]:
        sys.exit(1)
    now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000000
    print(json.dumps({{"at_ms": now, "enforced": order["number"], "in_sync": order["nodes"]}}), flush=True)
"""


def test_the_watcher_gets_the_order_and_is_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "watcher"
    program.write_text(WATCHER)
    program.chmod(0o755)
    monkeypatch.setattr("sm.postgres.part.sys.executable", str(program))
    monkeypatch.setattr("sm.postgres.part.AGAIN_S", 0.01)
    clock = Clock()
    clock.now = 0
    part = PostgresPart(tmp_path / "conf", clock)

    async def until(condition: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0.01)

    async def story() -> None:
        part.require(frozenset({"controller-1"}), 1)
        part.open()
        await until(lambda: part.enforced() == 1)
        part.require(frozenset(), 2)
        part.require(frozenset({"controller-2"}), 3)
        await until(lambda: part.enforced() == 3)
        assert part.in_sync() == {"controller-2"}
        await part.close()

    asyncio.run(story())
    assert json.loads(codec_for(Order).encode(Order(1, ("a",)), "order")) == {"number": 1, "nodes": ["a"]}

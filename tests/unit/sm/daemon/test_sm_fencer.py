# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from sm.core.domain.events import AskFenced, Fence, FenceAnswered
from sm.core.fencing import Permit
from sm.daemon.fencer import Fencer
from sm.daemon.settings import FenceDevice
from sm.plugins.scope import Scopes

AGENT = f"""#!{sys.executable} -S
import os, sys, time
given = dict(line.split("=", 1) for line in sys.stdin.read().splitlines())
folder = given["plug"]
open(folder + "/asked", "a").write(given["action"] + " " + given["password"] + " " + " ".join(sys.argv[1:]) + "\\n")
open(folder + "/scheduled", "w").write("%d %d" % (os.sched_getscheduler(0), os.sched_getparam(0).sched_priority))
if given["action"] == "off":
    if given.get("mood") == "hangs":
        time.sleep(60)
    if given.get("mood") != "lies":
        open(folder + "/off", "w").close()
    sys.exit(1 if given.get("mood") == "fails" else 0)
if given["action"] == "on":
    os.unlink(folder + "/off")
    sys.exit(0)
sys.exit(3 if given.get("mood") == "mute" else 2 if os.path.exists(folder + "/off") else 0)
"""
STRIKE = Fence("controller-1", Permit("it is silent"), 77)


def answers(folder: Path, work: Callable[[Fencer], Awaitable[None]], limit_s: float = 10, count: int = 1,
            restart: bool = False, **parameters: str) -> list[FenceAnswered]:
    agent = folder / "agent"
    agent.write_text(AGENT)
    agent.chmod(0o755)
    told: list[FenceAnswered] = []

    async def run() -> None:
        scopes = Scopes()
        device = FenceDevice(str(agent), ("--verbose",),
                             {"plug": str(folder), "password": "secret", **parameters}, restart)
        fencer = Fencer({"controller-1": device}, scopes, told.append, limit_s)
        assert fencer.fenceable == {"controller-1"}
        await work(fencer)
        async with asyncio.timeout(15):
            while len(told) < count:
                await asyncio.sleep(0.01)
        await fencer.close()
        scopes.close()

    asyncio.run(run())
    return told


async def strike(fencer: Fencer) -> None:
    fencer.fence(STRIKE)


async def question(fencer: Fencer) -> None:
    fencer.ask(AskFenced("controller-1", 88))


def test_off_is_confirmed_by_a_status_and_passwords_stay_out_of_arguments(tmp_path: Path) -> None:
    assert answers(tmp_path, strike) == [FenceAnswered("controller-1", True, 77)]
    assert (tmp_path / "asked").read_text().splitlines() == ["off secret --verbose", "status secret --verbose"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may have a real-time priority")
def test_an_agent_has_the_real_time_priority_of_the_daemon(tmp_path: Path) -> None:
    answers(tmp_path, question)
    assert (tmp_path / "scheduled").read_text() == f"{os.SCHED_OTHER} 0"
    os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(2))
    try:
        answers(tmp_path, question)
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    assert (tmp_path / "scheduled").read_text() == f"{os.SCHED_RR} 2"


def test_a_node_that_is_proven_to_be_off_may_start_again(tmp_path: Path) -> None:
    async def strike_and_wait(fencer: Fencer) -> None:
        fencer.fence(STRIKE)
        async with asyncio.timeout(10):
            while not (asked := tmp_path / "asked").exists() or "on secret" not in asked.read_text():
                await asyncio.sleep(0.01)

    assert answers(tmp_path, strike_and_wait, restart=True) == [FenceAnswered("controller-1", True, 77)]
    words = [line.split()[0] for line in (tmp_path / "asked").read_text().splitlines()]
    assert words == ["off", "status", "on"], "not before it is proven"


def test_one_that_is_not_proven_to_be_off_is_not_switched_on(tmp_path: Path) -> None:
    told, = answers(tmp_path, strike, limit_s=1.5, restart=True, mood="lies")
    assert not told.off and "\non " not in (tmp_path / "asked").read_text()


def test_a_successful_off_alone_proves_nothing(tmp_path: Path) -> None:
    told, = answers(tmp_path, strike, limit_s=1.5, mood="lies")
    assert not told.off and "no confirmation within 1 s" in told.detail


@pytest.mark.parametrize(("mood", "off", "detail"), [("fails", True, ""), ("mute", False, "ended with 3")])
def test_the_status_decides_whatever_off_says(tmp_path: Path, mood: str, off: bool, detail: str) -> None:
    told, = answers(tmp_path, strike, limit_s=2, mood=mood)
    assert told.off is off
    assert detail in told.detail or "no confirmation" in told.detail


def test_an_agent_that_hangs_is_given_up(tmp_path: Path) -> None:
    told, = answers(tmp_path, strike, limit_s=1, mood="hangs")
    assert not told.off and "no confirmation" in told.detail


def test_questions(tmp_path: Path) -> None:
    assert answers(tmp_path, question) == [FenceAnswered("controller-1", False, 88, "its power is on")]
    (tmp_path / "off").touch()
    assert answers(tmp_path, question) == [FenceAnswered("controller-1", True, 88)]


def test_a_strike_takes_the_place_of_a_question_and_not_of_a_strike(tmp_path: Path) -> None:
    async def all_at_once(fencer: Fencer) -> None:
        fencer.ask(AskFenced("controller-1", 88))
        fencer.fence(STRIKE)
        fencer.ask(AskFenced("controller-1", 89))
        fencer.fence(Fence("controller-1", Permit("again"), 90))

    told = answers(tmp_path, all_at_once, count=2)
    assert [(one.off, one.asked_ms) for one in told] == [(False, 90), (True, 77)]


def test_unknown_nodes_and_unusable_agents(tmp_path: Path) -> None:
    async def nobody(fencer: Fencer) -> None:
        fencer.fence(Fence("controller-9", Permit("silent"), 1))

    assert "no fence agent" in answers(tmp_path, nobody)[0].detail

    async def broken(fencer: Fencer) -> None:
        (tmp_path / "agent").chmod(0o644)
        fencer.fence(STRIKE)

    assert "is no program" in answers(tmp_path, broken)[0].detail

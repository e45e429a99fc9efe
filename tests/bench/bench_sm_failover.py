# SPDX-License-Identifier: Apache-2.0
"""From the death of all processes of the active machine until the floating address answers from the other one, beside
Pacemaker with Corosync and keepalived in the same run; and moves that nothing called for.

Ours and Pacemaker's wait for a confirmed fence, for which they ask the same power switch; keepalived has no fencing.
All machines are network namespaces. ``failovers``: deaths of each pair; ``idle_s``: seconds of each of the three times
in which ours may not move.
"""
from __future__ import annotations

import contextlib
import math
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from flock.testing.services.process import ServiceFailed
from tests.bench.measure import Figure, latency
from tests.bench.pairs.keepalived import Keepalived
from tests.bench.pairs.pacemaker import Pacemaker
from tests.bench.pairs.pair import LINKS, Pair
from tests.bench.pairs.quiet import quiet
from tests.bench.pairs.services import Services

GOAL_MS = 1_500
# For a power switch that answers at once; the product's defaults wait for a BMC.
LAB = {"silent_ms": 600, "majority_delay_ms": 100, "fence_delay_ms": 500, "lease_ms": 3_000, "step_down_ms": 1_000,
       "grant_ms": 3_000, "current_ms": 10_000, "wait_ms": 3_000}
TUNED_TOKEN_MS, TUNED_ADVERT_S = 300, 0.2
CUT_S = 15.0
# What the one that takes over writes into its journal, and what it has done until then.
MARKS = {"silence and decision to fence": "fences ", "fence until it is confirmed": "is switched off",
         "lease and orders": "goes active on "}
Maker = Callable[[Path], Pair]


@dataclass(frozen=True)
class Death:
    """One takeover: who took over; when the other died, when this one got the address, when it answered first."""

    heir: str
    died_s: float
    address_s: float
    answered_s: float

    @property
    def took_ms(self) -> float:
        """From the death to the answer."""
        return 1_000 * (self.answered_s - self.died_s)


def run(failovers: int = 10, idle_s: float = 300) -> list[Figure]:
    """For each pair milliseconds from death to answer, and what a cut link does; where our time goes; false moves."""
    if os.geteuid() != 0:
        return []
    figures: list[Figure] = []
    with running(lambda folder: Services(folder, "sm, timers of the lab", LAB)) as ours:
        assert isinstance(ours, Services)
        mine = deaths(ours, failovers)
        figures += [*told(ours, mine, mine, GOAL_MS), *parts(ours, mine), *cuts(ours), *quiet(ours, idle_s)]
    for maker in others():
        with running(maker) as pair:
            try:
                figures += told(pair, deaths(pair, failovers), mine)
                figures += cuts(pair)
            except ServiceFailed as failure:  # tells nothing about the next pair
                figures.append(Figure(f"{pair.title}: given up", math.nan, "", note=str(failure).splitlines()[0]))
    return figures


def others() -> list[Maker]:
    """Ours without a witness and with the product's timers, and pairs of comparable programs that are installed."""
    found: list[Maker] = [
        lambda folder: Services(folder, "sm, timers of the lab, no witness", LAB, witness=False),
        lambda folder: Services(folder, "sm, defaults", {}),
        lambda folder: Services(folder, "sm, defaults, no witness", {}, witness=False)]
    if Pacemaker.available():
        found += [Pacemaker, lambda folder: Pacemaker(folder, TUNED_TOKEN_MS)]
    if Keepalived.available():
        found += [Keepalived, lambda folder: Keepalived(folder, TUNED_ADVERT_S)]
    return found


@contextlib.contextmanager
def running(maker: Maker) -> Iterator[Pair]:
    """A pair that has settled."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # not all daemons are root
        pair = maker(Path(folder))
        try:
            pair.start()
            yield pair
        finally:
            pair.close()


def deaths(pair: Pair, count: int) -> list[Death]:
    """The machine with the address dies again and again, and comes back as the other one."""
    found = []
    for _ in range(count):
        active, heir = pair.active()
        died = pair.kill(active)
        with contextlib.suppress(ServiceFailed):  # the one that was to take over fell with it
            answered = pair.wait_answered(died, heir)
            found.append(Death(heir, died, pair.got_address(died, heir) or answered, answered))
        pair.revive(active)
    pair.active()
    return found


def told(pair: Pair, found: Sequence[Death], ours: Sequence[Death], goal_ms: float | None = None) -> list[Figure]:
    """How long the pair's takeovers took, and how that compares with ours."""
    took = [death.took_ms for death in found]
    if not took:
        return [Figure(f"{pair.title}: no takeover", math.nan, "ms")]
    struck = f"; {len(pair.struck)} machines in order were fenced" if pair.struck else ""
    ratio = statistics.median(took) / statistics.median(death.took_ms for death in ours)
    compared = "" if found is ours else f"; {ratio:.2f} times ours"
    return [latency(f"{pair.title}: death until the address answers", took, goal_ms,
                    f"{len(took)} takeovers, {min(took):.0f} to {max(took):.0f} ms{compared}{struck}; {pair.timers}")]


def parts(pair: Services, found: Sequence[Death]) -> list[Figure]:
    """Where the time goes: median of each part of our takeovers."""
    spent: dict[str, list[float]] = {}
    for death in found:
        before = death.died_s
        story = pair.journal(death.heir, death.died_s)
        for part, mark in MARKS.items():
            moment = next((at for at, text in story if mark in text and at >= before), None)
            if moment is not None:
                spent.setdefault(part, []).append(1_000 * (moment - before))
                before = moment
        spent.setdefault("address on the interface", []).append(1_000 * (death.address_s - before))
        spent.setdefault("announcement until the first answer", []).append(
            1_000 * (death.answered_s - death.address_s))
    serving = [1_000 * (moment - death.died_s) for death in found
               if (moment := pair.served(death.heir, death.died_s)) is not None]
    return [*(latency(f"  {part}", took) for part, took in spent.items()),
            latency("  death until the web server behind the address runs", serving)]


def cuts(pair: Pair) -> list[Figure]:
    """Moves of the address while the switch carries nothing of the active machine on one link, with its carrier up."""
    figures = []
    for link in LINKS:
        active, _ = pair.active()
        fences = len(pair.switch.orders)
        pair.site.cut(active, link)
        until, both, moved = time.monotonic() + CUT_S, 0, 0
        while time.monotonic() < until:
            holders = pair.holders()
            both, moved = max(both, len(holders) > 1), max(moved, active not in holders)
            time.sleep(0.1)
        pair.site.heal(active, link)
        note = "; ".join(words for words, seen in (("on both machines at once", both), ("moved", moved),
                                                   ("a machine was fenced", len(pair.switch.orders) > fences)) if seen)
        kind = "with the address" if link == LINKS[1] else "without the address"
        figures.append(Figure(f"{pair.title}: link {kind} cut for {CUT_S:g} s", float(both or moved), "moves",
                              note=note or "stayed"))
    pair.active()
    return figures

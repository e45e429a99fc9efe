# SPDX-License-Identifier: Apache-2.0
"""Many long storms over whole controllers: ``python -m tests.sim.soak``. Goes on after a failure, and ends with a sum.

``SM_SIM_FIRST``: the first seed (default 0); ``SM_SIM_SEEDS``: how many (1,000); ``SM_SIM_MINUTES``: simulated minutes
of each (30); ``SM_SIM_PROCESSES``: how many at a time (as many as there are processors). Each line of progress names
the seed with which a run that was ended goes on.
"""
import logging
import multiprocessing
import os
import sys
import time
from collections import Counter

from tests.sim.storms import Storm

LINE_EVERY = 10


def one(task):
    """One storm: seed, why it failed or "", simulated ms, CPU seconds, and what happened by name."""
    seed, minutes = task
    logging.disable(logging.CRITICAL)
    begun_s = time.process_time()
    storm = Storm(seed)
    wrong = ""
    try:
        storm.blow(minutes)
    except Exception as error:
        wrong = f"seed {seed} ({storm.kind}): {type(error).__name__}: {error}"
    happened = Counter({"faults": storm.faults.total(), "promotions": len(storm.promotions), "fences": storm.fences,
                        "resets by a watchdog": storm.bites, "acknowledged writes": len(storm.acknowledged)})
    return seed, wrong, storm.world.now_ms, time.process_time() - begun_s, happened


def main():
    first, count = int(os.environ.get("SM_SIM_FIRST", "0")), int(os.environ.get("SM_SIM_SEEDS", "1000"))
    minutes = float(os.environ.get("SM_SIM_MINUTES", "30"))
    processes = int(os.environ.get("SM_SIM_PROCESSES", str(os.cpu_count() or 1)))
    tasks = [(seed, minutes) for seed in range(first, first + count)]
    done, failed, simulated_ms, cpu_s, happened = 0, [], 0.0, 0.0, Counter()
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        for seed, wrong, took_ms, took_s, seen in pool.imap(one, tasks):
            done, simulated_ms, cpu_s, happened = done + 1, simulated_ms + took_ms, cpu_s + took_s, happened + seen
            if wrong:
                failed.append(seed)
                print(wrong, flush=True)
            if done % LINE_EVERY == 0 or done == count:
                print(f"{done} of {count} seeds, next {seed + 1}; {simulated_ms / 3_600_000:.1f} simulated hours, "
                      f"{cpu_s / 3_600:.2f} hours of CPU, violations: {len(failed)}", flush=True)
    print("; ".join(f"{number} {what}" for what, number in happened.items()))
    print(f"seeds {first} to {first + count - 1} of {minutes:g} simulated minutes each: {simulated_ms / 3_600_000:.1f} "
          f"simulated hours, {cpu_s / 3_600:.2f} hours of CPU, violations: {len(failed)} {failed or ''}".rstrip())
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

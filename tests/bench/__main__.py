# SPDX-License-Identifier: Apache-2.0
"""Benchmarks: ``python -m tests.bench [NAME...]``; without names all run. Nothing here passes or fails on time.

``run()`` of a benchmark may have parameters of the names of the options.
"""
from __future__ import annotations

import argparse
import importlib
import inspect
import os
import sys
from pathlib import Path

from tests.bench.measure import table


def names() -> list[str]:
    """Modules of this directory called ``bench_<name>``."""
    return sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))


def main() -> int:
    """Run the chosen benchmarks one after the other and print a table for each."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("name", nargs="*", choices=[*names(), []], help=", ".join(names()))
    parser.add_argument("--failovers", type=int, default=10, help="sm_failover: deaths of each pair (%(default)s)")
    parser.add_argument("--idle-s", type=float, default=300, help="sm_failover: seconds of each of the three times "
                        "without a death in which nothing may move (%(default)s)")
    given = parser.parse_args()
    for name in given.name or names():
        load = os.getloadavg()[0]
        run = importlib.import_module(f"tests.bench.bench_{name}").run
        wanted = inspect.signature(run).parameters
        figures = run(**{option: value for option, value in vars(given).items() if option in wanted})
        text = table(figures) if figures else "nothing to measure here"
        print(f"== {name} (load of the machine before: {load:.1f})\n{text}\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

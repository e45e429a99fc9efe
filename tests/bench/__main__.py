# SPDX-License-Identifier: Apache-2.0
"""Benchmarks: ``python -m tests.bench [NAME...]``; without names all run. Nothing here passes or fails on time."""
from __future__ import annotations

import argparse
import importlib
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
    chosen = parser.parse_args().name or names()
    for name in chosen:
        load = os.getloadavg()[0]
        figures = importlib.import_module(f"tests.bench.bench_{name}").run()
        text = table(figures) if figures else "nothing to measure here"
        print(f"== {name} (load of the machine before: {load:.1f})\n{text}\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

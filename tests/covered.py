# SPDX-License-Identifier: Apache-2.0
"""What the unit suite ran of each module: printed, and judged. ``python -m tests.covered`` reads the last run's data.

A module with behaviour of which no function ran has no test. Programs (``cmd``), migrations and test support apart.
"""
from __future__ import annotations

import ast
import functools
import os
import sys
from collections import Counter
from pathlib import Path

from coverage import CoverageData

ROOT = Path(__file__).resolve().parents[1]
PRODUCT = ("flock", "fm", "fm_api", "sysinv", "mtce", "sm", "patching", "devstack/virtualcloud")
EXEMPT = {"cmd", "migrations", "testing"}
# What only the lab and the functional tests run: shells of daemons and APIs. It grows only with a new one of these.
ELSEWHERE = ROOT / "tests/covered_elsewhere.txt"


@functools.cache
def bodies(source: str) -> frozenset[int]:
    """Lines of all statements inside functions, docstrings and the functions' own heads apart.

    A method of an interface, which does nothing but refuse to be called, has none.
    """
    lines: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for item in node.body:
                words = ast.unparse(item) if isinstance(item, ast.Raise) else ""
                if words != "raise TypeError('interface')" and not (
                        isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant)):
                    lines |= {inner.lineno for inner in ast.walk(item) if isinstance(inner, ast.stmt)}
    return frozenset(lines)


def modules() -> list[Path]:
    """Files of the product that the suite answers for."""
    found = (path for place in PRODUCT for path in sorted((ROOT / place).rglob("*.py")))
    return [path for path in found if not EXEMPT & set(path.parts)]


def run_lines(data: CoverageData) -> dict[Path, set[int]]:
    """Lines that ran, by file."""
    return {Path(name): set(data.lines(name) or ()) for name in data.measured_files()}


def judge(ran: dict[Path, set[int]], listed: set[str]) -> tuple[dict[str, tuple[int, int]], list[str]]:
    """Statements in functions and how many ran, per part of the product; and what is wrong, one sentence each."""
    totals: Counter[str] = Counter()
    done: Counter[str] = Counter()
    silent = set()
    for path in modules():
        inside = bodies(path.read_text(encoding="utf-8"))
        if not inside:
            continue
        name = str(path.relative_to(ROOT))
        part = "/".join(name.split("/")[:2])
        hits = len(inside & ran.get(path, set()))
        totals[part] += len(inside)
        done[part] += hits
        if not hits:
            silent.add(name)
    wrong = [f"{name}: no unit test runs a function of it" for name in sorted(silent - listed)]
    wrong += [f"{name}: take it off {ELSEWHERE.name}, it has a test now or is gone" for name in sorted(listed - silent)]
    return {part: (done[part], totals[part]) for part in sorted(totals)}, wrong


def main() -> int:
    """Print coverage per part; status 1 when a module has no test."""
    data = CoverageData(os.environ.get("COVERAGE_FILE", str(ROOT / ".coverage")))
    data.read()
    ran = run_lines(data)
    if not ran:
        sys.stderr.write(f"{data.data_filename()} holds no run\n")
        return 1
    parts, wrong = judge(ran, set(ELSEWHERE.read_text().split()))
    for part, (hits, total) in parts.items():
        print(f"{part:32} {hits:5} of {total:5} statements in functions {100 * hits // total:4} %")
    hits, total = (sum(pair[place] for pair in parts.values()) for place in (0, 1))
    print(f"{'all':32} {hits:5} of {total:5} statements in functions {100 * hits // total:4} %")
    for sentence in wrong:
        sys.stderr.write(f"{sentence}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())

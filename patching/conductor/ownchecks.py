# SPDX-License-Identifier: Apache-2.0
"""Checks that a release brings itself: the program ``extra/deploy-precheck`` of its file. New software can so ask for
what this one does not know of."""
from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from flock.core.checks import HEADING, Check
from flock.core.errors import FlockError
from flock.exec import run

PROGRAM = "deploy-precheck"
HEALTHY, UNHEALTHY = 0, 3
OUTPUT_MAX_BYTES, CHECKS_MAX, LINE_MAX = 256 * 1024, 200, 500
_LINE = re.compile(r"(?P<name>.*\S)\s*:?\s*\[(?P<verdict>OK|Fail)\]\s*\Z")


class OwnChecksFailed(FlockError):
    """The program of a release says nothing of use."""

    code, http, text = "patching.own_checks_failed", 500, f"{PROGRAM} of {{release}}: {{reason}}"


def own_checks(folder: Path, release: str, arguments: Sequence[str], timeout_s: float) -> tuple[Check, ...]:
    """The checks of a release whose members are in ``folder``; () when it brings none. OwnChecksFailed: its program
    cannot be run, or ends neither with 0 (healthy) nor with 3 (unhealthy)."""
    program = folder / "extra" / PROGRAM
    if not program.is_file():
        return ()
    try:
        done = run([str(program), *arguments], timeout_s=timeout_s, check=False, cwd=str(program.parent),
                   output_max_bytes=OUTPUT_MAX_BYTES)
    except FlockError as error:
        raise OwnChecksFailed(release=release, reason=str(error)) from error
    if done.rc not in (HEALTHY, UNHEALTHY):
        said = "".join(f": {line}" for line in (done.err or done.out).strip().splitlines()[-1:])
        raise OwnChecksFailed(release=release, reason=f"it ended with status {done.rc}{said}")
    found = read(done.out)
    if done.rc == UNHEALTHY and all(check.ok for check in found):
        found = (*found, Check(f"{release} finds the system fit", False, "Its own check says no."))
    return found


def read(text: str) -> tuple[Check, ...]:
    """The checks in the output of a program: lines that end with ``[OK]`` or ``[Fail]``, and what is said below."""
    found: list[Check] = []
    details: dict[int, list[str]] = {}
    for line in text.splitlines():
        match = _LINE.match(line[:LINE_MAX])
        if match is not None and len(found) < CHECKS_MAX:
            found.append(Check(match["name"].rstrip(" :"), match["verdict"] == "OK"))
        elif found and line.strip() and line.strip() != HEADING:
            details.setdefault(len(found) - 1, []).append(line.strip()[:LINE_MAX])
    return tuple(Check(check.name, check.ok, "\n".join(details.get(number, ())))
                 for number, check in enumerate(found))

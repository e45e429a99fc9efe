# SPDX-License-Identifier: Apache-2.0
"""Go-enabled tests: whether to run them, and their outcome (StarlingX: /etc/goenabled.d, flags under /run)."""
from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path

from flock.exec.root import Root
from mtce.agent import flags, scripts

DIRECTORY = "etc/goenabled.d"
FRESH_S = 20 * 60


class Decision(enum.Enum):
    """How to treat a request for the tests."""

    WAIT = "wait"
    RUN = "run"
    PASSED_RECENTLY = "passed recently"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Outcome of a run; ``failed_test`` names the first test that failed."""

    passed: bool
    failed_test: str = ""


def decide(state: flags.HostFlags, passed_age_s: float | None) -> Decision:
    """Decide: wait until the host is configured, run the tests, or reuse a pass that is younger than 20 minutes."""
    if state.tests_passed and passed_age_s is not None and passed_age_s < FRESH_S:
        return Decision.PASSED_RECENTLY
    if not (state.configured and state.tests_allowed):
        return Decision.WAIT
    return Decision.RUN


def run(root: Root, requester: str, timeout_s: float) -> Outcome:
    """Run every test with the arguments ``start`` and ``requester`` and leave the result in the flag files."""
    flags.drop(root, flags.TESTS_PASSED)
    flags.drop(root, flags.TESTS_FAILED)
    failed = scripts.run_together(Path(root.path, DIRECTORY), ("start", requester), timeout_s)
    if failed is None:
        flags.put(root, flags.TESTS_PASSED)
        return Outcome(True)
    flags.put(root, flags.TESTS_FAILED, failed + "\n")
    return Outcome(False, failed)


def passed_age_s(root: Root, now_s: float) -> float | None:
    """Seconds since the tests passed, None when they did not."""
    try:
        return max(0.0, now_s - Path(root.path, flags.TESTS_PASSED).stat().st_mtime)
    except OSError:
        return None

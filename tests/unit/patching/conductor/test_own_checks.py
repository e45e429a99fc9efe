# SPDX-License-Identifier: Apache-2.0
"""Checks that a release brings itself: what its program says, and programs that say nothing of use."""
from __future__ import annotations

from pathlib import Path

import pytest

from flock.core.checks import Check
from patching.conductor.ownchecks import CHECKS_MAX, OwnChecksFailed, own_checks, read

SAID = "System Health:\nEnough memory: [OK]\nKernel is new enough: [Fail]\nIt is 5.10.\nInstall 6.1 first.\n"
FOUND = (Check("Enough memory", True), Check("Kernel is new enough", False, "It is 5.10.\nInstall 6.1 first."))


def checked(folder: Path, script: str | None, timeout_s: float = 30.0) -> tuple[Check, ...]:
    if script is not None:
        program = folder / "extra" / "deploy-precheck"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    return own_checks(folder, "starlingx-11.0.0", ["--from=10.0.0", "--to=11.0.0"], timeout_s)


def test_a_release_without_a_program_has_no_checks(tmp_path: Path) -> None:
    assert checked(tmp_path, None) == ()


def test_lines_become_checks(tmp_path: Path) -> None:
    assert read(SAID) == FOUND
    assert checked(tmp_path, f"cat <<END\n{SAID}END\nexit 3") == FOUND


def test_the_program_knows_from_where_to_where(tmp_path: Path) -> None:
    assert checked(tmp_path, 'echo "$*: [OK]"') == (Check("--from=10.0.0 --to=11.0.0", True),)


def test_a_no_without_a_reason_is_a_no(tmp_path: Path) -> None:
    (check,) = checked(tmp_path, "exit 3")
    assert not check.ok and "starlingx-11.0.0" in check.name


@pytest.mark.parametrize(("script", "reason"), [
    ("echo broken >&2; exit 1", "it ended with status 1: broken"), ("exit 2", "it ended with status 2"),
    ("sleep 60", "killed after"), ("head -c 1000000 /dev/zero", "deploy-precheck of starlingx-11.0.0")])
def test_a_program_that_breaks_is_no_verdict(tmp_path: Path, script: str, reason: str) -> None:
    with pytest.raises(OwnChecksFailed, match=reason):
        checked(tmp_path, script, timeout_s=5.0 if "sleep" in script else 30.0)


def test_there_is_an_end_to_what_is_read() -> None:
    assert len(read("x: [OK]\n" * (CHECKS_MAX + 50))) == CHECKS_MAX

# SPDX-License-Identifier: Apache-2.0
"""Completion scripts, judged by the shells themselves where they are installed."""
from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from flock.cli.scan import commands
from flock.testing.cli import FakeApi, run_cli
from fm.cmd.shell import PROGRAM


def script(shell: str) -> str:
    ran = run_cli(PROGRAM, f"complete --shell {shell}", FakeApi({}))
    assert (ran.code, ran.err) == (0, "")
    return ran.out


def shell(name: str, *argv: str) -> str:
    if shutil.which(name) is None:
        pytest.skip(f"no {name}")
    done = subprocess.run([name, *argv], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_every_command_and_its_options_are_in_the_script(name: str) -> None:
    text = script(name)
    for command in commands("fm.resources"):
        assert command.replace("-", "_" if name == "bash" else "-") in text.replace(
            "-", "_" if name == "bash" else "-")
    assert "degrade_affecting" in text and "nopaging" in text


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_the_shell_can_read_it(name: str, tmp_path: Path) -> None:
    path = tmp_path / "script"
    path.write_text(script(name))
    shell(name, "-n", str(path))


@pytest.mark.parametrize(("typed", "expected"), [
    ("fm alarm-l", {"alarm-list"}), ("fm event-s", {"event-show", "event-suppress", "event-suppress-list"}),
    ("fm alarm-list --mgmt", {"--mgmt_affecting", "--mgmt-affecting"}),
    ("fm alarm-summary --by ", {"host", "group"}), ("fm --os-auth-u", {"--os-auth-url"})])
def test_fish_completes(typed: str, expected: set[str], tmp_path: Path) -> None:
    path = tmp_path / "fm.fish"
    path.write_text(script("fish"))
    out = shell("fish", "--no-config", "-c", f"source {path}; complete -C {typed!r}")
    assert {line.split("\t")[0] for line in out.splitlines()} == expected

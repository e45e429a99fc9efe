# SPDX-License-Identifier: Apache-2.0
"""What the programs that ask the daemon have in common."""
import subprocess
import sys
from pathlib import Path

import pytest

from sm.client import program
from sm.contract.control import Request, Verb


@pytest.mark.parametrize("lines", [1, 100_000])
def test_a_reader_that_closes_the_pipe_is_no_error(lines: int) -> None:
    """``sm status | head -1`` ended in a traceback, or in a complaint of the interpreter and status 120."""
    text = f"from sm.client.program import say\nfor number in range({lines}):\n    say('x' * 50)\n"
    with subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as done:
        assert done.stdout is not None and done.stderr is not None
        done.stdout.close()
        assert (done.stderr.read(), done.wait(30)) == (b"", 0)


def test_a_disk_that_is_full_is_an_error() -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run([sys.executable, "-c", "from sm.client.program import say; say('x')"], stdout=full,
                              stderr=subprocess.PIPE, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (1, b"Cannot write the output: No space left on device\n")


def test_who_may_not_ask_learns_who_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                        capsys: pytest.CaptureFixture[str]) -> None:
    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr("socket.socket.connect", refused)
    assert program.command("sm", str(tmp_path / "control"), Request("", Verb.STATUS)) == 1
    assert capsys.readouterr().err == (f"sm: only root and the group that the settings of sm-daemon name may use "
                                       f"{tmp_path}/control\n")

# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from flock.core.errors import Refused
from flock.exec.alone import alone

HOLDER = ("import sys, time; from pathlib import Path; from flock.exec.alone import alone\n"
          "with alone(Path(sys.argv[1]), 'Another one runs.'):\n    print('held', flush=True); time.sleep(60)")


def test_the_second_one_is_refused_with_the_sentence_and_the_path(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with alone(path, "Another one runs."):
        assert path.stat().st_mode & 0o777 == 0o600
        with pytest.raises(Refused, match=f"Another one runs. It holds {path}."), alone(path, "Another one runs."):
            pass
    with alone(path, "Another one runs."):
        pass


def test_the_lock_ends_with_the_process_however_that_ends(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None and holder.stdout.readline() == "held\n"
    with pytest.raises(Refused), alone(path, "Another one runs."):
        pass
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait(10)
    with alone(path, "Another one runs."):
        pass


def test_programs_that_are_started_do_not_inherit_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with alone(path, "Another one runs."):
        child = subprocess.Popen(["sleep", "60"], close_fds=False)
    try:
        with alone(path, "Another one runs."):
            pass
    finally:
        child.kill()
        child.wait(10)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"), alone(tmp_path / "lock", "Another one runs."):
        pass
    assert not (tmp_path / "elsewhere").exists()

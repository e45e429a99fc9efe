# SPDX-License-Identifier: Apache-2.0
"""The functions that scripts of releases may use, in a script that the agent runs."""
from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from patching.agent.scripts import FUNCTIONS, Scripts, place_functions
from patching.contract.states import Direction

SOURCE = Path(__file__).resolve().parents[4] / "etc/patching/patch-functions"
ASKS = """#!/bin/sh
. "$PATCH_FUNCTIONS"
for name in is_controller is_worker is_storage is_cpe is_locked "first tool" "first tool" "first other"; do
    $name && printf '%s ' "$name"
done > "$PATCH_ROOT/said"
exit $PATCH_STATUS_OK
"""


@pytest.mark.parametrize(("conf", "locked", "said"), [
    ("nodetype=worker\nsubfunction=worker\n", True, "is_worker is_locked first tool first other "),
    ("nodetype=controller\nsubfunction=controller,worker\n", False, "is_controller is_cpe first tool first other "),
    ("nodetype=controller\nsubfunction=controller\n", False, "is_controller first tool first other "),
    ("nodetype=storage\nsubfunction=storage\n", False, "is_storage first tool first other "),
])
def test_scripts_learn_what_host_they_run_on(tmp_path: Path, conf: str, locked: bool, said: str) -> None:
    (tmp_path / "etc/platform").mkdir(parents=True)
    (tmp_path / "etc/platform/platform.conf").write_text(conf)
    (tmp_path / "run").mkdir()
    if locked:
        (tmp_path / "run/.node_locked").touch()
    place_functions(tmp_path, SOURCE)
    assert (tmp_path / FUNCTIONS).exists()
    script = tmp_path / "10-ask"
    script.write_text(ASKS)
    script.chmod(0o755)
    Scripts(tmp_path).restart([("starlingx-10.0.1", script)], Direction.APPLY, time.monotonic() + 20)
    assert (tmp_path / "said").read_text() == said


def test_a_release_that_has_no_functions_is_no_error(tmp_path: Path) -> None:
    place_functions(tmp_path, tmp_path / "nothing")
    assert not (tmp_path / FUNCTIONS).exists()


def test_the_functions_pass_shellcheck() -> None:
    program = shutil.which("shellcheck")
    if program is None:
        pytest.skip("shellcheck is not installed")
    done = subprocess.run([program, "--shell=sh", str(SOURCE)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout

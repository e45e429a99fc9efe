# SPDX-License-Identifier: Apache-2.0
"""What the programs of a controller load before they stand by, so that no failover waits for it."""
from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flock.core import slices
from flock.service import standby

LIMIT_S = 60
# By program, what its function does: the modules that must be there afterwards, and nothing may be open then.
PROGRAMS = {
    "sysinv.cmd.api": ("sysinv.resources", ("api", "service", "checks")),
    "sysinv.cmd.conductor": ("sysinv.resources", ("service", "report", "checks")),
    "fm.cmd.api": ("fm.resources", ("api",)),
    "mtce.cmd.api": ("mtce.resources", ("api",)),
    "patching.cmd.api": ("patching.resources", ("api",)),
    "patching.cmd.vim_api": ("patching.vim.resources", ("api",)),
}
STANDING_BY = """
import importlib, os, sys
from flock.service import daemon, standby, web

def stands_by(files=()):
    there = sorted(name for name in sys.modules if ".resources." in name)
    sockets = [fd for fd in os.listdir("/proc/self/fd") if os.path.islink(f"/proc/self/fd/{fd}")
               and os.readlink(f"/proc/self/fd/{fd}").startswith("socket:")]
    print(len(sockets), *there, flush=True)
    os._exit(0)

web.wait_until_active = daemon.wait_until_active = stands_by
program = sys.argv.pop(1)
sys.argv = [program]
importlib.import_module(program).main()
"""


@pytest.mark.parametrize("program", sorted(PROGRAMS))
def test_it_stands_by_with_all_its_resources_loaded(program: str, tmp_path: Path) -> None:
    env = {**os.environ, "FLOCK_CONF_DIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", STANDING_BY, program], env=env, capture_output=True, text=True,
                          timeout=LIMIT_S, check=False)
    assert done.returncode == 0, done.stderr
    sockets, *loaded = done.stdout.split()
    assert sockets == "0"
    package, parts = PROGRAMS[program]
    wanted = {name for part in parts for name in slices.names(package, part)}
    assert wanted and wanted <= set(loaded), wanted - set(loaded)


def test_a_program_that_stands_by_has_prepared(tmp_path: Path) -> None:
    """Also one that is asked to stand by before it is prepared says so only afterwards."""
    mark, made = tmp_path / "mark", tmp_path / "made"
    mark.touch()
    text = ("import pathlib, sys\nfrom flock.service.daemon import run_daemon\n"
            f"run_daemon('t-daemon', lambda conf: sys.exit('made'), argv=[], "
            f"prepare=pathlib.Path({str(made)!r}).touch)\n")
    env = {**os.environ, standby.MARK: str(mark), "FLOCK_CONF_DIR": str(tmp_path),
           "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", text], env=env, stderr=subprocess.PIPE) as process:
        try:
            end = time.monotonic() + LIMIT_S
            while not made.exists():
                assert time.monotonic() < end and process.poll() is None
                time.sleep(0.02)
            assert process.poll() is None, "it waits although it is prepared"
        finally:
            process.kill()

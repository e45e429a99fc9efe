# SPDX-License-Identifier: Apache-2.0
"""Real processes and real file systems: killed in the middle of appending, no room, no permission, forked, light."""
from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from flock.core.errors import Unavailable
from fm.contract.errors import SpoolDiskFull
from fm.contract.rpc import FaultOutcome, FaultRequest, FmManager
from fm.raiser import Raiser
from fm.raiser.spool import Spool
from tests.unit.fm.raiser import spool_programs

PROGRAMS = Path(spool_programs.__file__)
ROOT = PROGRAMS.parents[4]


def start(*arguments: object, prefix: tuple[str, ...] = (), python: str = sys.executable) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([*prefix, python, str(PROGRAMS), *map(str, arguments)], stdout=subprocess.PIPE, text=True,
                            env=env)


def said(process: subprocess.Popen[str]) -> list[str]:
    """Whole lines a process printed until it ended."""
    assert process.stdout is not None
    return [line.rstrip("\n") for line in process.stdout if line.endswith("\n")]


class Kept(FmManager):
    """Applies each request once, by its id, and remembers the order."""

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self.entities: list[str] = []

    def apply(self, *, requests: list[FaultRequest]) -> list[FaultOutcome]:
        for request in requests:
            if request.request_id not in self.ids and request.fault is not None:
                self.ids.add(request.request_id)
                self.entities.append(request.fault.entity_instance_id)
        return [FaultOutcome(request.request_id, count=1) for request in requests]


@pytest.mark.parametrize("seed", range(3))
def test_killed_in_the_middle_of_ten_thousand_appends(tmp_path: Path, seed: int) -> None:
    """Eight threads append; what one of them was told to be stored is delivered once, in its order."""
    stop_after = random.Random(seed).randrange(200, 6000)
    process = start("append", tmp_path / "spool", 8, 1250)
    assert process.stdout is not None
    acknowledged: list[str] = []
    for line in process.stdout:
        if line.endswith("\n"):
            acknowledged.append(line.strip())
        if len(acknowledged) == stop_after:
            process.kill()
    assert process.wait(10) == -9 and stop_after <= len(acknowledged) < 10000
    manager = Kept()
    raiser = Raiser(None, tmp_path / "spool", manager=manager)
    assert raiser.flush(60)
    raiser.stop()
    assert len(set(manager.entities)) == len(manager.entities)
    assert set(acknowledged) <= set(manager.entities)
    assert len(manager.entities) - len(acknowledged) <= 8 * 2  # what each thread had in hand, said or not yet
    for thread in range(8):
        mine = [entity for entity in manager.entities if entity.startswith(f"host=t{thread}-")]
        assert mine == [f"host=t{thread}-{number}" for number in range(len(mine))]


def test_killed_again_and_again_while_delivering(tmp_path: Path) -> None:
    """Raising and delivering in the same process, killed at any moment: once and in order, as the manager saw it."""
    acknowledged: list[str] = []
    chance = random.Random(7)
    for life in range(4):
        process = start("raise", tmp_path / "spool", tmp_path / "applied", f"l{life}", 2000)
        assert process.stdout is not None
        limit = len(acknowledged) + chance.randrange(20, 150)
        for line in process.stdout:
            acknowledged.append(line.strip())
            if len(acknowledged) >= limit:
                process.kill()
                break
        acknowledged += said(process)
        process.wait(10)
    last = start("raise", tmp_path / "spool", tmp_path / "applied", "end", 1)
    acknowledged += said(last)
    assert last.wait(60) == 0
    applied = [line.partition(" ")[2] for line in (tmp_path / "applied").read_text().splitlines()]
    assert len(set(applied)) == len(applied) and set(acknowledged) <= set(applied)
    order = {name: place for place, name in enumerate(applied)}
    assert sorted(acknowledged, key=order.__getitem__) == acknowledged


@pytest.fixture
def unshare() -> Iterator[tuple[str, ...]]:
    """Words that start a program in mount names of its own."""
    words = ("unshare", "--mount", "--propagation", "private", "--")
    if os.geteuid() != 0 or not shutil.which("unshare") or subprocess.run(
            [*words, "true"], check=False, capture_output=True).returncode:
        pytest.skip("needs root and mount namespaces")
    yield words


def test_a_full_disk(tmp_path: Path, unshare: tuple[str, ...]) -> None:
    """A small file system of its own is filled: an error that names the path, nothing torn, room again later."""
    process = start("fill", tmp_path, prefix=unshare)
    lines = said(process)
    assert process.wait(30) == 0, lines
    assert lines[0].startswith("SpoolDiskFull") and str(tmp_path) in lines[0] and "No space left" in lines[0]
    assert lines[1:] == ["earlier ones are whole", "delivered on the full disk", "stored again"]


def test_no_permission_to_grow_a_file(tmp_path: Path) -> None:
    process = start("limit", tmp_path / "spool")
    lines = said(process)
    assert process.wait(30) == 0, lines
    assert lines[0].startswith("SpoolDiskFull") and str(tmp_path) in lines[0]
    assert lines[1:] == ["earlier ones are whole", "stored again"]


def test_a_directory_that_is_read_only(tmp_path: Path, unshare: tuple[str, ...]) -> None:
    process = start("read_only", tmp_path, prefix=unshare)
    lines = said(process)
    assert process.wait(30) == 0, lines
    assert re.match(rf"Unavailable.*{tmp_path}.*Read-only", lines[0])
    assert lines[1:] == ["synchronous calls go on", "stored once it is writable"]


def test_two_processes_share_a_directory(tmp_path: Path) -> None:
    processes = [start("raise", tmp_path / "spool", tmp_path / f"applied{name}", f"p{name}", 60) for name in range(2)]
    told = [said(process) for process in processes]
    assert [process.wait(60) for process in processes] == [0, 0]
    for name, names in enumerate(told):
        applied = [line.partition(" ")[2] for line in (tmp_path / f"applied{name}").read_text().splitlines()]
        assert len(names) == 60 and [text for text in applied if text.startswith(f"host=p{name}-")] == names


def test_a_child_of_a_fork_has_a_queue_of_its_own(tmp_path: Path) -> None:
    process = start("fork", tmp_path / "spool")
    lines = said(process)
    assert process.wait(30) == 0, lines
    assert lines == ["child delivered", "parent's queue can be taken over while the child lives"]


FORBIDDEN = ("sqlalchemy", "alembic", "pecan", "wsme", "webob", "oslo_db", "oslo_policy", "keystonemiddleware",
             "keystoneauth1", "eventlet", "gunicorn", "fm.manager", "fm.db", "fm.core", "fm.api", "sysinv", "mtce")


@pytest.mark.parametrize("code", [
    "import fm.raiser", "import fm_api.fm_api, fm_api.constants", "import fm.cmd.client_cli",
    "from fm_api import fm_api; api = fm_api.FaultAPIs(timeout=0.2); assert api.get_faults('host=a') is None"])
def test_a_host_agent_loads_no_database_and_no_web_framework(tmp_path: Path, code: str) -> None:
    (tmp_path / "flock.conf").write_text("[DEFAULT]\ntransport_url = fake://service.tests@memory/\n"
                                         f"state_dir = {tmp_path}\n")
    check = f"{code}\nimport sys\nprint(sorted(m for m in {FORBIDDEN!r} if sys.modules.get(m)))"
    env = {**os.environ, "PYTHONPATH": str(ROOT), "FLOCK_CONF_DIR": str(tmp_path), "PYTHONWARNINGS": "ignore"}
    done = subprocess.run([sys.executable, "-c", check], check=False, capture_output=True, text=True, env=env)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


def test_the_bus_library_loads_with_the_first_call_only() -> None:
    check = "import fm_api.fm_api, sys; print('oslo_messaging' in sys.modules)"
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    assert subprocess.run([sys.executable, "-c", check], check=True, capture_output=True, text=True,
                          env=env).stdout == "False\n"


def test_closing_while_others_append(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    stored: list[str] = []

    def work(name: int) -> None:
        try:
            for number in range(10000):
                spool.append([f"{name}-{number}"])
                stored.append(f"{name}-{number}")
        except (Unavailable, SpoolDiskFull):
            return

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    while len(stored) < 20 and any(thread.is_alive() for thread in threads):
        threads[0].join(0.01)
    spool.close()
    for thread in threads:
        thread.join(10)
    again = Spool(tmp_path / "s")
    assert set(again.peek(50000).texts) == set(stored)

# SPDX-License-Identifier: Apache-2.0
"""A rotation goes on where it was interrupted, keeps its values, and lets no other kind begin meanwhile."""
from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from flock.core.errors import Refused
from flock.db import Database
from sysinv.bootstrap import rotation
from sysinv.bootstrap.rotation import Progress, Step
from sysinv.cmd import rotate


class Killed(BaseException):
    """The process ends here."""


class Work:
    """Steps that note that they ran; ``dies`` is the title of one that does not come to its end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ran: list[str] = []
        self.said: list[str] = []
        self.dies: str | None = None
        self.stored: list[list[str]] = []

    def step(self, title: str) -> Step:
        def act(progress: Progress) -> None:
            self.ran.append(title)
            found = rotation.load(self.path)
            self.stored.append([] if found is None else found.done)
            if title == self.dies:
                raise Killed
        return title, act

    def carry_out(self, *titles: str, kind: str = "bus") -> None:
        self.ran, self.said, self.stored = [], [], []
        rotation.carry_out(kind, [self.step(title) for title in titles], self.path, self.said.append)


@pytest.fixture
def work(tmp_path: Path) -> Work:
    return Work(tmp_path / rotation.PROGRESS)


def test_steps_run_in_order_and_each_is_stored_before_the_next(work: Work) -> None:
    work.carry_out("new", "written", "used")
    assert work.ran == ["new", "written", "used"]
    assert work.stored == [[], ["new"], ["new", "written"]]
    assert [line.partition(" (")[0] for line in work.said] == ["1/3 new", "2/3 written", "3/3 used"]
    assert all(line.endswith(" s)") for line in work.said)
    assert not work.path.exists()


def test_an_interrupted_rotation_repeats_only_what_has_not_ended(work: Work) -> None:
    work.dies = "written"
    for ran in (["new", "written"], ["written"]):
        with pytest.raises(Killed):
            work.carry_out("new", "written", "used")
        assert work.ran == ran
        assert rotation.load(work.path) == Progress("bus", ["new"])
    work.dies = None
    # A newer release may have one step more.
    work.carry_out("new", "checked", "written", "used")
    assert work.ran == ["checked", "written", "used"] and work.said[0] == "1/4 new: done before"
    assert not work.path.exists()


def test_killed_after_the_last_step_the_repetition_does_nothing_but_end(work: Work) -> None:
    rotation.save(work.path, Progress("bus", ["new", "used"]))
    work.carry_out("new", "used")
    assert work.ran == [] and work.said == ["1/2 new: done before", "2/2 used: done before"]
    assert not work.path.exists()


def test_a_rotation_that_pauses_has_not_ended_and_goes_on(work: Work) -> None:
    titles = ["new", "written", "used"]
    for ran in (["new", "written"], []):
        work.ran = []
        rotation.carry_out("bus", [work.step(title) for title in titles], work.path, work.said.append, stop_after=2)
        assert work.ran == ran
        assert rotation.load(work.path) == Progress("bus", ["new", "written"])
    assert work.said[0].startswith("1/3 new (")
    work.carry_out(*titles)
    assert work.ran == ["used"] and not work.path.exists()


def test_another_kind_is_refused_and_changes_nothing(work: Work) -> None:
    rotation.save(work.path, Progress("bus", ["new"], {"bus_key": "secret"}))
    before = work.path.read_bytes()
    with pytest.raises(Refused, match="'flock-rotate bus' has not ended"):
        work.carry_out("new", kind="certificates")
    assert work.ran == [] and work.path.read_bytes() == before


def test_values_reach_the_repetition_and_only_the_owner_can_read_them(work: Work) -> None:
    got: list[dict[str, str]] = []

    def make(progress: Progress) -> None:
        progress.values["bus_key"] = "first"
        rotation.save(work.path, progress)
        raise Killed

    work.path.write_text(json.dumps({"kind": "bus"}))
    work.path.chmod(0o644)
    with pytest.raises(Killed):
        rotation.carry_out("bus", [("new", make)], work.path, work.said.append)
    assert work.path.stat().st_mode & 0o777 == 0o600
    rotation.carry_out("bus", [("new", lambda progress: got.append(dict(progress.values)))], work.path, print)
    assert got == [{"bus_key": "first"}]


def test_what_is_stored_is_loaded(work: Work) -> None:
    assert rotation.load(work.path) is None
    progress = Progress("certificates", ["a", "b"], {"hosts_asked": "yes"})
    rotation.save(work.path, progress)
    assert rotation.load(work.path) == progress
    work.path.write_text('{"kind": "bus"}')
    assert rotation.load(work.path) == Progress("bus", [], {})


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b'"bus"', b"{}", b'{"kind": "bus", "done": 5}',
                                  b'{"kind": "bus", "values": ["a"]}', b"\xff\xfe"])
def test_a_damaged_file_is_named_and_nothing_runs(work: Work, data: bytes) -> None:
    work.path.write_bytes(data)
    with pytest.raises(Refused, match=r"rotation\.json is damaged\. Remove it"):
        work.carry_out("new")
    assert work.ran == [] and work.path.read_bytes() == data


@pytest.mark.parametrize(("unfinished", "words"), [
    ("certificates", ["certificates", "--due"]), ("certificates --due", ["certificates"]),
    ("certificates --due", ["bus"]), ("bus", ["certificates", "--due"])])
def test_the_command_ends_no_rotation_of_another_kind(work: Work, monkeypatch: pytest.MonkeyPatch, unfinished: str,
                                                      words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """One of all certificates would lose its hosts to one of those that are due, and skip what was not due."""
    monkeypatch.setenv("FLOCK_CONF_DIR", str(work.path.parent))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(rotate, "setup", lambda *_names, **_options: None)
    monkeypatch.setattr(rotate, "from_conf", lambda _conf: Database("sqlite://"))
    monkeypatch.setattr(sys, "argv", ["flock-rotate", *words])
    progress = Progress(unfinished, ["new keys and certificates"])
    rotation.save(work.path, progress)
    assert rotate.main() == 1
    assert f"'flock-rotate {unfinished}' has not ended" in capsys.readouterr().err
    assert rotation.load(work.path) == progress

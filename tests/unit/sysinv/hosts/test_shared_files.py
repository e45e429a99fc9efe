# SPDX-License-Identifier: Apache-2.0
"""What both controllers share is acknowledged only when both have it."""
from __future__ import annotations

import os
from pathlib import Path

import pytest

from flock.core.errors import Refused, Unavailable
from sysinv.bootstrap import rotation
from sysinv.conductor.accounts import keeper
from sysinv.conductor.dnsmasq import BootFiles
from sysinv.hosts.sharedfiles import WAIT_S, all_stored, stored
from tests.unit.sysinv.conductor.test_boot_and_dhcp_files import BOOT


class Mirror:
    """Notes what is waited for, and what a file held then. ``fault``: what the wait ends with."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.asked: list[tuple[str, float]] = []
        self.seen: list[str] = []
        self.fault = fault

    def __call__(self, path: str, limit_s: float) -> str:
        self.asked.append((path, limit_s))
        if self.fault is not None:
            raise self.fault
        return "stored"

    def file(self, path: Path) -> None:
        self.seen.append(path.read_text())
        if self.fault is not None:
            raise self.fault


def test_only_what_is_shared_is_waited_for(tmp_path: Path) -> None:
    mirror, shared = Mirror(), tmp_path / "platform"
    stored(shared / "a/b", shared, mirror)
    stored(tmp_path / "platforms/b", shared, mirror)
    all_stored(shared, mirror)
    assert mirror.asked == [(str(shared / "a/b"), WAIT_S)], "there is no such directory yet"
    shared.mkdir()
    all_stored(shared, mirror)
    assert mirror.asked[1:] == [("", WAIT_S)]


@pytest.mark.parametrize("fault", [Refused(detail="not stored in time"), Unavailable(service="sm-mirror", reason="no")])
def test_what_is_not_stored_in_time_may_be_tried_again(tmp_path: Path, fault: Exception) -> None:
    with pytest.raises(Unavailable):
        stored(tmp_path / "file", tmp_path, Mirror(fault))


def test_a_boot_file_is_written_when_both_controllers_have_it(tmp_path: Path) -> None:
    mirror = Mirror(Unavailable(service="sm-mirror", reason="not yet"))
    files = BootFiles(tmp_path, os.geteuid(), mirror.file)
    with pytest.raises(Unavailable):
        files.write(BOOT)
    mirror.fault = None
    files.write(BOOT)
    assert len(mirror.seen) == 2 and all("flock.host_uuid" in text for text in mirror.seen), "the second time as well"


def test_an_account_of_the_bus_is_there_when_both_controllers_know_it(tmp_path: Path) -> None:
    path, mirror = tmp_path / "definitions.json", Mirror()
    keeper(path, mirror.file)("{}")
    assert mirror.seen == [], "this controller keeps no definitions"
    path.touch()
    keeper(path, mirror.file)("{}")
    assert mirror.seen == ["{}"]


def test_a_step_of_a_rotation_is_done_when_both_controllers_have_its_files(tmp_path: Path) -> None:
    progress, ran = tmp_path / "progress", list[str]()

    def away() -> None:
        raise Unavailable(service="sm-mirror", reason="not yet")

    steps: list[rotation.Step] = [("one", lambda _: ran.append("one")), ("two", lambda _: ran.append("two"))]
    with pytest.raises(Unavailable):
        rotation.carry_out("bus", steps, progress, lambda _: None, wait=away)
    assert ran == ["one"] and rotation.load(progress) is None
    rotation.carry_out("bus", steps, progress, lambda _: None, wait=lambda: None)
    assert ran == ["one", "one", "two"]

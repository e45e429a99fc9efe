# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from flock.exec import atomic
from flock.exec.atomic import replace_file, replace_text


def test_files_are_replaced_only_when_they_differ(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    assert replace_text(path, "one")
    assert not replace_text(path, "one")
    assert replace_text(path, "two", 0o600)
    assert path.read_text() == "two" and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]


def test_mode_counts_whatever_the_process_masks(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        replace_file(tmp_path / "shown", b"\xff", 0o644)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "shown").stat().st_mode) == 0o644
    assert (tmp_path / "shown").read_bytes() == b"\xff"


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("untouched")
    (tmp_path / "file").symlink_to(tmp_path / "elsewhere")
    replace_file(tmp_path / "file", "new")
    assert (tmp_path / "elsewhere").read_text() == "untouched"
    assert not (tmp_path / "file").is_symlink() and (tmp_path / "file").read_text() == "new"


@pytest.mark.parametrize("call", ["fsync", "rename"])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                        call: str) -> None:
    (tmp_path / "file").write_text("old")

    def full(*_args: object, **_words: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(atomic.os, call, full)
    with pytest.raises(OSError, match="No space left"):
        replace_file(tmp_path / "file", "new")
    assert (tmp_path / "file").read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_file_and_directory_reach_the_disk_before_the_call_returns(tmp_path: Path,
                                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    forced: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        forced.append("directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        real(descriptor)

    monkeypatch.setattr(atomic.os, "fsync", fsync)
    replace_file(tmp_path / "file", "new")
    assert forced == ["file", "directory"]


def test_an_unreadable_file_is_not_taken_for_a_missing_one(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        replace_text(tmp_path, "text")

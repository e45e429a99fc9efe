# SPDX-License-Identifier: Apache-2.0
"""Uploads on their way to the disk: stored whole or not at all."""
from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from flock.core.errors import FlockError, InvalidInput
from patching.api import staging as stagings
from patching.api.staging import DiskFull, Staging, UploadRefused
from patching.client.form import Form

TYPE = "multipart/form-data; boundary=x"


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    return Staging(tmp_path / "staging", 1000)


def part(filename: str, data: bytes, name: str = "file") -> bytes:
    return (f'--x\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n\r\n'.encode()
            + data + b"\r\n")


def pieces(body: bytes, size: int = 7) -> Iterator[bytes]:
    return (body[at:at + size] for at in range(0, len(body), size))


def left(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "staging").glob("*"))


def test_files_are_stored_with_digest_and_without_directories(staging: Staging, tmp_path: Path) -> None:
    body = part("/root/a-1.0.1.patch", b"one" * 50) + part("C:\\tmp\\b-1.0.2.patch", b"") + b"--x--\r\n"
    with staging.of_form(pieces(body), TYPE) as files:
        assert [(one.name, one.size, one.sha256) for one in files] == [
            ("a-1.0.1.patch", 150, hashlib.sha256(b"one" * 50).hexdigest()),
            ("b-1.0.2.patch", 0, hashlib.sha256().hexdigest())]
        assert (tmp_path / "staging" / files[0].path).read_bytes() == b"one" * 50
    assert len(left(tmp_path)) == 2


@pytest.mark.parametrize(("body", "words"), [
    (part("a.patch", b"x" * 100)[:90], "no multipart/form-data"),
    (part("a.patch", b"x") + part("a.patch", b"y"), "two files named"),
    (part("a.exe", b"x") + b"--x--", "must end in"), (b"--x--\r\n", "holds no file"), (b"nonsense", "multipart"),
    (part("", b"x") + b"--x--", "holds no file"), (part("a.patch", b"x"), "multipart/form-data")])
def test_what_is_no_upload_leaves_nothing(staging: Staging, tmp_path: Path, body: bytes, words: str) -> None:
    with pytest.raises(UploadRefused, match=words), staging.of_form(pieces(body), TYPE):
        pytest.fail("it was taken")
    assert left(tmp_path) == []


def test_a_name_that_cannot_be_shown_is_refused(staging: Staging, tmp_path: Path) -> None:
    body = part("a\x1b[2J.patch", b"x") + b"--x--\r\n"
    with pytest.raises((InvalidInput, UploadRefused)), staging.of_form(pieces(body), TYPE):
        pytest.fail("it was taken")
    assert left(tmp_path) == []


def test_an_order_that_is_refused_leaves_nothing(staging: Staging, tmp_path: Path) -> None:
    with pytest.raises(FlockError), staging.of_form(pieces(part("a.patch", b"x") + b"--x--\r\n"), TYPE):
        raise FlockError(detail="the conductor does not answer")
    assert left(tmp_path) == []


def test_a_full_disk_is_told(staging: Staging, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_number: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(stagings.os, "fsync", full)
    with pytest.raises(DiskFull, match="No space left"), staging.of_form(
            pieces(part("a.patch", b"x") + b"--x--\r\n"), TYPE):
        pytest.fail("it was taken")
    assert left(tmp_path) == []


def test_files_of_the_controller_are_copied_within_limits(staging: Staging, tmp_path: Path) -> None:
    good, large, link = (tmp_path / name for name in ("a.patch", "large.patch", "link.patch"))
    good.write_bytes(b"good")
    large.write_bytes(b"x" * 1001)
    link.symlink_to(good)
    with staging.of_paths(f'["{good}"]'.encode()) as files:
        assert files[0].size == 4 and good.exists()
    for path, words in ((large, "more than 1000 bytes"), (link, "cannot be read"), (tmp_path, "is no file")):
        with pytest.raises(UploadRefused, match=words), staging.of_paths(f'["{path}"]'.encode()):
            pytest.fail("it was taken")
    assert len(left(tmp_path)) == 1


def test_the_form_of_the_client_is_what_the_api_reads(staging: Staging, tmp_path: Path) -> None:
    source, told = tmp_path / 'a "quoted".patch', []
    source.write_bytes(os.urandom(500_000))
    form = Form([source], lambda sent, total: told.append((sent, total)))
    assert sum(map(len, form)) == len(form) == told[-1][0] == told[-1][1]
    with Staging(tmp_path / "staging", 1 << 20).of_form(iter(form), form.content_type) as files:
        assert files[0].sha256 == hashlib.sha256(source.read_bytes()).hexdigest()

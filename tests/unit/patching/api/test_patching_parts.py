# SPDX-License-Identifier: Apache-2.0
"""Uploads that go on where they broke off: what stays, what is refused, and when a file is complete."""
from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from flock.api.exchange import WebError
from flock.core.errors import FlockError, InvalidInput
from patching.api import parts as partial
from patching.api.parts import (
    DigestWrong,
    DiskFull,
    Have,
    Parts,
    Range,
    UploadBusy,
    UploadGap,
    UploadRefused,
    content_range,
)
from patching.api.staging import Staging
from patching.resources.release.fields import parts_of

DATA = bytes(range(256)) * 40
SHA256 = hashlib.sha256(DATA).hexdigest()
SIZE = len(DATA)


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    return Staging(tmp_path / "staging", 20_000)


@pytest.fixture
def parts(staging: Staging) -> Parts:
    return staging.parts


def broken(data: bytes, at: int) -> Iterator[bytes]:
    yield data[:at]
    raise WebError(400, "Bad Request", "The body is shorter than its Content-Length.")


def left(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "staging").glob("*"))


def test_a_file_goes_on_where_it_broke_off(staging: Staging, parts: Parts, tmp_path: Path) -> None:
    assert parts.have(SHA256) == Have(0)
    with pytest.raises(WebError):
        parts.store(SHA256, Range(0, SIZE), broken(DATA, 3000))
    assert parts.have(SHA256) == Have(3000)
    with pytest.raises(WebError):
        parts.store(SHA256, Range(3000, SIZE), broken(DATA[3000:], 100))
    assert parts.store(SHA256, Range(3100, SIZE), [DATA[3100:9000], DATA[9000:]]) == Have(SIZE, True)
    assert parts.have(SHA256) == Have(SIZE, True) and left(tmp_path) == [f"whole-{SHA256}"]
    with staging.of_parts([("/root/a-1.0.1.patch", SHA256)]) as files:
        assert [(one.name, one.size, one.sha256) for one in files] == [("a-1.0.1.patch", SIZE, SHA256)]
        assert (tmp_path / "staging" / files[0].path).read_bytes() == DATA
    assert left(tmp_path) == [files[0].path]


def test_what_is_complete_is_not_sent_again(parts: Parts) -> None:
    parts.store(SHA256, Range(0, SIZE), [DATA])
    assert parts.store(SHA256, Range(0, SIZE), iter(())) == Have(SIZE, True)


def test_an_order_that_is_refused_leaves_the_file_for_another_try(staging: Staging, tmp_path: Path) -> None:
    staging.parts.store(SHA256, Range(0, SIZE), [DATA])
    with pytest.raises(FlockError), staging.of_parts([("a.patch", SHA256)]):
        raise FlockError(detail="the conductor does not answer")
    assert left(tmp_path) == [f"whole-{SHA256}"]


@pytest.mark.parametrize(("wanted", "words"), [
    ([("a.patch", "0" * 64)], "not complete"), ([("a.exe", SHA256)], "must end in"),
    ([("a.patch", SHA256), ("/b/a.patch", SHA256)], "two files named")])
def test_what_cannot_be_taken_in_leaves_only_what_was_sent(staging: Staging, tmp_path: Path,
                                                           wanted: list[tuple[str, str]], words: str) -> None:
    staging.parts.store(SHA256, Range(0, SIZE), [DATA])
    with pytest.raises(UploadRefused, match=words), staging.of_parts(wanted):
        pytest.fail("it was taken")
    assert left(tmp_path) == [f"whole-{SHA256}"]


@pytest.mark.parametrize("first", [0, 4000])
def test_another_file_than_was_announced_leaves_nothing(parts: Parts, tmp_path: Path, first: int) -> None:
    if first:
        parts.store(SHA256, Range(0, SIZE), [b"x" * first])
    with pytest.raises(DigestWrong):
        parts.store(SHA256, Range(first, SIZE), [DATA[first:-1], b"?"])
    assert left(tmp_path) == []


def test_a_gap_and_what_is_beyond_the_end_are_refused(parts: Parts) -> None:
    parts.store(SHA256, Range(0, SIZE), [DATA[:1000]])
    for first in (0, 999, 1001):
        with pytest.raises(UploadGap, match="has 1000 bytes"):
            parts.store(SHA256, Range(first, SIZE), [DATA[first:]])
    with pytest.raises(UploadRefused, match="goes beyond"):
        parts.store(SHA256, Range(1000, SIZE), [DATA[:500], DATA])
    assert parts.have(SHA256).have == 1000


def test_what_holds_nothing_takes_no_place(parts: Parts, tmp_path: Path) -> None:
    """Thirty-two requests with a gap kept everybody from uploading for a day."""
    for number in range(partial.PARTS_MAX + 1):
        with pytest.raises(UploadGap, match="has 0 bytes"):
            parts.store(f"{number:064x}", Range(5, 10), [b"x" * 5])
    with pytest.raises(UploadRefused, match="goes beyond"):
        parts.store(SHA256, Range(0, 3), [b"xx", b"xx"])
    assert left(tmp_path) == []


def test_one_request_at_a_time_writes_a_file(parts: Parts) -> None:
    def meanwhile() -> Iterator[bytes]:
        yield DATA[:500]
        for act in (lambda: parts.store(SHA256, Range(0, SIZE), [DATA]), lambda: parts.forget(SHA256)):
            with pytest.raises(UploadBusy):
                act()
        yield DATA[500:]

    assert parts.store(SHA256, Range(0, SIZE), meanwhile()).is_complete


def test_files_that_were_begun_have_limits_together(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    parts.store(SHA256, Range(0, SIZE), [DATA])
    with pytest.raises(UploadRefused, match="more than 20000 bytes"):
        parts.admit("0" * 64, 20_001)
    with pytest.raises(UploadRefused, match="begun and not ended"):
        parts.store("0" * 64, Range(0, 10_000), [b"x"])
    monkeypatch.setattr(partial, "PARTS_MAX", 1)
    with pytest.raises(UploadRefused, match="begun and not ended"):
        parts.admit("0" * 64, 1)
    parts.forget(SHA256)
    parts.admit("0" * 64, 1)


def test_a_full_disk_is_told_before_and_during(parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_number: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(partial.os, "fsync", full)
    with pytest.raises(DiskFull, match="No space left"):
        parts.store(SHA256, Range(0, SIZE), [DATA])
    assert left(tmp_path) == []
    usage = type("Usage", (), {"free": 100})
    monkeypatch.setattr(partial.shutil, "disk_usage", lambda _path: usage)
    with pytest.raises(DiskFull, match="100 bytes are free"):
        parts.admit(SHA256, 101)
    parts.admit(SHA256, 100)


@pytest.mark.parametrize("text", ["", "bytes 0-9/*", "bytes 0-8/10", "bytes 5-4/5", "bytes 0-0/0", "bytes -1-0/1",
                                  "items 0-9/10", "bytes 0-9/10 ", "bytes \u0660-9/10"])
def test_a_range_leads_to_the_end_of_the_file(text: str) -> None:
    with pytest.raises(InvalidInput, match="Content-Range"):
        content_range(text)
    assert content_range("bytes 5-9/10") == Range(5, 10)


@pytest.mark.parametrize("body", [None, {}, {"files": []}, {"files": ["a"]}, {"files": [{"name": "a"}]},
                                  {"files": [{"name": 1, "sha256": SHA256}]},
                                  {"files": [{"name": "a", "sha256": "../x"}]}])
def test_a_list_of_parts_is_checked(body: object) -> None:
    with pytest.raises(InvalidInput):
        parts_of(body)
    assert parts_of({"files": [{"name": "a", "sha256": SHA256}]}) == [("a", SHA256)]

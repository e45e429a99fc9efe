# SPDX-License-Identifier: Apache-2.0
"""The client sends a large file with the digest first, goes on where it broke off, and ends when nothing moves."""
from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from flock.cli.errors import ApiError, ApiUnreachable
from patching.client import software as client
from patching.client.sending import TRIES_MAX, NotSupported, Sending
from patching.client.software import Software


class Api:
    """Keeps what is sent. ``breaks``: bytes of each body after which its connection breaks; ``errors``: instead of an
    answer to the next questions."""

    def __init__(self) -> None:
        self.stored: dict[str, bytes] = {}
        self.sizes: dict[str, int] = {}
        self.breaks: list[int] = []
        self.errors: list[Exception] = []
        self.bodies: list[int] = []
        self.ordered: Any = None

    def get(self, path: str, query: Any = None) -> Any:
        if self.errors:
            raise self.errors.pop(0)
        sha256 = path.rpartition("/")[2]
        self.sizes[sha256] = query["size"]
        return self._state(sha256)

    def _state(self, sha256: str) -> Any:
        data = self.stored.get(sha256, b"")
        return {"sha256": sha256, "have": len(data), "complete": len(data) == self.sizes[sha256]}

    def answer(self, method: str, path: str, body: Any = None, *, passed: Any = (), data: Any = None,
               headers: Any = None) -> tuple[int, Any]:
        if path == "/v1/release":
            self.ordered = body if data is None else "form"
            return 200, {"info": "", "warning": "", "error": ""}
        sha256 = path.rpartition("/")[2]
        have, size = len(self.stored.get(sha256, b"")), self.sizes[sha256]
        assert (method, headers["Content-Range"]) == ("PUT", f"bytes {have}-{size - 1}/{size}")
        assert len(data) == size - have
        most = self.breaks.pop(0) if self.breaks else size
        sent = 0
        for piece in data:
            taken = piece[:most - sent]
            self.stored[sha256] = self.stored.get(sha256, b"") + taken
            sent += len(taken)
            if sent >= most and len(self.stored[sha256]) < size:
                self.bodies.append(sent)
                raise ApiUnreachable("Connection broken")
        self.bodies.append(sent)
        return 200, self._state(sha256)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a-1.0.1.patch"
    path.write_bytes(os.urandom(1_000_000))
    return path


def test_each_byte_travels_once_whatever_breaks(file: Path) -> None:
    api, told, pauses = Api(), [], []
    api.breaks = [400_000, 1, 300_000]
    found = Sending(api, lambda sent, total: told.append((sent, total)), pauses.append).send([file])
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    assert found == [{"name": file.name, "sha256": sha256}] and api.stored[sha256] == file.read_bytes()
    assert api.bodies == [400_000, 1, 300_000, 299_999] and len(pauses) == 3
    assert told[-1] == (1_000_000, 1_000_000) and max(sent for sent, _ in told) == 1_000_000


def test_several_files_have_one_progress(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "b.sig"
    other.write_bytes(b"x" * 10)
    told: list[tuple[int, int]] = []
    Sending(Api(), lambda sent, total: told.append((sent, total))).send([file, other])
    assert {total for _, total in told} == {1_000_010}
    assert [sent for sent, _ in told] == sorted(sent for sent, _ in told)


def test_a_file_that_is_there_already_is_not_sent(file: Path) -> None:
    api = Api()
    api.stored[hashlib.sha256(file.read_bytes()).hexdigest()] = file.read_bytes()
    Sending(api).send([file])
    assert api.bodies == []


def test_tries_without_progress_end(file: Path) -> None:
    api, pauses = Api(), []
    api.errors = [ApiUnreachable("no route")] * 100
    with pytest.raises(ApiUnreachable):
        Sending(api, sleep=pauses.append).send([file])
    assert len(pauses) == TRIES_MAX - 1 and sum(pauses) < 120
    api.errors = [ApiError(503, "wait"), ApiError(409, "busy"), ApiError(504, "late")]
    Sending(api, sleep=pauses.append).send([file])


@pytest.mark.parametrize("status", [401, 403, 406, 413])
def test_a_refusal_ends_at_once(file: Path, status: int) -> None:
    api, pauses = Api(), []
    api.errors = [ApiError(status, "no")]
    with pytest.raises(ApiError):
        Sending(api, sleep=pauses.append).send([file])
    assert pauses == []


def test_small_files_and_other_apis_get_a_form(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    api = Api()
    Software(api).upload([file])
    assert api.ordered == "form" and api.bodies == []
    monkeypatch.setattr(client, "LARGE_BYTES", 1000)
    api.errors = [ApiError(404, "The resource could not be found.")]
    Software(api).upload([file])
    assert api.ordered == "form"
    Software(api).upload([file])
    assert api.ordered == {"files": [{"name": file.name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}]}
    with pytest.raises(NotSupported):
        api.errors = [ApiError(405, "Method Not Allowed")]
        Sending(api).send([file])

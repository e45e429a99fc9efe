# SPDX-License-Identifier: Apache-2.0
"""Sends files so that a connection that breaks costs only what was on its way: the API is told the digest of a file,
says what it has of it, and gets the rest."""
from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from flock.cli.errors import ApiError, ApiUnreachable
from flock.core.backoff import Backoff

BLOCK = 1 << 18
TRIES_MAX = 8
NOT_FOUND, METHOD_UNKNOWN, REFUSED = 404, 405, 406
# Another request holds the file, the controller has another part of it, the body came too slowly.
PASSING = (400, 408, 409, 429)
Told = Callable[[int, int], None]


class Api(Protocol):
    """The part of ``flock.cli.client.ApiClient`` that is used here."""

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any: ...

    def answer(self, method: str, path: str, body: Any = None, *, passed: Sequence[int] = (), data: Any = None,
               headers: Mapping[str, str] | None = None) -> tuple[int, Any]: ...


class NotSupported(Exception):
    """The API does not know such uploads."""


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    size: int
    sha256: str


class _Rest:
    """The bytes of a file from ``first``; sent again from there if the request is repeated."""

    def __init__(self, path: Path, first: int, size: int, told: Callable[[int], None]) -> None:
        self._path, self._first, self._size, self._told = path, first, size, told

    def __len__(self) -> int:
        return self._size - self._first

    def __iter__(self) -> Iterator[bytes]:
        sent = self._first
        with self._path.open("rb") as stream:
            stream.seek(self._first)
            # No more than was announced, if the file grows meanwhile.
            while sent < self._size and (piece := stream.read(min(BLOCK, self._size - sent))):
                yield piece
                sent += len(piece)
                self._told(sent)


class Sending:
    """``told(bytes the API has, bytes of all)`` is called meanwhile. ``sleep``: how a pause is made."""

    def __init__(self, api: Api, told: Told | None = None, sleep: Callable[[float], None] = time.sleep) -> None:
        self._api, self._sleep = api, sleep
        self._told: Told = told or (lambda _sent, _total: None)
        self._backoff = Backoff(1.0, 15.0)

    def send(self, paths: Sequence[Path]) -> list[dict[str, str]]:
        """Send all files; what ``POST /v1/release`` then takes as ``files``.

        NotSupported: by this API. CliError: it refuses a file, or ``TRIES_MAX`` tries one after the other have brought
        no more bytes there.
        """
        files: list[_File] = []
        for path in paths:
            sha256, size = _digest(path)
            files.append(_File(path, size, sha256))
        total, before = sum(one.size for one in files), 0
        for one in files:
            self._one(one, before, total)
            before += one.size
        self._told(total, total)
        return [{"name": one.path.name, "sha256": one.sha256} for one in files]

    def _one(self, file: _File, before: int, total: int) -> None:
        best, tries = -1, 0
        while True:
            try:
                found = self._state(file)
                if found["complete"]:
                    return
                have = int(found["have"])
                if have > best:
                    best, tries = have, 0
                self._told(before + have, total)
                if self._put(file, have, before, total)["complete"]:
                    return
            except ApiUnreachable:
                tries += 1
                if tries >= TRIES_MAX:
                    raise
            except ApiError as error:
                tries += 1
                if tries >= TRIES_MAX or (error.status < 500 and error.status not in PASSING):
                    raise
            else:
                tries += 1
            self._sleep(self._backoff.pause_s(max(tries, 1)))

    def _state(self, file: _File) -> Any:
        try:
            return self._api.get(f"/v1/upload/{file.sha256}", {"size": file.size})
        except ApiError as error:
            if error.status in (NOT_FOUND, METHOD_UNKNOWN):
                raise NotSupported from None
            raise

    def _put(self, file: _File, have: int, before: int, total: int) -> Any:
        rest = _Rest(file.path, have, file.size, lambda sent: self._told(before + sent, total))
        return self._api.answer("PUT", f"/v1/upload/{file.sha256}", data=rest, headers={
            "Content-Type": "application/octet-stream",
            "Content-Range": f"bytes {have}-{file.size - 1}/{file.size}"})[1]


def _digest(path: Path) -> tuple[str, int]:
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256")
        return found.hexdigest(), stream.tell()

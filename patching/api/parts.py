# SPDX-License-Identifier: Apache-2.0
"""Uploads that go on where they broke off: a file is known by its SHA-256, and what has arrived of it is kept.

``part-<digest>`` in the staging directory is what has arrived; ``whole-<digest>`` has the announced size and digest.
Whoever writes holds a lock on the file. The conductor removes what nobody has touched for a day.
"""
from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from flock.core.errors import Conflict, FlockError, InvalidInput, Refused

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
PARTS_MAX = 32
BLOCK = 1 << 20
PART, WHOLE = "part-", "whole-"
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})", re.ASCII)


class DiskFull(FlockError):
    """There is no room for what is uploaded."""

    code, http, text = "patching.disk_full", 406, "The upload does not fit on the disk of the controller ({reason})."


class UploadRefused(Refused):
    """The request is no upload."""

    code, http, text = "patching.upload_refused", 406, "{detail}"


class UploadBusy(Conflict):
    """Another request sends the same file at this moment."""

    code, http, text = "patching.upload_busy", 409, "Another request is sending this file. Retry in a moment."


class UploadGap(Conflict):
    """The range does not begin where the file on the controller ends."""

    code, http, text = "patching.upload_gap", 409, "The controller has {have} bytes of this file. Go on from there."


class DigestWrong(Refused):
    """What has arrived is another file."""

    code, http, text = "patching.upload_digest", 406, \
        "The file that arrived has another digest; nothing of it was kept. Send it again."


@dataclass(frozen=True, slots=True)
class Range:
    """The bytes from ``first`` to the end of a file of ``size`` bytes."""

    first: int
    size: int


@dataclass(frozen=True, slots=True)
class Have:
    """What the controller has of a file, in bytes."""

    have: int
    is_complete: bool = False


def digest(text: str) -> str:
    """A SHA-256 of a path. InvalidInput: it is none."""
    if _DIGEST.fullmatch(text) is None:
        raise InvalidInput(field="sha256", rule="must be the SHA-256 of a file, 64 digits 0-9 and a-f")
    return text


def content_range(text: str) -> Range:
    """Of the header Content-Range. InvalidInput: it does not lead to the end of the file."""
    found = _RANGE.fullmatch(text)
    if found is not None:
        first, last, size = map(int, found.groups())
        if first <= last == size - 1:
            return Range(first, size)
    raise InvalidInput(field="Content-Range",
                       rule="must be bytes FIRST-LAST/SIZE, where LAST is the last byte of the file")


class Parts:
    """The files in ``directory`` that were sent in part. ``most_bytes``: of all of them together."""

    def __init__(self, directory: Path, most_bytes: int) -> None:
        self._directory, self._most_bytes = directory, most_bytes

    def complete(self, sha256: str) -> Path:
        """Where a complete file is."""
        return self._directory / f"{WHOLE}{sha256}"

    def have(self, sha256: str) -> Have:
        """What there is of a file."""
        for prefix in (WHOLE, PART):
            with contextlib.suppress(FileNotFoundError):
                return Have((self._directory / f"{prefix}{sha256}").stat().st_size, prefix == WHOLE)
        return Have(0)

    def admit(self, sha256: str, size: int) -> None:
        """UploadRefused, DiskFull: a file of ``size`` bytes has no place beside the others."""
        if size > self._most_bytes:
            raise UploadRefused(detail=f"The file has more than {self._most_bytes} bytes.")
        others = [path for path in self._all() if not path.name.endswith(sha256)]
        if len(others) >= PARTS_MAX:
            raise UploadRefused(detail=f"{PARTS_MAX} uploads were begun and not ended. Complete or delete one of them; "
                                       "they are removed after a day.")
        if size + sum(map(_size, others)) > self._most_bytes:
            raise UploadRefused(detail="Uploads that were begun and not ended leave no room. Complete or delete one of "
                                       "them, or raise [software_api] upload_max_mib; they are removed after a day.")
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        free = shutil.disk_usage(self._directory).free
        if size - self.have(sha256).have > free:
            raise DiskFull(reason=f"{free} bytes are free")

    def store(self, sha256: str, asked: Range, pieces: Iterable[bytes]) -> Have:
        """Append what arrives; a complete file gets its final name. What breaks off stays.

        UploadBusy, UploadGap, DigestWrong, UploadRefused, DiskFull.
        """
        if self.have(sha256).is_complete:
            return self.have(sha256)
        self.admit(sha256, asked.size)
        path = self._directory / f"{PART}{sha256}"
        # Also before there is a file: one that holds nothing would take a place for a day.
        if asked.first and not path.exists():
            raise UploadGap(have=0)
        with self._locked(path) as stream:
            have = os.fstat(stream.fileno()).st_size
            if have != asked.first:
                raise UploadGap(have=have)
            try:
                found = _append(stream, asked, pieces)
            except UploadRefused:
                stream.truncate(asked.first)
                if not asked.first:
                    path.unlink(missing_ok=True)
                raise
            except OSError as error:
                if error.errno in FULL:
                    path.unlink(missing_ok=True)
                    raise DiskFull(reason=error.strerror) from error
                raise
            if found is None:
                return Have(os.fstat(stream.fileno()).st_size)
            if found != sha256:
                path.unlink()
                raise DigestWrong()
            path.rename(self.complete(sha256))
        return Have(asked.size, True)

    def forget(self, sha256: str) -> None:
        """Remove what there is of a file. UploadBusy: it is being written."""
        self.complete(sha256).unlink(missing_ok=True)
        path = self._directory / f"{PART}{sha256}"
        if path.exists():
            with self._locked(path):
                path.unlink(missing_ok=True)

    def _all(self) -> list[Path]:
        return [path for prefix in (PART, WHOLE) for path in self._directory.glob(f"{prefix}*")]

    @contextlib.contextmanager
    def _locked(self, path: Path) -> Iterator[BinaryIO]:
        number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(number, "r+b") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # Another request may have completed or removed it since it was opened.
                is_same = os.path.samestat(os.fstat(number), os.stat(path))
            except OSError:
                raise UploadBusy() from None
            if not is_same:
                raise UploadBusy()
            yield stream


def _append(stream: BinaryIO, asked: Range, pieces: Iterable[bytes]) -> str | None:
    """The digest of the file once it has its size; None: bytes are missing."""
    found = hashlib.sha256()
    stream.seek(asked.first)
    have = asked.first
    # One piece is hashed while it is written and the next one arrives.
    with ThreadPoolExecutor(1, "hash-of-an-upload") as hasher:
        hashed: Future[None] | None = None
        for piece in pieces:
            have += len(piece)
            if have > asked.size:
                raise UploadRefused(detail=f"The body goes beyond the {asked.size} bytes of the file.")
            if hashed is not None:
                hashed.result()
            if not asked.first:
                hashed = hasher.submit(found.update, piece)
            stream.write(piece)
    stream.flush()
    if have < asked.size:
        return None
    os.fsync(stream.fileno())
    if asked.first:
        stream.seek(0)
        while block := stream.read(BLOCK):
            found.update(block)
    return found.hexdigest()


def _size(path: Path) -> int:
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_size
    return 0

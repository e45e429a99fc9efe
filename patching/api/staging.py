# SPDX-License-Identifier: Apache-2.0
"""Stores what is uploaded in the staging directory, piece by piece. What breaks off leaves nothing."""
from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, BinaryIO

import multipart

from flock.core.errors import InvalidInput
from patching.api.parts import FULL, DiskFull, Parts, UploadBusy, UploadRefused
from patching.contract.records import StagedFile

FILES_MAX, NAME_MAX, LIST_BYTES_MAX = 100, 255, 65_536
FORM_BYTES_MAX = 1 << 20
"""What a form may have beside the files."""
BLOCK = 1 << 20
EXTENSIONS = (".patch", ".iso", ".sig")


@dataclass(slots=True)
class _File:
    name: str
    path: Path
    stream: BinaryIO
    size: int = 0
    digest: Any = field(default_factory=hashlib.sha256)
    sha256: str = ""

    def write(self, piece: bytes) -> None:
        self.stream.write(piece)
        self.digest.update(piece)
        self.size += len(piece)


class Staging:
    """The directory of files that wait for the conductor. ``upload_max``: bytes of all files of an upload."""

    def __init__(self, directory: Path, upload_max: int) -> None:
        self._directory, self._upload_max = directory, upload_max
        self.parts = Parts(directory, upload_max)

    @contextlib.contextmanager
    def of_parts(self, wanted: Sequence[tuple[str, str]]) -> Iterator[list[StagedFile]]:
        """Take files (name, SHA-256) that were sent before, piece by piece; they stay for another try if the block
        fails. UploadRefused: one is not complete."""
        with self._kept() as made:
            for told, sha256 in wanted:
                made.append(self._linked(_name(told, made), sha256))
            yield [_staged(one, one.sha256) for one in made]
        for one in made:
            # Somebody sends the same file anew already; what was taken is not in his way.
            with contextlib.suppress(UploadBusy):
                self.parts.forget(one.sha256)

    @contextlib.contextmanager
    def of_form(self, pieces: Iterable[bytes], content_type: str) -> Iterator[list[StagedFile]]:
        """Store the files of a ``multipart/form-data`` body; they are removed if the block fails."""
        kind, options = multipart.parse_options_header(content_type)
        if kind != "multipart/form-data" or not options.get("boundary"):
            raise UploadRefused(detail="An upload is multipart/form-data, or a list of paths as text/plain.")
        with self._kept() as made:
            self._store(pieces, options["boundary"], made)
            yield [_staged(one) for one in made]

    @contextlib.contextmanager
    def of_paths(self, data: bytes) -> Iterator[list[StagedFile]]:
        """Copy files of this controller, whose paths ``data`` has as a JSON list."""
        try:
            paths = json.loads(data)
        except (ValueError, RecursionError):
            paths = None
        if not isinstance(paths, list) or not paths or not all(isinstance(path, str) for path in paths):
            raise UploadRefused(detail="A text/plain upload is a JSON list of paths of files on the controller.")
        if len(paths) > FILES_MAX:
            raise UploadRefused(detail=f"More than {FILES_MAX} files.")
        with self._kept() as made:
            for path in paths:
                self._copy(path, made)
            yield [_staged(one) for one in made]

    def _store(self, pieces: Iterable[bytes], boundary: str, made: list[_File]) -> None:
        current: _File | None = None
        try:
            with multipart.PushMultipartParser(boundary, max_segment_count=FILES_MAX) as parser:
                for piece in self._counted(pieces):
                    for event in parser.parse(piece):
                        if isinstance(event, multipart.MultipartSegment):
                            current = self._opened(event.filename, made) if event.filename else None
                        elif event and current is not None:
                            current.write(bytes(event))
                        elif event is None and current is not None:
                            _closed(current)
        except multipart.MultipartError as error:
            raise UploadRefused(detail=f"The body is no multipart/form-data: {error}.") from error
        if not made:
            raise UploadRefused(detail="The upload holds no file.")

    def _copy(self, path: str, made: list[_File]) -> None:
        if not path.startswith("/") or "\0" in path:
            raise UploadRefused(detail=f"{path!r:.200} is not an absolute path.")
        try:
            number = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            raise UploadRefused(detail=f"{path!r:.200} cannot be read: {error.strerror}.") from error
        if not stat.S_ISREG(os.fstat(number).st_mode):
            os.close(number)
            raise UploadRefused(detail=f"{path!r:.200} is no file.")
        with os.fdopen(number, "rb") as source:
            target = self._opened(path, made)
            while piece := source.read(BLOCK):
                target.write(piece)
                if target.size > self._upload_max:
                    raise UploadRefused(detail=f"{path!r:.200} has more than {self._upload_max} bytes.")
            _closed(target)

    def _counted(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        received = 0
        for piece in pieces:
            received += len(piece)
            if received > self._upload_max + FORM_BYTES_MAX:
                raise UploadRefused(detail=f"The upload has more than {self._upload_max} bytes.")
            yield piece

    def _linked(self, name: str, sha256: str) -> _File:
        path = self._directory / uuid.uuid4().hex
        try:
            os.link(self.parts.complete(sha256), path)
        except FileNotFoundError:
            raise UploadRefused(detail=f"{name} is not complete on the controller. Send it again.") from None
        stream = path.open("rb")
        stream.close()
        return _File(name, path, stream, path.stat().st_size, sha256=sha256)

    def _opened(self, told: str, made: list[_File]) -> _File:
        name = _name(told, made)
        path = self._directory / uuid.uuid4().hex
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        made.append(_File(name, path, os.fdopen(number, "wb")))
        return made[-1]

    @contextlib.contextmanager
    def _kept(self) -> Iterator[list[_File]]:
        made: list[_File] = []
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            yield made
        except BaseException as error:
            for one in made:
                one.stream.close()
                one.path.unlink(missing_ok=True)
            if isinstance(error, OSError) and error.errno in FULL:
                raise DiskFull(reason=error.strerror) from error
            raise


def _name(told: str, made: Sequence[_File]) -> str:
    """The name of a file that comes beside ``made``. InvalidInput, UploadRefused."""
    # Clients send the whole path, also that of a Windows machine.
    name = PureWindowsPath(PurePosixPath(told).name).name
    if not name or len(name) > NAME_MAX or not name.isprintable():
        raise InvalidInput(field="filename", rule=f"must be of 1 to {NAME_MAX} printable characters")
    if Path(name).suffix not in EXTENSIONS:
        raise UploadRefused(detail=f"{name} is no file of a release: its name must end in {', '.join(EXTENSIONS)}.")
    if name in {one.name for one in made}:
        raise UploadRefused(detail=f"The upload has two files named {name}.")
    if len(made) >= FILES_MAX:
        raise UploadRefused(detail=f"More than {FILES_MAX} files.")
    return name


def _closed(one: _File) -> None:
    one.stream.flush()
    os.fsync(one.stream.fileno())
    one.stream.close()


def _staged(one: _File, sha256: str = "") -> StagedFile:
    if not one.stream.closed:
        raise UploadRefused(detail=f"{one.name} breaks off.")
    return StagedFile(one.name, one.path.name, one.size, sha256 or one.digest.hexdigest())

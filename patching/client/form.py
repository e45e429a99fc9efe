# SPDX-License-Identifier: Apache-2.0
"""A ``multipart/form-data`` body of files that is read from the disk while it is sent."""
from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

BLOCK = 1 << 18


class Form:
    """The files ``paths``; each field and file is named by its absolute path, as StarlingX's client does.

    ``told(bytes sent, bytes of all)`` is called as the body is sent.
    """

    def __init__(self, paths: Sequence[Path], told: Callable[[int, int], None] | None = None) -> None:
        boundary = uuid.uuid4().hex
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self._told = told
        self._parts = [(f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(path)}"; '
                        f'filename="{_quoted(path)}"\r\nContent-Type: application/octet-stream\r\n\r\n'.encode(), path)
                       for path in paths]
        self._end = f"--{boundary}--\r\n".encode()

    def __len__(self) -> int:
        return sum(len(head) + os.path.getsize(path) + 2 for head, path in self._parts) + len(self._end)

    def __iter__(self) -> Iterator[bytes]:
        sent, total = 0, len(self)
        for piece in self._pieces():
            yield piece
            sent += len(piece)
            if self._told is not None:
                self._told(sent, total)

    def _pieces(self) -> Iterator[bytes]:
        for head, path in self._parts:
            yield head
            with path.open("rb") as stream:
                while piece := stream.read(BLOCK):
                    yield piece
            yield b"\r\n"
        yield self._end


def _quoted(path: Path) -> str:
    return str(path.absolute()).replace("\\", "\\\\").replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")

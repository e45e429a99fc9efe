# SPDX-License-Identifier: Apache-2.0
"""What two nodes say to each other: frames of a type, a length and a record (JSON) or bytes of a file.

The standby asks and the active node answers, in turns:

* HELLO in both directions, then FULL, the whole list, or REFUSED;
* WANT names files, and CONTENT with DATA frames follows for each; STORED says that the generation is on the disk, AGAIN
  that a file has changed meanwhile;
* then UPDATE, as soon as something has changed, or QUIET after a second; the standby answers QUIET with STORED.
"""
from __future__ import annotations

import contextlib
import enum
import socket
import struct
import time
from dataclasses import dataclass
from typing import Any, TypeVar

from flock.core.codec import codec_for
from flock.core.errors import InvalidInput
from sm.mirror.manifest import Entry, Generation

VERSION = 1
CHUNK = 256 * 1024
SMALL_MAX = 16 * 1024
LISTS_MAX = 32 << 20
_HEAD = struct.Struct("!BI")


class Frame(enum.IntEnum):
    """The types of frames."""

    HELLO = 1
    REFUSED = 2
    FULL = 3
    UPDATE = 4
    QUIET = 5
    WANT = 6
    CONTENT = 7
    DATA = 8
    STORED = 9
    AGAIN = 10


@dataclass(frozen=True, slots=True)
class Hello:
    """``was_active``: the sender was active last, and asks what the other one has had from it."""

    version: int
    node: str
    term: int
    was_active: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """Why the sender ends the connection."""

    reason: str


@dataclass(frozen=True, slots=True)
class Full:
    """All entries. ``base``: what the sender had stored when it became active; None when it does not know."""

    term: int
    number: int
    digest: str
    entries: tuple[Entry, ...]
    base: tuple[Entry, ...] | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """What differs from the generation that the receiver has stored last; ``digest`` is that of the whole result."""

    term: int
    number: int
    digest: str
    changed: tuple[Entry, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Want:
    """Files whose content is asked for, in the order in which it shall come."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Content:
    """DATA frames of together ``size`` bytes follow; -1: the file has changed, and none follows."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Stored:
    """The generation, with the digest of the list, is on the sender's disk."""

    term: int
    number: int
    digest: str


@dataclass(frozen=True, slots=True)
class Again:
    """The content of this file was not that of its entry."""

    name: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """A frame that says all by its type."""


RECORDS: dict[Frame, tuple[Any, int]] = {
    Frame.HELLO: (Hello, SMALL_MAX), Frame.REFUSED: (Refused, SMALL_MAX), Frame.FULL: (Full, LISTS_MAX),
    Frame.UPDATE: (Update, LISTS_MAX), Frame.QUIET: (Nothing, SMALL_MAX), Frame.WANT: (Want, LISTS_MAX),
    Frame.CONTENT: (Content, SMALL_MAX), Frame.STORED: (Stored, SMALL_MAX), Frame.AGAIN: (Again, SMALL_MAX)}
_TYPES = {kind: frame for frame, (kind, _) in RECORDS.items() if kind is not Nothing}
Record = TypeVar("Record")


class PeerFailed(Exception):
    """The other node is gone, too slow, or says what it may not say."""


def generation_of(said: Full | Update | Stored) -> Generation:
    """The generation that a record is about."""
    return Generation(said.term, said.number)


def encode(frame: Frame, record: Any) -> bytes:
    """One frame; PeerFailed when it would be too large for the receiver."""
    kind, limit = RECORDS[frame]
    try:
        data = codec_for(kind).encode(record, frame.name.lower())
    except InvalidInput as error:
        raise PeerFailed(str(error)) from error
    if len(data) > limit:
        raise PeerFailed(f"a {frame.name} of {len(data)} bytes is too large to be sent")
    return _HEAD.pack(frame, len(data)) + data


def head(data: bytes) -> tuple[Frame, int]:
    """Type and length of the frame that begins; PeerFailed when there is no such frame or it is too long."""
    number, length = _HEAD.unpack(data)
    try:
        frame = Frame(number)
    except ValueError:
        raise PeerFailed(f"the other node sent a frame of the unknown type {number}") from None
    limit = CHUNK if frame is Frame.DATA else RECORDS[frame][1]
    if length > limit:
        raise PeerFailed(f"the other node announced a {frame.name} of {length} bytes; {limit} are allowed")
    return frame, length


def decode(frame: Frame, data: bytes) -> Any:
    """The record of a frame; PeerFailed when it is none."""
    try:
        return codec_for(RECORDS[frame][0]).decode(data, frame.name.lower())
    except InvalidInput as error:
        raise PeerFailed(f"the other node sent what is no {frame.name}: {error}") from None


class Channel:
    """Frames on a connected socket. Every call ends within the time that it is given, with PeerFailed at the latest."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def fileno(self) -> int:
        """The descriptor of the socket, for ``select``."""
        return self._sock.fileno()

    def send(self, frame: Frame, record: Any, limit_s: float) -> None:
        """Send a record."""
        self._send(encode(frame, record), limit_s)

    def send_data(self, data: bytes, limit_s: float) -> None:
        """Send at most CHUNK bytes of a file."""
        self._send(_HEAD.pack(Frame.DATA, len(data)) + data, limit_s)

    def receive(self, limit_s: float, *expected: Frame) -> tuple[Frame, Any]:
        """The next frame; a DATA frame's bytes as they are. REFUSED raises its reason."""
        frame, data = self._frame(limit_s)
        if frame is Frame.REFUSED:
            raise PeerFailed(f"the other node refuses: {decode(frame, data).reason[:500]}")
        if frame not in expected:
            wanted = " or ".join(item.name for item in expected)
            raise PeerFailed(f"the other node sent {frame.name} instead of {wanted}")
        return frame, data if frame is Frame.DATA else decode(frame, data)

    def one(self, limit_s: float, kind: type[Record]) -> Record:
        """The next frame, which must hold a record of this kind."""
        said: Record = self.receive(limit_s, _TYPES[kind])[1]
        return said

    def interrupt(self) -> None:
        """End the connection from another thread; the one that uses it gets PeerFailed, and closes it."""
        with contextlib.suppress(OSError):
            # Not the method of ssl, which would have the other thread go on without encryption.
            socket.socket.shutdown(self._sock, socket.SHUT_RDWR)

    def close(self) -> None:
        """Give the socket back."""
        self._sock.close()

    def _send(self, data: bytes, limit_s: float) -> None:
        try:
            self._sock.settimeout(limit_s)
            self._sock.sendall(data)
        except (OSError, ValueError) as error:
            raise PeerFailed(f"the other node takes nothing: {error}") from error

    def _frame(self, limit_s: float) -> tuple[Frame, bytes]:
        ends_s = time.monotonic() + limit_s
        frame, length = head(self._exactly(_HEAD.size, ends_s))
        return frame, self._exactly(length, ends_s)

    def _exactly(self, count: int, ends_s: float) -> bytes:
        data = bytearray()
        while len(data) < count:
            left_s = ends_s - time.monotonic()
            try:
                if left_s <= 0:
                    raise TimeoutError("it says nothing")
                self._sock.settimeout(left_s)
                chunk = self._sock.recv(min(count - len(data), CHUNK))
            except (OSError, ValueError) as error:
                raise PeerFailed(f"the other node is not heard: {error}") from error
            if not chunk:
                raise PeerFailed("the other node closed the connection")
            data += chunk
        return bytes(data)

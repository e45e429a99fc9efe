# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sm.mirror.frames import (
    CHUNK,
    LISTS_MAX,
    RECORDS,
    Channel,
    Frame,
    Full,
    Hello,
    Nothing,
    PeerFailed,
    Refused,
    Stored,
    Update,
    Want,
    decode,
    encode,
    generation_of,
    head,
)
from sm.mirror.inotify import IN_CREATE, Inotify, sync_filesystem
from sm.mirror.inotify import decode as events


@pytest.fixture
def ends() -> Iterator[tuple[Channel, socket.socket]]:
    one, other = socket.socketpair()
    with one, other:
        yield Channel(one), other


def test_frames_come_as_they_were_sent(ends: tuple[Channel, socket.socket]) -> None:
    channel, other = ends
    far = Channel(other)
    far.send(Frame.HELLO, Hello(1, "c1", 5, True), 1)
    assert channel.one(1, Hello) == Hello(1, "c1", 5, True)
    data = os.urandom(CHUNK)
    sender = threading.Thread(target=far.send_data, args=(data, 5))
    sender.start()
    assert channel.receive(5, Frame.DATA) == (Frame.DATA, data)
    sender.join()
    far.send(Frame.QUIET, Nothing(), 1)
    assert channel.receive(1, Frame.UPDATE, Frame.QUIET)[0] is Frame.QUIET
    assert generation_of(Stored(3, 4, "")).number == 4


@pytest.mark.parametrize(("data", "word"), [
    (b"\x63\0\0\0\0", "unknown type"), (b"\1\xff\xff\xff\xff", "announced"), (b"\1\0\0\0\2[]", "no HELLO"),
    (b"\1\0\0\0\1{", "no HELLO"), (struct.pack("!BI", Frame.DATA, CHUNK + 1), "announced"),
    (struct.pack("!BI", Frame.FULL, LISTS_MAX + 1), "announced"), (encode(Frame.QUIET, Nothing()), "instead of HELLO"),
    (encode(Frame.REFUSED, Refused("because")), "because"), (b"\1\0", "not heard")])
def test_what_is_no_frame_is_refused(ends: tuple[Channel, socket.socket], data: bytes, word: str) -> None:
    channel, other = ends
    other.sendall(data)
    with pytest.raises(PeerFailed, match=word):
        channel.receive(0.2, Frame.HELLO)


@given(st.sampled_from(sorted(RECORDS)), st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_garbage_is_refused_and_nothing_else_happens(frame: Frame, data: bytes) -> None:
    try:
        assert type(decode(frame, data)) is RECORDS[frame][0]
    except PeerFailed:
        pass
    try:
        head(data[:5].ljust(5, b"\0"))
    except PeerFailed:
        pass


def test_a_channel_never_waits_for_long(ends: tuple[Channel, socket.socket]) -> None:
    channel, other = ends
    with pytest.raises(PeerFailed, match="not heard"):
        channel.receive(0.05, Frame.HELLO)
    with pytest.raises(PeerFailed, match="takes nothing"):
        while True:
            channel.send_data(bytes(CHUNK), 0.05)
    with pytest.raises(PeerFailed, match="too large"):
        channel.send(Frame.WANT, Want(("x" * LISTS_MAX,)), 1)
    waiting = threading.Timer(0.05, Channel(other).interrupt)
    waiting.start()
    with pytest.raises(PeerFailed):
        Channel(other).receive(5, Frame.HELLO)
    waiting.join()
    assert encode(Frame.UPDATE, Update(1, 2, "")) and encode(Frame.FULL, Full(1, 2, "", ()))


def test_the_kernel_tells_names(tmp_path: Path) -> None:
    queue = Inotify()
    descriptor = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    watch = queue.add(descriptor)
    assert queue.read() == [] and queue.add(descriptor) == watch
    (tmp_path / "f").touch()
    found = queue.read()
    assert (watch, b"f") in {(event.watch, event.name) for event in found if event.mask & IN_CREATE}
    queue.remove(watch)
    queue.remove(watch)
    sync_filesystem(descriptor)
    os.close(descriptor)
    with pytest.raises(OSError, match="Bad file"):
        sync_filesystem(descriptor)
    queue.close()
    assert events(b"\0" * 15) == [] and events(struct.pack("iIII", 1, 2, 3, 8) + b"ab\0\0\0\0\0\0")[0].name == b"ab"

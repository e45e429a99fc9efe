# SPDX-License-Identifier: Apache-2.0
"""Peers that are not who they should be, or do not what they should: they get nothing, and change nothing."""
from __future__ import annotations

import datetime
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flock import tls
from flock.core.errors import Refused
from flock.core.records import replace
from flock.testing.services.process import wait_for
from sm.contract.mirror import MirrorVerb
from sm.mirror.frames import (
    VERSION,
    Channel,
    Content,
    Frame,
    Full,
    Hello,
    Nothing,
    PeerFailed,
    Stored,
    Update,
    Want,
    generation_of,
)
from sm.mirror.manifest import Entry, Kind, digest
from sm.mirror.peers import NotTrusted, Trust
from tests.functional.sm.mirror.conftest import ADDRESS, Node, World, content, equal, in_sync

ALL = frozenset(ADDRESS)


STRANGER = "127.0.0.66"


def reached(world: World, to: Node, source: str = "") -> socket.socket:
    """A connection to a node: from the address of the other one, or another ``source``."""
    peer = next(address for name, address in ADDRESS.items() if name != to.name)
    return socket.create_connection((ADDRESS[to.name], world.port), 15, source_address=(source or peer, 0))


def connected(world: World, place: Path, to: Node) -> Channel:
    return Channel(Trust(place, ALL).connect(reached(world, to), to.name))


def strangers(world: World) -> Iterator[tuple[str, Path]]:
    """Directories of certificates that prove nothing here."""
    other = tls.Authority.create("flock test", datetime.datetime.now(datetime.UTC))
    for label, name, by in (("another host", "worker-0", None), ("another authority", "controller-1", other),
                            ("another authority of the active node's name", "controller-0", other)):
        place = world.folder / label
        world.certificate(place, name, by)
        yield label, place
    place = world.folder / "a server"
    world.certificate(place, "controller-1")
    key = tls.new_key()
    (place / "host.key").write_bytes(key)
    (place / "host.crt").write_bytes(world.authority.issue(
        tls.new_request(key, "front"), tls.Usage.SERVER, "controller-1", ["controller-1", "controller-0"],
        datetime.datetime.now(datetime.UTC)))
    yield "a certificate of a server", place
    place = world.folder / "over"
    world.certificate(place, "controller-1")
    long_ago = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=900)
    old = tls.Authority.create("flock test", long_ago)
    (place / "ca.crt").write_bytes(old.certificate_pem)
    yield "other authorities", place


def test_strangers_get_nothing_from_the_active_node(pair: World) -> None:
    active = pair.nodes["controller-0"]
    (active.root / "secret").write_text("secret")
    active.wait()
    for label, place in strangers(pair):
        with pytest.raises((PeerFailed, NotTrusted)):
            channel = connected(pair, place, active)
            channel.send(Frame.HELLO, Hello(VERSION, "controller-1", 1), 5)
            print(label, channel.receive(5, Frame.HELLO, Frame.FULL))
    # No certificate at all.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with pytest.raises(OSError), context.wrap_socket(  # noqa: PT012
            reached(pair, active)) as talk:
        talk.sendall(b"\1\0\0\0\2{}")
        assert not talk.recv(1)
        raise ConnectionError("closed without a word")
    # TLS of an older version.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(OSError):
        context.wrap_socket(reached(pair, active))
    # The right certificate, but another name, and the active node's own.
    for node, said in (("controller-1", "controller-0"), ("controller-0", "controller-0")):
        with pytest.raises(PeerFailed):
            channel = connected(pair, pair.nodes[node].folder / "tls", active)
            channel.send(Frame.HELLO, Hello(VERSION, said, 1), 5)
            channel.receive(5, Frame.HELLO)
    assert "is refused" in active.log()
    (active.root / "secret").write_text("still mirrored")
    active.wait()
    assert equal(pair)


def test_silent_connections_of_strangers_do_not_keep_the_standby_out(pair: World) -> None:
    """As fast as a program can open them, for as long as the standby needs to come back."""
    active, standby = pair.nodes["controller-0"], pair.nodes["controller-1"]
    ended, opened = threading.Event(), 0

    def besiege() -> None:
        nonlocal opened
        held: list[socket.socket] = []
        while not ended.is_set():
            held.append(reached(pair, active, STRANGER))
            opened += 1
            if len(held) > 100:
                held.pop(0).close()
        for sock in held:
            sock.close()

    attacker = threading.Thread(target=besiege)
    attacker.start()
    try:
        wait_for(lambda: opened > 100, 10, "the strangers")
        standby.kill()
        standby.start()
        in_sync(pair)
        (active.root / "f").write_text("x")
        active.wait()
    finally:
        ended.set()
        attacker.join(10)
    assert equal(pair)


def test_garbage_ends_a_connection_and_nothing_else(pair: World) -> None:
    active, standby = pair.nodes["controller-0"], pair.nodes["controller-1"]
    for data in (b"", b"GET / HTTP/1.0\r\n\r\n", os.urandom(2_000), b"\x16\x03\x01\xff\xff" + os.urandom(500)):
        with reached(pair, active) as talk:
            talk.sendall(data)
    idle = [reached(pair, active) for _ in range(40)]
    standby.kill()
    for data in (os.urandom(100), b"\xff\0\0\0\0", b"\1\xff\xff\xff\xff", b"\1\0\0\0\3nul", b"\1\0\0\0\2[]",
                 b"\x08\0\0\0\1x", b"\1\0\0\0\x0d{\"version\":1}"):
        with pytest.raises((PeerFailed, NotTrusted, OSError)):
            plain = reached(pair, active)
            talk = Trust(standby.folder / "tls", ALL).connect(plain, active.name)
            talk.sendall(data)
            Channel(talk).receive(15, Frame.HELLO)
    for sock in idle:
        sock.close()
    standby.start()
    in_sync(pair)
    with socket.socket(socket.AF_UNIX) as talk:
        talk.connect(active.control)
        talk.sendall(b"\xff{}\n")
        assert b"refused" in talk.recv(4096)
    (active.root / "f").write_text("x")
    active.wait()


def test_a_standby_that_lies_or_asks_for_other_files_is_not_believed(world: World) -> None:
    active, standby = world.nodes["controller-0"], world.nodes["controller-1"]
    active.start()
    (active.root / "f").write_text("x")
    active.ask(MirrorVerb.PROMOTE)

    def greeted() -> tuple[Channel, Full]:
        channel = connected(world, standby.folder / "tls", active)
        channel.send(Frame.HELLO, Hello(VERSION, standby.name, 1), 5)
        assert channel.one(5, Hello).node == active.name
        return channel, channel.one(5, Full)

    outside = world.folder / "outside"
    outside.write_text("secret")
    for wanted in ("../../outside", "..%2F..%2Foutside", ".sm-mirror/current", str(outside), "g", ""):
        channel, full = greeted()
        with pytest.raises(PeerFailed):
            channel.send(Frame.WANT, Want((wanted,)), 5)
            channel.receive(5, Frame.CONTENT)
    for lie in (lambda full: Stored(full.term, full.number, "0" * 64),
                lambda full: Stored(full.term, full.number + 1, full.digest),
                lambda full: Stored(full.term + 1, full.number, full.digest)):
        channel, full = greeted()
        channel.send(Frame.STORED, lie(full), 5)
        with pytest.raises(PeerFailed):
            channel.receive(5, Frame.UPDATE, Frame.QUIET)
        assert not active.status().peers[0].in_sync
        with pytest.raises(Refused, match="on all required nodes"):
            active.wait(timeout_s=0.2)
    assert {entry.name for entry in full.entries} == {"f"}
    # Out of turn.
    channel, full = greeted()
    channel.send(Frame.STORED, Stored(full.term, full.number, full.digest), 5)
    channel.send(Frame.WANT, Want(("f",)), 5)
    with pytest.raises(PeerFailed):
        channel.receive(5, Frame.CONTENT)


def test_a_slow_reader_is_cut_off_and_holds_up_nobody(world: World) -> None:
    active, standby = world.nodes["controller-0"], world.nodes["controller-1"]
    (active.folder / "required.json").write_text('{"nodes": []}')
    active.start()
    (active.root / "big").write_bytes(os.urandom(40 << 20))
    active.ask(MirrorVerb.PROMOTE)
    channel = connected(world, standby.folder / "tls", active)
    channel.send(Frame.HELLO, Hello(VERSION, standby.name, 1), 5)
    channel.one(5, Hello)
    channel.one(5, Full)
    channel.send(Frame.WANT, Want(("big",)), 5)
    channel.one(5, Content)
    began = time.monotonic()
    (active.root / "f").write_text("x")
    active.wait()
    assert time.monotonic() - began < 2
    wait_for(lambda: not active.status().peers[0].connected, 15, "it is cut off")
    assert "takes nothing" in active.status().peers[0].reason


class Impostor:
    """Listens where the active node should, with a certificate of its own choice."""

    def __init__(self, world: World, place: Path) -> None:
        self.server = socket.create_server((ADDRESS["controller-0"], world.port), backlog=8)
        self.server.settimeout(15)
        self.trust = Trust(place, ALL)

    def accepted(self) -> Channel:
        while True:
            sock, _ = self.server.accept()
            try:
                talk, _ = self.trust.accept(sock)
            except NotTrusted:
                continue
            return Channel(talk)

    def greeted(self) -> Channel:
        channel = self.accepted()
        channel.one(5, Hello)
        channel.send(Frame.HELLO, Hello(VERSION, "controller-0", 1), 5)
        return channel


def entry(name: str, data: bytes = b"", **other: object) -> Entry:
    made = Entry(name, Kind.FILE, 0o644, "root", "root", len(data), tls_digest(data))
    return replace(made, **other)  # type: ignore[arg-type]


def tls_digest(data: bytes) -> str:
    import hashlib
    return hashlib.sha256(data).hexdigest()


def full(*entries: Entry, term: int = 1, number: int = 5, word: str = "") -> Full:
    return Full(term, number, word or digest({each.name: each for each in entries}), entries)


@pytest.mark.slow
def test_a_standby_takes_nothing_from_strangers(world: World) -> None:
    standby = world.nodes["controller-1"]
    standby.start()
    (standby.root / "own").write_text("own")
    for label, place in strangers(world):
        if label == "other authorities":
            continue
        made = Impostor(world, place)
        sock, _ = made.server.accept()
        # It accepts anybody, and shows a certificate that proves nothing.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(place / "host.crt", place / "host.key")
        with pytest.raises((PeerFailed, OSError)):
            channel = Channel(context.wrap_socket(sock, server_side=True))
            channel.one(5, Hello)
        made.server.close()
        wait_for(lambda: standby.status().problems, 5, f"{label} is told")
    assert (standby.root / "own").read_text() == "own" and "proves no host" in standby.log()


def broken_lists(data: bytes, folder: Entry) -> list[Full]:
    return [
        full(entry("../outside/victim", data)), full(entry("/etc/evil", data)), full(entry("a//b", data)),
        full(entry("..%2F..%2Foutside%2Fvictim", data)), full(entry("d/f", data)), full(entry(".sm-mirror/next", data)),
        full(entry("x" * 300, data)), full(entry("a\0b", data)), full(entry("%00", data)),
        full(entry("f", data), entry("f", b"twice")), full(entry("f", data, mode=-1)), full(entry("f", data, size=-4)),
        full(entry("f", data, size=1 << 60)), full(entry("f", data, owner="no such account")),
        full(folder, entry("d/l", kind=Kind.LINK, digest="", target="../../outside")),
        full(entry("l", kind=Kind.LINK, digest="", target="/etc")),
        full(entry("l", kind=Kind.LINK, digest="", target="way-out/../../outside")),
        full(entry("f", data), word="0" * 64), full(entry("f", data), term=0),
        full(*(entry(f"f{number}") for number in range(20_001)))]


@pytest.mark.slow
def test_content_that_is_not_as_it_was_told_is_not_taken(world: World) -> None:
    standby, data = world.nodes["controller-1"], b"evil"
    standby.start()
    made = Impostor(world, world.nodes["controller-0"].folder / "tls")
    lies: list[Callable[[Channel], None]] = [
        lambda channel: channel.send_data(b"evil!", 5), lambda channel: channel.send_data(b"", 5),
        lambda channel: channel.send(Frame.QUIET, Nothing(), 5)]
    for lie in lies:
        channel = made.greeted()
        channel.send(Frame.FULL, full(entry("f", data)), 5)
        assert channel.one(5, Want).names == ("f",)
        channel.send(Frame.CONTENT, Content("f", len(data)), 5)
        lie(channel)
        with pytest.raises(PeerFailed):
            channel.receive(5, Frame.STORED, Frame.AGAIN)
    channel = made.greeted()
    channel.send(Frame.FULL, full(entry("f", data)), 5)
    channel.one(5, Want)
    channel.send(Frame.CONTENT, Content("f", len(data)), 5)
    channel.send_data(b"live", 5)
    assert channel.receive(5, Frame.AGAIN)
    channel.close()
    assert not content(standby.root)
    made.server.close()


@pytest.mark.slow
def test_what_a_real_but_broken_active_node_sends_never_leaves_the_directory(world: World) -> None:
    standby = world.nodes["controller-1"]
    outside = world.folder / "outside"
    outside.mkdir()
    (outside / "victim").write_text("untouched")
    (standby.root / "kept").write_text("kept")
    (standby.root / "way-out").symlink_to(outside)
    standby.start()
    made = Impostor(world, world.nodes["controller-0"].folder / "tls")
    data = b"evil"
    folder = Entry("d", Kind.DIRECTORY, 0o755, "root", "root")
    made.server.settimeout(30)
    for sent in broken_lists(data, folder):
        channel = made.greeted()
        channel.send(Frame.FULL, sent, 20)
        with pytest.raises(PeerFailed):
            channel.receive(20, Frame.WANT, Frame.STORED)
        assert content(standby.root).keys() == {"kept", "way-out"}, sent.entries[0]

    # What is right is taken, and replaces the link, which is not mirrored; what it points to stays.
    channel = made.greeted()
    channel.send(Frame.FULL, full(replace(folder, name="way-out"), entry("way-out/victim", data)), 5)
    assert channel.one(5, Want).names == ("way-out/victim",)
    channel.send(Frame.CONTENT, Content("way-out/victim", len(data)), 5)
    channel.send_data(data, 5)
    assert generation_of(channel.one(10, Stored)).number == 5
    assert (standby.root / "way-out" / "victim").read_bytes() == data
    assert (outside / "victim").read_text() == "untouched"
    # Older than what is stored; and a file to remove that is not there.
    channel.send(Frame.UPDATE, Update(1, 6, digest({}), (), ("gone",)), 5)
    with pytest.raises(PeerFailed):
        channel.receive(5, Frame.STORED)
    channel = made.greeted()
    channel.send(Frame.FULL, full(number=4), 5)
    with pytest.raises(PeerFailed):
        channel.receive(5, Frame.STORED)
    assert (standby.root / "way-out" / "victim").exists()
    made.server.close()

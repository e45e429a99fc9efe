# SPDX-License-Identifier: Apache-2.0
"""An mtcAlive past the message bus: from the agent's hand over the network to the line that a conductor reads."""
import json
import socket
import uuid
from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis import given

from flock.core.codec import codec_for
from mtce.agent.beacon import Beacon, encode
from mtce.contract import pulsekey
from mtce.contract.records import MTCALIVE_MAX_BYTES, MtcAlive
from mtce.core.heartbeat import Detector, Thresholds, Watch
from mtce.heartbeat import codec, sender, sockets
from mtce.heartbeat.alive import FRESH_MS, AliveNote
from mtce.heartbeat.control import alive_line
from mtce.heartbeat.responder import Identity, Responder
from mtce.heartbeat.sender import Beam, Sender
from mtce.heartbeat.settings import Link

HOST = "2f1c1d7e-0000-4000-8000-000000000001"
CLUSTER_KEY = bytes(range(32))
KEY = pulsekey.derive(CLUSTER_KEY, "worker-0")
ALIVE = MtcAlive(HOST, "worker-0", "boot-1", 60, 7, True, True, False, True, None, False, True)
REQUEST = codec.Request("cluster-host", 5, b"n" * 16)
GROUP = "239.1.1.2"


def signed(payload=b'{"a":1}', request=REQUEST, key=KEY, host=HOST):
    return codec.encode_alive(request, uuid.UUID(host).bytes, key, payload)


def test_genuine_mtcalive_is_read_whole():
    assert codec.speaking_host(signed(), 5) == uuid.UUID(HOST).bytes
    assert codec.genuine_payload(signed(), REQUEST, KEY) == b'{"a":1}'


@pytest.mark.parametrize("data", [
    signed(request=replace(REQUEST, nonce=b"m" * 16)), signed(request=replace(REQUEST, network="mgmt")),
    signed(key=pulsekey.derive(CLUSTER_KEY, "worker-1")), signed()[:-1] + b"x", signed()[:30] + b"x" + signed()[31:]])
def test_forged_replayed_or_changed_mtcalive_is_not_genuine(data):
    assert codec.genuine_payload(data, REQUEST, KEY) is None


@pytest.mark.parametrize("data", [signed(b""), signed(b"x" * (MTCALIVE_MAX_BYTES + 1)),
                                  codec.encode_answer(REQUEST, uuid.UUID(HOST).bytes, KEY),
                                  signed(request=replace(REQUEST, sequence=4))])
def test_what_is_too_short_too_long_another_kind_or_late_is_dropped_before_any_key_is_used(data):
    assert codec.speaking_host(data, 5) is None


@given(st.binary(max_size=1500))
def test_noise_is_no_mtcalive(data):
    host = codec.speaking_host(data, 5)
    assert host is None or codec.genuine_payload(data, REQUEST, KEY) is None


@given(st.text(max_size=255))
def test_the_agent_keeps_to_the_size_whatever_the_test_is_called(name):
    data = encode(replace(ALIVE, goenabled_failed=name))
    assert len(data) <= MTCALIVE_MAX_BYTES
    assert codec_for(MtcAlive).decode(data, "alive").boot_id == "boot-1"


@pytest.mark.parametrize("payload", [b"[1]", b"{", b"\xff", b"7", b"[" * MTCALIVE_MAX_BYTES])
def test_a_host_that_sends_anything_else_is_not_passed_on(payload):
    assert alive_line(HOST, payload) == b""


@pytest.fixture
def note(tmp_path):
    made = AliveNote(tmp_path / "alive.sock")
    yield made
    made.close()


@pytest.fixture
def beacon(tmp_path):
    made = Beacon(str(tmp_path / "alive.sock"), 0.05, lambda: ALIVE)
    yield made
    made.stop()


def test_each_sender_gets_the_newest_note_once_and_while_it_is_fresh(note, beacon):
    assert note.due("10.0.0.1", 0) is None
    beacon.say(ALIVE)
    beacon.say(replace(ALIVE, sequence=8))
    note.on_readable(1_000)
    assert json.loads(note.due("10.0.0.1", 1_000))["sequence"] == 8
    assert note.due("10.0.0.1", 1_100) is None
    assert note.due("10.0.0.2", 1_100) is not None
    assert note.due("10.0.0.3", 1_001 + FRESH_MS) is None


def test_long_note_is_not_kept(note, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.sendto(b"x" * (MTCALIVE_MAX_BYTES + 1), str(tmp_path / "alive.sock"))
    note.on_readable(0)
    assert note.due("10.0.0.1", 0) is None


def test_a_beacon_speaks_by_itself_and_outlives_a_daemon_that_is_away(note, beacon, tmp_path):
    note.close()
    beacon.start()
    again = AliveNote(tmp_path / "alive.sock")
    again.sock.setblocking(True)
    again.sock.settimeout(10)
    assert json.loads(again.sock.recv(2_000))["host_uuid"] == HOST
    again.close()


@pytest.fixture
def free_ports():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one, socket.socket(socket.AF_INET,
                                                                                socket.SOCK_DGRAM) as two:
        one.bind(("", 0))
        two.bind(("", 0))
        return one.getsockname()[1], two.getsockname()[1]


def received(sock, read, now_ms):
    """Call ``read`` when a datagram waits at ``sock``."""
    sock.setblocking(True)
    sock.settimeout(10)
    sock.recvfrom(2_000, socket.MSG_PEEK)
    sock.setblocking(False)
    read(now_ms, 10)


def test_from_the_agent_to_the_line_for_the_conductor(note, beacon, free_ports, monkeypatch):
    link = Link("cluster-host", "lo", *free_ports)
    asking = Sender((link,), "127.0.0.1", CLUSTER_KEY, Detector(1_000, Thresholds()))
    answering = Responder(link, GROUP, Identity(uuid.UUID(HOST).bytes, "worker-0", KEY), note)
    answering.check_membership()
    asking.watch(Watch(HOST, "worker-0", ("cluster-host",), 1))
    beam = asking.beams[0]
    tries = []
    genuine = codec.genuine_payload
    monkeypatch.setattr(sender.codec, "genuine_payload", lambda *args: tries.append(1) or genuine(*args))
    try:
        beacon.say(ALIVE)
        note.on_readable(0)
        beam.pulse(1_000)
        received(answering.sock, answering.on_readable, 1_000)
        received(beam.sock, beam.on_readable, 1_001)
        received(answering.asking, answering.on_reply, 1_001)
        assert answering.answered == 0
        beam.pulse(2_000)
        received(answering.sock, answering.on_readable, 2_000)
        assert answering.answered == 1
        received(beam.sock, beam.on_readable, 2_001)
        taken = asking.take_alives()
        assert [alive.uuid for alive in taken] == [HOST]
        line = json.loads(alive_line(HOST, taken[0].payload))
        assert codec_for(MtcAlive).from_document(line["alive"]) == ALIVE
        assert asking.take_alives() == []
        # The same host once more in the same period: its signature is not even looked at.
        for _ in range(50):
            sockets.send(answering.asking, signed(request=beam.request), ("127.0.0.1", link.answer_port))
        beam.on_readable(2_002)
        assert (asking.take_alives(), len(tries)) == ([], 1)
        beam.pulse(3_000)
        for _ in range(50):
            sockets.send(answering.asking, signed(request=beam.request, key=b"k" * 32),
                         ("127.0.0.1", link.answer_port))
        beam.on_readable(3_001)
        assert (asking.take_alives(), len(tries)) == ([], 1 + sender.ALIVE_TRIES_MAX)
    finally:
        asking.close()
        answering.close()


def test_sockets_take_datagrams_from_the_interface_of_their_network_only(free_ports, monkeypatch):
    confined = []
    monkeypatch.setattr(sockets, "confine", lambda sock, interface: confined.append((sock, interface)))
    link = Link("mgmt", "lo", *free_ports)
    responder = Responder(link, "239.1.1.2", Identity(b"\0" * 16, "worker-0", b"k" * 32))
    beam = Beam(link, "239.1.1.2", b"k" * 32)
    try:
        responder.check_membership()
        beam.pulse(1)
        assert confined == [(responder.sock, "lo"), (beam.sock, "lo")]
    finally:
        responder.close()
        beam.sock.close()

# SPDX-License-Identifier: Apache-2.0
"""What a host's sockets let through to the decision, and how much of it."""
import os
import socket
import uuid

import pytest

from mtce.contract import pulsekey
from mtce.core.pulse import Pulser
from mtce.heartbeat import codec, sockets
from mtce.heartbeat.responder import Identity, Responder
from mtce.heartbeat.settings import Link

CLUSTER_KEY = bytes(range(32))
HOST_ID = uuid.uuid4().bytes
HOST = "127.0.0.1"


def udp(address="", port=0):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    sock.bind((address, port))
    return sock


@pytest.fixture
def link():
    with udp() as one, udp() as two:
        return Link("mgmt", "lo", one.getsockname()[1], two.getsockname()[1])


@pytest.fixture
def host(link):
    identity = Identity(HOST_ID, "worker-0", pulsekey.derive(CLUSTER_KEY, "worker-0"))
    made = Responder(link, "239.1.1.2", identity)
    made.check_membership()
    yield made
    made.close()


@pytest.fixture
def somebody(link):
    with udp(HOST, link.answer_port) as sock:
        yield sock


def send(sock, link, count=1, value=b"n" * 16, network="mgmt"):
    for _ in range(count):
        sock.sendto(codec.encode_request(codec.Request(network, 1, value)), (HOST, link.request_port))


def test_stranger_gets_one_question(host, link, somebody):
    send(somebody, link, 5)
    assert host.on_readable(1_000, 100) == 5
    (data,) = [data for data, _ in sockets.drain(somebody)]
    question = codec.decode_question(data)
    assert (question.network, question.hostname, question.address) == ("mgmt", "worker-0", socket.inet_aton(HOST))
    assert host.answered == 0


def test_what_came_by_another_interface_or_for_another_network_is_dropped(host, link, somebody, monkeypatch):
    send(somebody, link, network="cluster-host")
    host.on_readable(1_000, 100)
    monkeypatch.setattr(sockets, "interface_index", lambda _: 7_777)
    monkeypatch.setattr(sockets, "join", lambda *_: None)
    host.check_membership()
    send(somebody, link)
    host.on_readable(2_000, 100)
    assert list(sockets.drain(somebody)) == []


def test_no_more_is_read_than_allowed(host, link, somebody):
    send(somebody, link, 50)
    assert [host.on_readable(1_000, most) for most in (20, 20, 20)] == [20, 20, 10]
    for _ in range(5):
        somebody.sendto(b"x" * codec.REPLY_BYTES, (HOST, host.asking.getsockname()[1]))
    assert [host.on_reply(1_000, 3), host.on_reply(1_000, 3)] == [3, 2]


def test_sender_is_known_only_by_a_reply_from_the_address_that_was_asked(host, link, somebody):
    key = pulsekey.derive(CLUSTER_KEY, "worker-0")
    pulser = Pulser("mgmt", os.urandom, 64)

    def pulse(now_ms):
        slot, value = pulser.pulse(now_ms)
        somebody.sendto(codec.encode_request(codec.Request("mgmt", slot, value)), (HOST, link.request_port))
        host.on_readable(now_ms, 100)
        return [data for data, _ in sockets.drain(somebody)]

    (data,) = pulse(1_000)
    question, where = codec.decode_question(data), (HOST, host.asking.getsockname()[1])
    reply = codec.encode_reply(question, pulser.standing(1_001), key)
    with udp("127.0.0.2") as other:
        other.sendto(reply, where)
    host.on_reply(1_002, 100)
    assert {data[:4] for data in pulse(1_100)} == {b"FPqs"}
    somebody.sendto(reply, where)
    host.on_reply(1_102, 100)
    (answer,) = pulse(1_200)
    assert codec.answering_host(answer, pulser.standing(1_200).slot + 1) == HOST_ID

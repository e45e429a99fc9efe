# SPDX-License-Identifier: Apache-2.0
import uuid
from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis import given

from mtce.contract import pulsekey
from mtce.core.pulse import Standing
from mtce.heartbeat import codec

HOST = uuid.UUID("2f1c1d7e-0000-4000-8000-000000000001")
KEY = bytes(range(32))
QUESTION = codec.Question("mgmt", b"q" * 16, bytes([10, 0, 0, 1]), "worker-0")
STANDING = Standing(2**40, b"v" * 16, 7)


def request(network="mgmt", sequence=5, nonce=b"n" * 16):
    return codec.Request(network, sequence, nonce)


@given(st.sampled_from(codec.NETWORKS), st.integers(0, 2**64 - 1), st.binary(min_size=16, max_size=16))
def test_request_round_trip(network, sequence, nonce):
    sent = codec.Request(network, sequence, nonce)
    assert codec.decode_request(codec.encode_request(sent)) == sent


@given(st.binary(max_size=200))
def test_noise_is_no_message(data):
    assert codec.decode_request(data) is None
    assert codec.answering_host(data, 5) is None
    assert codec.decode_question(data) is None
    assert codec.genuine_reply(data, QUESTION, KEY) is None


def test_genuine_answer():
    answer = codec.encode_answer(request(), HOST.bytes, KEY)
    assert codec.answering_host(answer, 5) == HOST.bytes
    assert codec.is_genuine(answer, request(), KEY)
    assert len(answer) == codec.ANSWER_BYTES


@pytest.mark.parametrize("other", [request(network="cluster-host"), request(nonce=b"m" * 16)])
def test_answer_to_another_request_is_not_genuine(other):
    answer = codec.encode_answer(other, HOST.bytes, KEY)
    assert codec.answering_host(answer, 5) == HOST.bytes
    assert not codec.is_genuine(answer, request(), KEY)


def test_answer_to_an_earlier_sequence_does_not_count():
    assert codec.answering_host(codec.encode_answer(request(sequence=4), HOST.bytes, KEY), 5) is None


@given(st.integers(0, codec.ANSWER_BYTES - 1), st.integers(1, 255))
def test_any_changed_byte_is_noticed(position, change):
    answer = bytearray(codec.encode_answer(request(), HOST.bytes, KEY))
    answer[position] ^= change
    data = bytes(answer)
    assert codec.answering_host(data, 5) != HOST.bytes or not codec.is_genuine(data, request(), KEY)


def test_another_hosts_key_does_not_sign_for_this_host():
    other = pulsekey.derive(KEY, "worker-1")
    mine = pulsekey.derive(KEY, "worker-0")
    assert not codec.is_genuine(codec.encode_answer(request(), HOST.bytes, other), request(), mine)


@given(st.sampled_from(codec.NETWORKS), st.binary(min_size=16, max_size=16), st.binary(min_size=4, max_size=4),
       st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=63))
def test_question_round_trip(network, nonce, address, hostname):
    sent = codec.Question(network, nonce, address, hostname)
    assert codec.decode_question(codec.encode_question(sent)) == sent


@pytest.mark.parametrize("data", [
    codec.encode_question(replace(QUESTION, hostname="")), codec.encode_question(replace(QUESTION, hostname="h" * 256)),
    codec.encode_question(QUESTION) + b"\xff", codec.encode_question(QUESTION).replace(b"FPqs\x02", b"FPqs\x01")])
def test_question_out_of_bounds_is_none(data):
    assert codec.decode_question(data) is None


def test_genuine_reply_is_read():
    data = codec.encode_reply(QUESTION, STANDING, KEY)
    assert (len(data), codec.genuine_reply(data, QUESTION, KEY)) == (codec.REPLY_BYTES, STANDING)
    assert codec.genuine_reply(codec.encode_reply(QUESTION, replace(STANDING, age=10**6), KEY), QUESTION,
                               KEY) == replace(STANDING, age=0xFFFF)


@pytest.mark.parametrize("other", [
    replace(QUESTION, network="cluster-host"), replace(QUESTION, nonce=b"p" * 16),
    replace(QUESTION, address=bytes([10, 0, 0, 2]))])
def test_reply_to_another_question_is_not_genuine(other):
    assert codec.genuine_reply(codec.encode_reply(other, STANDING, KEY), QUESTION, KEY) is None


def test_reply_for_another_host_is_not_genuine():
    assert codec.genuine_reply(codec.encode_reply(QUESTION, STANDING, pulsekey.derive(KEY, "worker-1")), QUESTION,
                               pulsekey.derive(KEY, "worker-0")) is None


@given(st.integers(0, codec.REPLY_BYTES - 1), st.integers(1, 255))
def test_any_changed_byte_of_a_reply_is_noticed(position, change):
    data = bytearray(codec.encode_reply(QUESTION, STANDING, KEY))
    data[position] ^= change
    assert codec.genuine_reply(bytes(data), QUESTION, KEY) is None

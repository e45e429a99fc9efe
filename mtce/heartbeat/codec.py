# SPDX-License-Identifier: Apache-2.0
"""Pulse datagrams: a request with a value of the sender's chain, and an answer signed over it with the host's key.

An mtcAlive over cluster-host has the same form: the JSON of the host's agent, signed like an answer.

A request has no signature: only its sender can know a later value of its chain (``mtce.core.pulse``). An answer is
valid only for the sender's present pulse, so replaying a recorded one has no effect. A host that does not know a
sender's chain asks that sender, and the reply is signed with the host's key over the host's nonce.
"""
from __future__ import annotations

import hmac
import struct
from dataclasses import dataclass

from mtce.contract.records import MTCALIVE_MAX_BYTES
from mtce.core.pulse import Standing

NETWORKS = ("mgmt", "cluster-host")
NONCE_BYTES = 16
DIGEST_BYTES = 32
ADDRESS_BYTES = 4
HOSTNAME_MAX_BYTES = 255
_REQUEST = struct.Struct("!4sBBHQ16s")
_ANSWER = struct.Struct("!4sBBHQ16s")
_REQUEST_MAGIC, _ANSWER_MAGIC, _ALIVE_MAGIC, _QUESTION_MAGIC, _REPLY_MAGIC = b"FPrq", b"FPrs", b"FPal", b"FPqs", b"FPst"
VERSION = 2
REQUEST_BYTES = _REQUEST.size
ANSWER_BYTES = _ANSWER.size + DIGEST_BYTES
ALIVE_BYTES_MAX = _ANSWER.size + MTCALIVE_MAX_BYTES + DIGEST_BYTES
REPLY_BYTES = _REQUEST.size + DIGEST_BYTES


@dataclass(frozen=True, slots=True)
class Request:
    """One pulse: ``sequence`` is its slot in the sender's chain, ``nonce`` the value of that slot (16 bytes)."""

    network: str
    sequence: int
    nonce: bytes


@dataclass(frozen=True, slots=True)
class Question:
    """A host's question where the sender at ``address`` (4 bytes, IPv4) stands; ``nonce`` is 16 random bytes."""

    network: str
    nonce: bytes
    address: bytes
    hostname: str


def encode_request(request: Request) -> bytes:
    """Return the datagram of a request."""
    return _REQUEST.pack(_REQUEST_MAGIC, VERSION, NETWORKS.index(request.network), 0, request.sequence, request.nonce)


def decode_request(data: bytes) -> Request | None:
    """Return the request in ``data``; None for anything else."""
    if len(data) != REQUEST_BYTES:
        return None
    magic, version, network, _, sequence, nonce = _REQUEST.unpack(data)
    if magic != _REQUEST_MAGIC or version != VERSION or network >= len(NETWORKS):
        return None
    return Request(NETWORKS[network], sequence, nonce)


def encode_answer(request: Request, host_id: bytes, key: bytes, flags: int = 0) -> bytes:
    """Return the signed answer of the host with the 16 bytes ``host_id`` (its UUID)."""
    head = _ANSWER.pack(_ANSWER_MAGIC, VERSION, NETWORKS.index(request.network), flags, request.sequence, host_id)
    return head + hmac.digest(key, head + request.nonce, "sha256")


def answering_host(data: bytes, sequence: int) -> bytes | None:
    """Return the host id of a well-formed answer to ``sequence``, signature unchecked; None for anything else."""
    if len(data) != ANSWER_BYTES:
        return None
    magic, version, _, _, answered, host_id = _ANSWER.unpack_from(data)
    if magic != _ANSWER_MAGIC or version != VERSION or answered != sequence:
        return None
    return bytes(host_id)


def encode_alive(request: Request, host_id: bytes, key: bytes, payload: bytes) -> bytes:
    """Return the signed mtcAlive of host ``host_id`` (16 bytes); ``payload`` is JSON, at most MTCALIVE_MAX_BYTES."""
    network = NETWORKS.index(request.network)
    body = _ANSWER.pack(_ALIVE_MAGIC, VERSION, network, 0, request.sequence, host_id) + payload
    return body + hmac.digest(key, body + request.nonce, "sha256")


def speaking_host(data: bytes, sequence: int) -> bytes | None:
    """Return the host id of a well-formed mtcAlive for ``sequence``, signature unchecked; None for anything else."""
    if not _ANSWER.size + DIGEST_BYTES < len(data) <= ALIVE_BYTES_MAX:
        return None
    magic, version, _, _, answered, host_id = _ANSWER.unpack_from(data)
    if magic != _ALIVE_MAGIC or version != VERSION or answered != sequence:
        return None
    return bytes(host_id)


def genuine_payload(data: bytes, request: Request, key: bytes) -> bytes | None:
    """Return the JSON of a well-formed mtcAlive if ``key`` signed it for this request and network, else None."""
    body, digest = data[:-DIGEST_BYTES], data[-DIGEST_BYTES:]
    if data[5] != NETWORKS.index(request.network):
        return None
    genuine = hmac.compare_digest(digest, hmac.digest(key, body + request.nonce, "sha256"))
    return body[_ANSWER.size:] if genuine else None


def is_genuine(data: bytes, request: Request, key: bytes) -> bool:
    """Whether ``key`` signed a well-formed answer for exactly this request and network."""
    if data[5] != NETWORKS.index(request.network):
        return False
    head = data[:_ANSWER.size]
    return hmac.compare_digest(data[_ANSWER.size:], hmac.digest(key, head + request.nonce, "sha256"))


def encode_question(question: Question) -> bytes:
    """Return the datagram of a question."""
    head = _REQUEST.pack(_QUESTION_MAGIC, VERSION, NETWORKS.index(question.network), 0, 0, question.nonce)
    return head + question.address + question.hostname.encode()


def decode_question(data: bytes) -> Question | None:
    """Return the question in ``data``; None for anything else."""
    start = _REQUEST.size + ADDRESS_BYTES
    if not start < len(data) <= start + HOSTNAME_MAX_BYTES:
        return None
    magic, version, network, _, _, nonce = _REQUEST.unpack_from(data)
    if magic != _QUESTION_MAGIC or version != VERSION or network >= len(NETWORKS):
        return None
    try:
        hostname = data[start:].decode()
    except UnicodeDecodeError:
        return None
    return Question(NETWORKS[network], nonce, data[_REQUEST.size:start], hostname)


def encode_reply(question: Question, standing: Standing, key: bytes) -> bytes:
    """Return the reply to a question, signed with the key of the host that asked."""
    age = min(standing.age, 0xFFFF)
    head = _REQUEST.pack(_REPLY_MAGIC, VERSION, NETWORKS.index(question.network), age, standing.slot, standing.value)
    return head + hmac.digest(key, head + question.nonce + question.address, "sha256")


def genuine_reply(data: bytes, question: Question, key: bytes) -> Standing | None:
    """Return where the sender stands if ``data`` is the reply to exactly this question, else None."""
    if len(data) != REPLY_BYTES:
        return None
    magic, version, network, age, slot, value = _REQUEST.unpack_from(data)
    if magic != _REPLY_MAGIC or version != VERSION or network != NETWORKS.index(question.network):
        return None
    head, digest = data[:_REQUEST.size], data[_REQUEST.size:]
    if not hmac.compare_digest(digest, hmac.digest(key, head + question.nonce + question.address, "sha256")):
        return None
    return Standing(slot, value, age)

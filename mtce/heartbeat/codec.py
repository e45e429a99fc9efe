# SPDX-License-Identifier: Apache-2.0
"""Pulse datagrams: a request with a fresh nonce, and an answer signed over that nonce with the host's key.

An mtcAlive over cluster-host has the same form: the JSON of the host's agent, signed like an answer.

A request needs no signature: a forged one only yields an answer to a nonce that no real sender chose. An answer is
valid only for the sender's present sequence and nonce, so replaying a recorded one has no effect.
"""
from __future__ import annotations

import hmac
import struct
from dataclasses import dataclass

from mtce.contract.records import MTCALIVE_MAX_BYTES

NETWORKS = ("mgmt", "cluster-host")
NONCE_BYTES = 16
DIGEST_BYTES = 32
_REQUEST = struct.Struct("!4sBBHQ16s")
_ANSWER = struct.Struct("!4sBBHQ16s")
_REQUEST_MAGIC, _ANSWER_MAGIC, _ALIVE_MAGIC, VERSION = b"FPrq", b"FPrs", b"FPal", 1
REQUEST_BYTES = _REQUEST.size
ANSWER_BYTES = _ANSWER.size + DIGEST_BYTES
ALIVE_BYTES_MAX = _ANSWER.size + MTCALIVE_MAX_BYTES + DIGEST_BYTES


@dataclass(frozen=True, slots=True)
class Request:
    """One pulse: ``sequence`` is unsigned 64 bit, ``nonce`` 16 random bytes."""

    network: str
    sequence: int
    nonce: bytes


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

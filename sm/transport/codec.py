# SPDX-License-Identifier: Apache-2.0
"""Datagrams: a header, a beat as JSON (compressed where that is shorter), and an HMAC-SHA-512 over both.

Layout, network byte order: ``SM``, version (u8), number of the key (u8), flags (u8), 0 (u8), length of all (u16),
sequence (u64); the body; the digest (64 bytes).
"""
from __future__ import annotations

import enum
import hmac
import struct
import zlib
from collections.abc import Mapping

from flock.core.codec import codec_for
from flock.core.errors import InvalidInput
from sm.contract.messages import Beat
from sm.transport.settings import DATAGRAM_MAX

MAGIC, VERSION = b"SM", 1
DIGEST_BYTES = 64
BODY_MAX_BYTES = 256 * 1024
"""The most that a body may have when it is not compressed."""
COMPRESSED = 0x01
_COMPRESS_FROM_BYTES = 900
_HEADER = struct.Struct("!2sBBBBHQ")
HEADER_BYTES = _HEADER.size
OVERHEAD_BYTES = HEADER_BYTES + DIGEST_BYTES
_BEATS = codec_for(Beat)


class Refusal(enum.StrEnum):
    """Why a datagram is not taken; one counter per path and reason."""

    STRANGER = "stranger"
    LENGTH = "length"
    MAGIC = "magic"
    VERSION = "version"
    KEY = "key"
    DIGEST = "digest"
    BODY = "body"
    SENDER = "sender"
    REPLAYED = "replayed"
    LATE = "late"
    GREETED = "greeted"


def encode(beat: Beat) -> tuple[bytes, int]:
    """The body of a beat and its flags."""
    plain = _BEATS.encode(beat, "beat")
    if len(plain) > BODY_MAX_BYTES:
        raise InvalidInput(field="beat", rule=f"at most {BODY_MAX_BYTES} bytes, not {len(plain)}")
    if len(plain) < _COMPRESS_FROM_BYTES:
        return plain, 0
    return zlib.compress(plain, 1), COMPRESSED


def seal(body: bytes, flags: int, sequence: int, number: int, key: bytes) -> bytes:
    """The datagram of a body, signed with the key of that number."""
    length = OVERHEAD_BYTES + len(body)
    signed = _HEADER.pack(MAGIC, VERSION, number, flags, 0, length, sequence) + body
    return signed + hmac.digest(key, signed, "sha512")


def opened(data: bytes, keys: Mapping[int, bytes]) -> tuple[bytes, int, int] | Refusal:
    """Body, flags and sequence of a datagram that one of ``keys``, by number, signed.

    Nothing in a datagram can do without the digest. Any bytes may come.
    """
    if not OVERHEAD_BYTES < len(data) <= DATAGRAM_MAX:
        return Refusal.LENGTH
    magic, version, number, flags, reserved, length, sequence = _HEADER.unpack_from(data)
    if magic != MAGIC:
        return Refusal.MAGIC
    if version != VERSION or flags & ~COMPRESSED or reserved:
        return Refusal.VERSION
    if length != len(data):
        return Refusal.LENGTH
    key = keys.get(number)
    if key is None:
        return Refusal.KEY
    signed = data[:-DIGEST_BYTES]
    if not hmac.compare_digest(data[-DIGEST_BYTES:], hmac.digest(key, signed, "sha512")):
        return Refusal.DIGEST
    return signed[HEADER_BYTES:], flags, sequence


def decode(body: bytes, flags: int) -> Beat | Refusal:
    """The beat in the body of an opened datagram."""
    try:
        plain = _inflated(body) if flags & COMPRESSED else body
        beat: Beat = _BEATS.decode(plain, "beat")
    except (InvalidInput, zlib.error, ValueError):
        return Refusal.BODY
    return beat


def _inflated(body: bytes) -> bytes:
    inflater = zlib.decompressobj()
    plain = inflater.decompress(body, BODY_MAX_BYTES)
    if not inflater.eof or inflater.unused_data:
        raise ValueError("body: must be one compressed text of at most BODY_MAX_BYTES")
    return plain

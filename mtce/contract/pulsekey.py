# SPDX-License-Identifier: Apache-2.0
"""Keys that sign heartbeat pulses: one cluster key on controllers, one derived key per host everywhere else.

A key file holds one line: ``cluster:<64 hex digits>`` or ``host:<64 hex digits>``.
"""
from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid as uuid_module

KEY_BYTES = 32
_PURPOSE = b"flock heartbeat pulse key 1 "


def new_cluster_line() -> str:
    """A fresh random cluster key as key file text."""
    return f"cluster:{secrets.token_hex(KEY_BYTES)}\n"


def derive(cluster_key: bytes, host_uuid: str) -> bytes:
    """The 32-byte key of one host; ValueError when ``host_uuid`` is not a UUID."""
    return hmac.digest(cluster_key, _PURPOSE + uuid_module.UUID(host_uuid).bytes, hashlib.sha256)


def parse(text: str) -> tuple[str, bytes]:
    """``(kind, key)`` of a key file's text; ValueError names what is wrong, never the key."""
    kind, _, digits = text.strip().partition(":")
    if kind not in ("cluster", "host"):
        raise ValueError("heartbeat key: the line must begin with cluster: or host:")
    try:
        key = bytes.fromhex(digits)
    except ValueError:
        raise ValueError("heartbeat key: must be hexadecimal digits") from None
    if len(key) != KEY_BYTES:
        raise ValueError(f"heartbeat key: must have {KEY_BYTES} bytes")
    return kind, key


def host_line(cluster_text: str, host_uuid: str) -> str:
    """Key file text for one host, made from a controller's; ValueError when the source is no cluster key."""
    kind, key = parse(cluster_text)
    if kind != "cluster":
        raise ValueError("heartbeat key: only a cluster key can be derived from")
    return f"host:{derive(key, host_uuid).hex()}\n"


def key_of(text: str, host_uuid: str) -> bytes:
    """The key of ``host_uuid`` itself from either kind of key file."""
    kind, key = parse(text)
    return derive(key, host_uuid) if kind == "cluster" else key

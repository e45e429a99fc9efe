# SPDX-License-Identifier: Apache-2.0
"""Keys that sign heartbeat pulses: the cluster key where pulses are sent, one derived key per host everywhere else.

A key file holds one line of 64 hexadecimal digits.
"""
from __future__ import annotations

import hashlib
import hmac

KEY_BYTES = 32
_PURPOSE = b"heartbeat:"


def derive(cluster_key: bytes, hostname: str) -> bytes:
    """The 32-byte key of one host; who has it learns nothing of the cluster's or another host's."""
    return hmac.digest(cluster_key, _PURPOSE + hostname.encode(), hashlib.sha256)


def parse(text: str) -> bytes:
    """The key in a key file's text; ValueError says what is wrong, never the key."""
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        raise ValueError("heartbeat key: must be hexadecimal digits") from None
    if len(key) != KEY_BYTES:
        raise ValueError(f"heartbeat key: must have {KEY_BYTES} bytes")
    return key

# SPDX-License-Identifier: Apache-2.0
"""Keys that sign heartbeat pulses: the cluster key on senders (controllers), a key derived from it on other hosts.

A key file holds one line of 64 hexadecimal digits.
"""
from __future__ import annotations

import hashlib
import hmac

KEY_BYTES = 32
_PURPOSE = b"heartbeat:"


def derive(cluster_key: bytes, hostname: str) -> bytes:
    """Return the 32-byte key of one host; it reveals neither the cluster key nor another host's key."""
    return hmac.digest(cluster_key, _PURPOSE + hostname.encode(), hashlib.sha256)


def parse(text: str) -> bytes:
    """Return the key in a key file's text; ValueError names the fault and never contains the key."""
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        raise ValueError("heartbeat key: must be hexadecimal digits") from None
    if len(key) != KEY_BYTES:
        raise ValueError(f"heartbeat key: must have {KEY_BYTES} bytes")
    return key

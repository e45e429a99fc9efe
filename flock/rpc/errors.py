# SPDX-License-Identifier: Apache-2.0
"""Errors of the bus itself."""
from __future__ import annotations

from flock.core.errors import FlockError


class VersionMismatch(FlockError):
    """Client and server have incompatible versions of an interface."""

    code, http, text = "flock.rpc.version_mismatch", 500, "{detail}"


class Undecodable(FlockError):
    """A peer's message cannot be decoded: the peer runs another release, or the message is damaged. No refusal."""

    code, http, text = "flock.rpc.undecodable", 502, "A message cannot be read: {field} {rule}"

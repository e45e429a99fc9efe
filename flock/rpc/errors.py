# SPDX-License-Identifier: Apache-2.0
"""Errors of the bus itself."""
from __future__ import annotations

from flock.core.errors import FlockError


class VersionMismatch(FlockError):
    """The two sides of an interface do not fit together."""

    code, http, text = "flock.rpc.version_mismatch", 500, "{detail}"


class Undecodable(FlockError):
    """What the other side sent cannot be read here: it is another release, or damaged. Nothing was refused."""

    code, http, text = "flock.rpc.undecodable", 502, "A message cannot be read: {field} {rule}"

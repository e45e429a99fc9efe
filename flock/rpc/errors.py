# SPDX-License-Identifier: Apache-2.0
"""Errors of the bus itself."""
from __future__ import annotations

from flock.core.errors import FlockError


class VersionMismatch(FlockError):
    """The two sides of an interface do not fit together."""

    code, http, text = "flock.rpc.version_mismatch", 500, "{detail}"

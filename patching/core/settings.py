# SPDX-License-Identifier: Apache-2.0
"""Limits on which decisions depend."""
from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """``precheck_valid_ms``: for how long a precheck counts. ``install_timeout_ms``: after that time without a result
    an installation counts as failed."""

    precheck_valid_ms: int = 300_000
    install_timeout_ms: int = 3_600_000

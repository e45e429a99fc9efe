# SPDX-License-Identifier: Apache-2.0
"""A change of a list that belongs to an object: a member is added or removed."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Member:
    """One change: ``value`` names the member, ``more`` has what else the request says about it."""

    adds: bool
    value: str
    more: Mapping[str, str] = field(default_factory=dict)

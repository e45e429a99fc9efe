# SPDX-License-Identifier: Apache-2.0
"""``nodes``: the controllers."""
from __future__ import annotations

from sm.contract.lists import Node

__all__ = ["Node"]

# SPDX-License-Identifier: Apache-2.0
"""``servicenodes``: the controllers as service management sees them."""
from __future__ import annotations

from sm.contract.lists import Node

__all__ = ["Node"]

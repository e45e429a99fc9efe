# SPDX-License-Identifier: Apache-2.0
"""``services``: the services of the active controller."""
from __future__ import annotations

from sm.contract.lists import Service

__all__ = ["Service"]

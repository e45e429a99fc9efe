# SPDX-License-Identifier: Apache-2.0
"""How other services raise and clear alarms: ``Raiser(transport, spool_dir)``."""
from __future__ import annotations

from fm.raiser.api import Raiser

__all__ = ["Raiser"]

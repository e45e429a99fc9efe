# SPDX-License-Identifier: Apache-2.0
"""The host state machine: one pure ``step`` and one module per action. No clock, no I/O, no randomness here."""
from __future__ import annotations

from mtce.core.fsm.machine import step

__all__ = ["step"]

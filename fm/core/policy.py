# SPDX-License-Identifier: Apache-2.0
"""The operator's settings for the life of alarms: hold-off, flapping, events of unchanged sets."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fm.core.flapping import FlapLimits


@dataclass(frozen=True, slots=True)
class LifePolicy:
    """Hold-off in seconds by alarm id. Changes of other ids take effect at once; ``flaps`` names the watched ids."""

    log_unchanged: bool = False
    raise_hold_off_s: Mapping[str, int] = field(default_factory=dict)
    clear_hold_off_s: Mapping[str, int] = field(default_factory=dict)
    flaps: FlapLimits = field(default_factory=FlapLimits)


PLAIN = LifePolicy()

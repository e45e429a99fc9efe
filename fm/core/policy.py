# SPDX-License-Identifier: Apache-2.0
"""What an operator settles about the life of alarms: hold-off, flapping, events of unchanged sets."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fm.core.flapping import FlapLimits


@dataclass(frozen=True, slots=True)
class LifePolicy:
    """Seconds by alarm id; an id that is not named takes effect at once and is not watched."""

    log_unchanged: bool = False
    raise_hold_off_s: Mapping[str, int] = field(default_factory=dict)
    clear_hold_off_s: Mapping[str, int] = field(default_factory=dict)
    flaps: FlapLimits = field(default_factory=FlapLimits)


PLAIN = LifePolicy()

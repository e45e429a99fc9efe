# SPDX-License-Identifier: Apache-2.0
"""Dead office recovery: after a power failure of the whole site, a controller is up before hosts that boot more slowly.

Meanwhile mtce does not strike a host that it has not heard since the controller booted (``mtce.core.strike``); it
monitors hosts that are up as usual.
"""
from __future__ import annotations

from mtce.core.settings import Settings


def is_on(controller_uptime_s: float, hosts: int, settings: Settings) -> bool:
    """Whether hosts may still be booting: the controller's own boot is recent, measured with a margin per host.

    ``hosts`` counts the unlocked hosts. The rule stores nothing, so a restart of the conductor neither starts nor ends
    the wait.
    """
    limit_ms = settings.dead_office_ms + hosts * settings.dead_office_per_host_ms
    return controller_uptime_s * 1000 < limit_ms

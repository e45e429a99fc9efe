# SPDX-License-Identifier: Apache-2.0
"""Dead office recovery: the whole site lost its power, and a controller is up before the hosts that boot more slowly.

While it lasts, a host that was not heard since the controller booted is not struck (``mtce.core.strike``); hosts that
are up already are watched as ever.
"""
from __future__ import annotations

from mtce.core.settings import Settings


def is_on(controller_uptime_s: float, hosts: int, settings: Settings) -> bool:
    """Whether hosts may still be booting: the controller's own boot is recent, measured with a margin per host.

    ``hosts`` counts the unlocked hosts. The rule keeps nothing, so that a conductor that restarts neither begins the
    wait anew nor ends it.
    """
    limit_ms = settings.dead_office_ms + hosts * settings.dead_office_per_host_ms
    return controller_uptime_s * 1000 < limit_ms

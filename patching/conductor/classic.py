# SPDX-License-Identifier: Apache-2.0
"""Goes on with classic deployments, for which there is no verb: activates, completes and ends them."""
from __future__ import annotations

import logging
from collections.abc import Callable

from flock.core.errors import Refused
from patching.conductor.machine import Machine, Surroundings
from patching.core import classic

LOG = logging.getLogger(__name__)


class Onward:
    """``around``: what the inventory and the agents say now."""

    def __init__(self, machine: Machine, around: Callable[[], Surroundings]) -> None:
        self._machine, self._around = machine, around

    def go(self) -> None:
        """Take the next step, if one is due. One that is not possible yet (a host is locked) is tried again later.
        Unavailable: the inventory does not answer."""
        event = classic.onward(self._machine.store.load().view)
        if event is None:
            return
        try:
            self._machine.happen(event, self._around())
        except Refused as refusal:
            LOG.debug("the classic deployment waits: %s", refusal)

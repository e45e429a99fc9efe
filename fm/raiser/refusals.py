# SPDX-License-Identifier: Apache-2.0
"""Reports to fm-manager what a daemon refused of hosts; fm-manager keeps one alarm for each of them."""
from __future__ import annotations

from collections.abc import Callable, Collection

from flock import rpc
from flock.rpc import Transport
from fm.contract.rpc import BATCH_MAX, FmManager, Refusal

INTERVAL_S = 10.0


class RefusalReport:
    """``send`` is a periodic task with INTERVAL_S. ``hostnames()`` are the hosts that exist.

    Others are not reported.
    """

    def __init__(self, transport: Transport, hostnames: Callable[[], Collection[str]],
                 manager: FmManager | None = None) -> None:
        self._transport = transport
        self._hostnames = hostnames
        self._manager = manager or rpc.client(FmManager, transport)

    def send(self) -> None:
        """Report the counts since the last report; keeps them when fm-manager does not reply (its error).

        Also keeps them when ``hostnames`` fails (its error).
        """
        refusals = self._transport.gate.refusals
        left = refusals.take()
        try:
            existing = self._hostnames() if left else ()
            left = {name: refused for name, refused in left.items() if name in existing}
            while left:
                part = list(left)[:BATCH_MAX]
                self._manager.note_refusals(refusals=[Refusal(name, left[name].number, left[name].reason)
                                                      for name in part])
                left = {name: left[name] for name in left if name not in part}
        finally:
            refusals.give_back(left)

# SPDX-License-Identifier: Apache-2.0
"""Reports to fm-manager what a daemon refused of hosts; fm-manager keeps one alarm for each of them."""
from __future__ import annotations

from flock import rpc
from flock.rpc import Transport
from fm.contract.rpc import BATCH_MAX, FmManager, Refusal

INTERVAL_S = 10.0


class RefusalReport:
    """``send`` is a periodic task with INTERVAL_S."""

    def __init__(self, transport: Transport, manager: FmManager | None = None) -> None:
        self._transport = transport
        self._manager = manager or rpc.client(FmManager, transport)

    def send(self) -> None:
        """Report the counts since the last report; keeps them when fm-manager does not reply (its error)."""
        refusals = self._transport.gate.refusals
        taken = refusals.take()
        left = dict(taken)
        try:
            while left:
                part = list(left)[:BATCH_MAX]
                self._manager.note_refusals(refusals=[Refusal(name, left[name].number, left[name].reason)
                                                      for name in part])
                left = {name: left[name] for name in left if name not in part}
        finally:
            refusals.give_back(left)

# SPDX-License-Identifier: Apache-2.0
"""The one thread that carries spooled requests to the manager: in order, in batches, again and again until answered."""
from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from flock.core.errors import DeadlineExceeded, FlockError, Unavailable, from_wire
from fm.contract.rpc import BATCH_MAX, FaultRequest, FmManager
from fm.raiser import spool as spools
from fm.raiser.requests import from_record
from fm.raiser.spool import Chunk, Spool

LOG = logging.getLogger(__name__)
BACKOFF_MIN_S = 0.1
BACKOFF_MAX_S = 2.0
IDLE_WAIT_S = 5.0
REFUSALS_MAX = 5
OnRefused = Callable[[FaultRequest, FlockError], None]


class Delivery:
    """Delivers ``spool``, and first what ended processes left in other slots of ``parent``."""

    def __init__(self, spool: Spool, parent: Path, manager: Callable[[], FmManager], on_refused: OnRefused) -> None:
        self._spool = spool
        self._parent = parent
        self._manager = manager
        self._on_refused = on_refused
        self._stop = threading.Event()
        self._batch_max = BATCH_MAX
        self._backoff_s = BACKOFF_MIN_S
        self._refusals = 0
        self._thread = threading.Thread(target=self._run, name="fault-delivery", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """End the thread; what is undelivered stays in the spool."""
        self._stop.set()
        self._spool.wake()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        for left in spools.abandoned(self._parent, self._spool.directory, self._spool.limit_mib):
            while left.pending_bytes and not self._stop.is_set():
                self._deliver(left)
            left.close()
        while not self._stop.is_set():
            if self._spool.wait_for_records(IDLE_WAIT_S, self._stop.is_set):
                self._deliver(self._spool)

    def _deliver(self, spool: Spool) -> None:
        """One batch; when it fails, wait a little so that the caller may simply repeat."""
        chunk = spool.peek(self._batch_max)
        requests = [request for record in chunk.records if (request := from_record(record)) is not None]
        if not chunk.records:
            self._pause()
            return
        try:
            outcomes = self._manager().apply(requests=requests) if requests else []
        except (Unavailable, DeadlineExceeded) as error:
            LOG.debug("%d fault requests wait: %s", len(requests), error)
            if isinstance(error, DeadlineExceeded):
                self._batch_max = max(1, self._batch_max // 2)
            self._pause()
            return
        except FlockError as error:
            self._refused_whole(spool, chunk, requests, error)
            return
        except Exception:
            LOG.exception("delivering %d fault requests failed", len(requests))
            self._pause()
            return
        spool.delivered(chunk)
        self._recovered()
        for request, outcome in zip(requests, outcomes, strict=False):
            if outcome.error is not None:
                self._on_refused(request, from_wire(outcome.error))

    def _refused_whole(self, spool: Spool, chunk: Chunk, requests: list[FaultRequest], error: FlockError) -> None:
        """The manager refuses the call itself: find the culprit one by one and drop it after a few tries."""
        if len(requests) > 1:
            self._batch_max = 1
            return
        self._refusals += 1
        if self._refusals < REFUSALS_MAX:
            self._pause()
            return
        spool.delivered(chunk)
        self._recovered()
        for request in requests:
            self._on_refused(request, error)

    def _recovered(self) -> None:
        self._refusals = 0
        self._backoff_s = BACKOFF_MIN_S
        self._batch_max = min(BATCH_MAX, self._batch_max * 2)

    def _pause(self) -> None:
        self._stop.wait(self._backoff_s)
        self._backoff_s = min(BACKOFF_MAX_S, self._backoff_s * 2)


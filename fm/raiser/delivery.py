# SPDX-License-Identifier: Apache-2.0
"""The thread that delivers spooled requests to the manager: in order, in batches, retried until the manager answers."""
from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from flock.core.backoff import Backoff
from flock.core.errors import DeadlineExceeded, FlockError, RemoteError, Unavailable, from_wire
from flock.core.ids import new_uuid
from flock.jobs.worker import Worker
from flock.rpc.errors import Undecodable, VersionMismatch
from fm.contract.fault import AlarmKey
from fm.contract.rpc import BATCH_MAX, FaultOutcome, FaultRequest, FmManager
from fm.raiser import aside, slots
from fm.raiser.requests import from_record
from fm.raiser.slots import Turn
from fm.raiser.spool import Chunk, Spool

LOG = logging.getLogger(__name__)
BACKOFF_MIN_S = 0.1
BACKOFF_MAX_S = 1.0
IDLE_WAIT_S = 5.0
REFUSALS_MAX = 5
FAILURES_MAX = 20
PROOFS_MAX = 3
STUCK_S = 30.0
# A clear of an alarm that cannot exist: changes nothing and shows whether the manager can write.
PROBE = AlarmKey("000.000", "raiser=probe")
OnRefused = Callable[[FaultRequest, FlockError], None]


class Delivery:
    """Delivers ``spool`` and the queues that ended processes left in ``parent``, the oldest request first."""

    def __init__(self, spool: Spool, parent: Path, turn: Turn, manager: Callable[[], FmManager],
                 on_refused: OnRefused) -> None:
        self._spool = spool
        self._found_at_start = spool.appended
        self._parent = parent
        self._turn = turn
        self._manager = manager
        self._on_refused = on_refused
        self._inherited: list[Spool] = []
        self._first_pass_done = False
        self._moved_ns, self._still_since = 0, time.monotonic()
        self._batch_max = BATCH_MAX
        self._backoff = Backoff(BACKOFF_MIN_S, BACKOFF_MAX_S)
        self._pauses = 0
        self._refusals = 0
        self._proofs = 0
        self._mismatch_logged = False
        self._worker = Worker("fault-delivery", self._pass, self._backoff)
        self._worker.start()

    def stop(self, timeout_s: float) -> None:
        """Stop the thread; undelivered requests stay in the spool."""
        self._worker.leave()
        self._spool.wake()
        if self._worker.stop(timeout_s):
            for spool in self._inherited:
                spool.close()
            self._turn.close()

    def abandon(self) -> None:
        """Close the files in the child of a fork, which has no delivery thread. Leaves the parent's locks held."""
        for spool in (self._spool, *self._inherited):
            spool.abandon()
        self._turn.close()

    def settled(self, timeout_s: float) -> bool:
        """True when all requests spooled before this call, here or by ended processes, are delivered in time."""
        total = self._spool.appended
        return self._spool.wait_until(
            lambda: self._first_pass_done and not self._inherited and self._spool.done >= total, timeout_s)

    def backlog(self) -> tuple[int, int]:
        """``(requests, bytes)`` undelivered, including those taken over from ended processes."""
        spools = [self._spool, *self._inherited]
        return sum(spool.appended - spool.done for spool in spools), sum(spool.pending_bytes for spool in spools)

    def _pass(self) -> float:
        idle = self._first_pass_done and not self._turn.held
        self._spool.wait_for_records(IDLE_WAIT_S if idle else 0.0, lambda: self._worker.leaving)
        if self._may_deliver():
            self._deliver(*self._oldest())
        else:
            self._pause()
        return 0.0

    def _may_deliver(self) -> bool:
        """Take the turn and the queues of ended processes. False while another process delivers those queues."""
        if not self._turn.take():
            if not self._others_are_stuck():
                return False
        else:
            self._still_since = time.monotonic()
            self._inherit()
            if not self._inherited and self._spool.done >= self._found_at_start:
                self._turn.release()
        if not self._first_pass_done:
            self._first_pass_done = True
            self._spool.wake()
        return True

    def _inherit(self) -> None:
        """Open the queues that ended processes left; close those that are delivered."""
        drained = [spool for spool in self._inherited if not spool.pending_bytes]
        for spool in drained:
            self._inherited.remove(spool)
            spool.close()
        held = {spool.directory for spool in (self._spool, *self._inherited)}
        known = len(self._inherited)
        slots.abandoned(self._parent, held, self._spool.limit_mib, self._inherited)
        for spool in self._inherited[known:]:
            LOG.info("%d fault requests of an ended process are taken over from %s", spool.appended, spool.directory)
        if drained:
            self._spool.wake()

    def _others_are_stuck(self) -> bool:
        """True when the process that holds the turn delivered nothing for ``STUCK_S`` although the manager works."""
        moved_ns = slots.last_delivery_ns(self._parent)
        if moved_ns != self._moved_ns or not self._manager_works():
            self._moved_ns, self._still_since = moved_ns, time.monotonic()
        if time.monotonic() - self._still_since < STUCK_S:
            return False
        LOG.warning("requests of ended processes in %s wait for a process that does not deliver them", self._parent)
        return True

    def _oldest(self) -> tuple[Spool, Chunk]:
        """The queue whose first record is the oldest, and its records older than the first record of other queues."""
        heads = [(spool, chunk) for spool in (*self._inherited, self._spool)
                 if (chunk := spool.peek(self._batch_max)).records]
        if not heads:
            return self._spool, Chunk(0, ())
        heads.sort(key=lambda head: head[1].records[0].time_ms)
        spool, chunk = heads[0]
        if len(heads) > 1:
            until_ms = heads[1][1].records[0].time_ms
            chunk = chunk.first(max(1, _count_until(chunk, until_ms)))
        return spool, chunk

    def _deliver(self, spool: Spool, chunk: Chunk) -> None:
        """Deliver one batch; after a failure pause before returning, so that the caller can repeat at once."""
        if not chunk.records:
            return
        requests = [request for text in chunk.texts if (request := from_record(text)) is not None]
        if len(requests) < len(chunk.records):
            self._set_unreadable_aside(spool, chunk)
            return
        try:
            outcomes = self._manager().apply(requests=requests)
            if len(outcomes) != len(requests):
                raise Undecodable(field="answer of apply", rule=f"must hold {len(requests)} outcomes")
        except (Unavailable, DeadlineExceeded, VersionMismatch) as error:
            LOG.debug("%d fault requests wait: %s", len(requests), error)
            if isinstance(error, DeadlineExceeded):
                self._batch_max = max(1, self._batch_max // 2)
            self._pause()
            return
        except Exception as error:  # noqa: BLE001 - no error may lose spooled requests
            self._failed(spool, chunk, requests, error)
            return
        for text, request, outcome in zip(chunk.texts, requests, outcomes, strict=True):
            if outcome.error is not None:
                self._refused(spool, text, request, from_wire(outcome.error))
        spool.delivered(chunk)
        self._recovered()

    def _set_unreadable_aside(self, spool: Spool, chunk: Chunk) -> None:
        """Deliver the records before the first unreadable one; if there are none, make that one a dead letter.

        Drops a record that the disk damaged: its text is lost.
        """
        count = next(place for place, text in enumerate(chunk.texts) if from_record(text) is None)
        if count:
            self._deliver(spool, chunk.first(count))
            return
        first = chunk.first(1)
        if not first.texts[0] or aside.keep(spool.directory, first.texts[0], "it cannot be read by this release"):
            spool.delivered(first)
        else:
            self._pause()

    def _failed(self, spool: Spool, chunk: Chunk, requests: Sequence[FaultRequest], error: Exception) -> None:
        """Handle a call that was refused or failed as a whole: deliver one request at a time to find its cause.

        A request that the manager refuses becomes a dead letter and is reported. A request that makes the call fail, or
        whose reply cannot be decoded, waits; it becomes a dead letter and is reported once the manager accepts other
        requests and fails only at this one.
        """
        if isinstance(error, Undecodable) and not self._mismatch_logged:
            self._mismatch_logged = True
            LOG.warning("fm-manager's reply cannot be decoded, fault requests wait: %s", error)
        if len(chunk.records) > 1:
            self._batch_max = 1
            return
        refused = isinstance(error, FlockError) and error.http < 500
        self._refusals += 1
        if self._refusals < (REFUSALS_MAX if refused else FAILURES_MAX):
            LOG.debug("fault request %s waits: %s", requests[0].request_id, error)
            self._pause()
            return
        if not refused and not (self._proven() and aside.keep(spool.directory, chunk.texts[0], str(error))):
            self._pause()
            return
        known = error if isinstance(error, FlockError) else RemoteError(detail=repr(error))
        if refused:
            self._refused(spool, chunk.texts[0], requests[0], known)
        else:
            self._report(requests[0], known)
        spool.delivered(chunk)
        self._recovered()

    def _proven(self) -> bool:
        """True when the manager accepted another request several times and this one failed again each time."""
        self._proofs = self._proofs + 1 if self._manager_works() else 0
        return self._proofs > PROOFS_MAX

    def _manager_works(self) -> bool:
        try:
            probe: list[FaultOutcome] = self._manager().apply(
                requests=[FaultRequest(new_uuid(), clear=PROBE, clear_exact=True)])
        except Exception as error:  # noqa: BLE001 - any error means that it does not work
            LOG.log(logging.WARNING if self._refusals == FAILURES_MAX else logging.DEBUG,
                    "fm-manager does not take fault requests: %s", error)
            return False
        return all(outcome.error is None for outcome in probe)

    def _refused(self, spool: Spool, text: str, request: FaultRequest, error: FlockError) -> None:
        aside.keep(spool.directory, text, str(error), refused=True)
        self._report(request, error)

    def _report(self, request: FaultRequest, error: FlockError) -> None:
        try:
            self._on_refused(request, error)
        except Exception:
            LOG.exception("the listener for refused fault requests failed")

    def _recovered(self) -> None:
        self._refusals = self._proofs = 0
        self._mismatch_logged = False
        self._pauses = 0
        self._batch_max = min(BATCH_MAX, self._batch_max * 2)

    def _pause(self) -> None:
        self._pauses += 1
        self._worker.pause(self._backoff.pause_s(self._pauses))


def _count_until(chunk: Chunk, time_ms: int) -> int:
    """How many of the leading records are not newer than ``time_ms``."""
    for count, record in enumerate(chunk.records):
        if record.time_ms > time_ms:
            return count
    return len(chunk.records)

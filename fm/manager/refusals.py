# SPDX-License-Identifier: Apache-2.0
"""Keeps the alarms of hosts whose messages are refused, by this daemon or by others, which report them."""
from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from flock.core.errors import FlockError, InvalidInput, from_wire
from flock.rpc.errors import SenderRefused
from flock.rpc.refusals import Refusals
from fm.contract.errors import InvalidFault
from fm.contract.rpc import BATCH_MAX, FaultOutcome, FaultRequest, Refusal
from fm.core import refusals as rules
from fm.raiser import requests as make

LOG = logging.getLogger(__name__)
Apply = Callable[[list[FaultRequest]], list[FaultOutcome]]


def _request(refusal: Refusal) -> FaultRequest | None:
    """The request that sets a host's alarm; None for a name that no host can have."""
    try:
        return make.alarm_request(rules.ALARM_ID, rules.entity_of(refusal.hostname), {},
                                  {"severity": "minor", "reason_text": rules.text_of(refusal)})
    except InvalidInput as error:
        LOG.warning("refused messages of %r get no alarm: %s", refusal.hostname[:64], error)
        return None


class HostRefusals:
    """What ``Manager`` tells of refused messages of hosts. This one keeps no alarms."""

    def note(self, refusals: list[Refusal]) -> None:
        """A report of another daemon. InvalidFault for too many, database errors."""

    def count(self, hostname: str, reason: str, number: int) -> None:
        """This daemon refused so many messages of a host."""

    def gone(self, requests: list[FaultRequest]) -> None:
        """A service sent these; those that clear every alarm of a host say that it is deleted."""

    def check(self, hostname: str, requests: list[FaultRequest]) -> None:
        """A host sent these. SenderRefused."""


class RefusalKeeper(HostRefusals):
    """Keeps the alarms; ``audit`` runs periodically.

    ``apply`` is the writer's; ``own()`` are this daemon's counts.
    ``active()`` are the entities of active alarms of the id: after a restart their time counts from then.
    """

    def __init__(self, apply: Apply, own: Callable[[], Refusals], active: Callable[[], list[str]],
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._apply = apply
        self._own = own
        self._active = active
        self._clock = clock
        self._lock = threading.Lock()
        self._ledger: rules.Ledger | None = None
        self._gone: rules.Ledger = {}

    def note(self, refusals: list[Refusal]) -> None:
        """Set the alarms of these hosts; InvalidFault for too many, database errors."""
        if len(refusals) > BATCH_MAX:
            raise InvalidFault(field="refusals", rule=f"must be at most {BATCH_MAX}")
        with self._lock:
            after, to_set = rules.noted(self._known(), refusals, self._clock(), self._gone)
            self._do([request for one in to_set if (request := _request(one)) is not None])
            self._ledger = after

    def count(self, hostname: str, reason: str, number: int) -> None:
        """The alarm is set at the next audit."""
        self._own().note(hostname, reason, number)

    def gone(self, requests: list[FaultRequest]) -> None:
        """Set no alarms for a while for the hosts whose every alarm these requests clear, because they are deleted.

        To be called before the requests are applied, so that no alarm is set after it was cleared.
        """
        hosts = [rules.deleted(one.clear_all_below) for one in requests if one.clear_all_below is not None]
        if any(hosts):
            with self._lock:
                for hostname in filter(None, hosts):
                    self._gone = rules.with_gone(self._gone, hostname, self._clock())

    def check(self, hostname: str, requests: list[FaultRequest]) -> None:
        """Raise SenderRefused when a host with such an alarm would change it by one of its own requests."""
        if any(rules.concerns(request, hostname) for request in requests):
            with self._lock:
                has_alarm = hostname in self._known()
            if has_alarm:
                about = f"about {rules.entity_of(hostname)}, which says that its messages are refused"
                raise SenderRefused(sender=f"host {hostname}", request=f"changes of alarm {rules.ALARM_ID}",
                                    about=about)

    def audit(self) -> None:
        """Note what this daemon refused; clear the alarms of hosts of which nothing was refused for a while."""
        taken = self._own().take()
        try:
            self.note([Refusal(hostname, one.number, one.reason) for hostname, one in list(taken.items())[:BATCH_MAX]])
        except Exception:
            self._own().give_back(taken)
            raise
        self._own().give_back(dict(list(taken.items())[BATCH_MAX:]))
        with self._lock:
            after, gone = rules.quiet(self._known(), self._clock())
            for first in range(0, len(gone), BATCH_MAX):
                self._do([make.clear_request(rules.ALARM_ID, rules.entity_of(hostname), {}, exact=True)
                          for hostname in gone[first:first + BATCH_MAX]])
            self._ledger = after

    def _known(self) -> rules.Ledger:
        if self._ledger is None:
            hosts = filter(None, map(rules.hostname_of, self._active()))
            self._ledger = dict.fromkeys(hosts, self._clock())
        return self._ledger

    def _do(self, requests: list[FaultRequest]) -> None:
        """Apply; raises the first error, for which the whole is tried again."""
        errors = [outcome.error for outcome in (self._apply(requests) if requests else []) if outcome.error is not None]
        if errors:
            error: FlockError = from_wire(errors[0])
            raise error

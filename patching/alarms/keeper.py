# SPDX-License-Identifier: Apache-2.0
"""Keeps the alarms in fm in step with the state of things: at each change, and regularly with what fm really has."""
from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Protocol

from flock.core.errors import FlockError
from fm.contract.fault import Fault
from patching.alarms.wanted import ALARMS, UNKNOWN_WITHOUT_HOSTS, AlarmKey, Facts, wanted
from patching.core.model import View

LOG = logging.getLogger(__name__)


class Raiser(Protocol):
    """The part of ``fm.raiser.Raiser`` that is used here."""

    def raise_alarm(self, alarm_id: str, *, entity_instance_id: str, reason_text: str) -> str:
        """Store the request to raise an alarm."""

    def clear_alarm(self, alarm_id: str, *, entity_instance_id: str, exact: bool) -> str:
        """Store the request to clear an alarm."""

    def active(self, *, alarm_id: str) -> list[Fault]:
        """The active alarms of an id; Unavailable, DeadlineExceeded."""


class Keeper:
    """``look`` returns the view, what else is known, and whether the hosts in the view are known."""

    def __init__(self, raiser: Raiser, look: Callable[[], tuple[View, Facts, bool]]) -> None:
        self._raiser, self._look = raiser, look
        self._told: dict[AlarmKey, str] = {}
        self._lock = threading.Lock()

    def changed(self) -> None:
        """Raise and clear what has changed since the last time. Needs no answer of fm."""
        with self._lock:
            self._correct(self._told)

    def audit(self) -> None:
        """Correct what fm has. Unavailable, DeadlineExceeded: it does not answer."""
        with self._lock:
            self._correct({(fault.alarm_id, fault.entity_instance_id): fault.reason_text
                           for alarm_id in ALARMS for fault in self._raiser.active(alarm_id=alarm_id)})

    def _correct(self, active: Mapping[AlarmKey, str]) -> None:
        view, facts, hosts_known = self._look()
        due = wanted(view, facts)
        if not hosts_known:
            due |= {key: reason for key, reason in active.items() if key[0] in UNKNOWN_WITHOUT_HOSTS}
        refused = set()
        for (alarm_id, entity), reason in due.items():
            if active.get((alarm_id, entity)) != reason:
                LOG.info("alarm %s of %s: %s", alarm_id, entity, reason)
                try:
                    self._raiser.raise_alarm(alarm_id, entity_instance_id=entity, reason_text=reason)
                except FlockError as error:
                    # The next time again; the other alarms do not wait for it.
                    LOG.error("alarm %s of %s cannot be raised: %s", alarm_id, entity, error)
                    refused.add((alarm_id, entity))
        for alarm_id, entity in active.keys() - due.keys():
            LOG.info("alarm %s of %s ends", alarm_id, entity)
            self._raiser.clear_alarm(alarm_id, entity_instance_id=entity, exact=True)
        self._told = {key: reason for key, reason in due.items() if key not in refused}

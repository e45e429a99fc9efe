# SPDX-License-Identifier: Apache-2.0
"""Profiles of hosts that were added with one: applied once, when the host first is inventoried."""
from __future__ import annotations

import logging

from sqlalchemy.engine import Connection

from flock.db import Database
from flock.jobs.operations import Operations
from flock.jobs.steps import OperationView, Step, Steps
from sysinv.contract.operations import OperationKind
from sysinv.db.lookup import Row
from sysinv.hosts.discovery import EventLog
from sysinv.model.host import host_view
from sysinv.resources.profile import store
from sysinv.resources.profile.service import ProfileService

LOG = logging.getLogger(__name__)
APPLY_TIMEOUT_S = 60.0
EVENT = "200.021"


class ProfileSteps:
    """The step of a stored application of a profile. A refusal ends it: the operation keeps the sentence."""

    def __init__(self, db: Database, events: EventLog) -> None:
        self._profiles = ProfileService(db)
        self._events = events

    def kinds(self) -> dict[str, Steps]:
        """Return the plan of the operation."""
        return {str(OperationKind.PROFILE): Steps(
            OperationKind.PROFILE, Step("apply", self.apply, undo=self.refused, timeout_s=APPLY_TIMEOUT_S))}

    def apply(self, view: OperationView) -> None:
        """Apply the profile; a second call finds nothing to change."""
        self._profiles.apply(view.subject, view.params["profile"])
        self._tell(view, f"Profile {view.params['name']} was applied to host {view.params['host']}.")

    def refused(self, view: OperationView) -> None:
        """Tell why the host did not get the profile, which has changed nothing."""
        LOG.warning("host %s: profile %s was not applied: %s", view.params["host"], view.params["name"], view.error)
        self._tell(view, f"Profile {view.params['name']} was not applied to host {view.params['host']}: {view.error}")

    def _tell(self, view: OperationView, text: str) -> None:
        self._events.log_event(EVENT, entity_instance_id=f"host={view.params['host']}.command=provision",
                               severity="warning", reason_text=text)


class AwaitedProfiles:
    """Records the operation that applies the profile for which a host waits."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    def inventoried(self, conn: Connection, row: Row) -> None:
        """Record it in the transaction in which the host becomes inventoried, and end the waiting."""
        profile = store.take_awaited(conn, row["id"])
        if profile is not None:
            self._operations.record(
                conn, kind=OperationKind.PROFILE, subject=row["uuid"], exclusive=False, params={
                    "profile": profile["uuid"], "name": profile["profilename"], "host": host_view(row).name})

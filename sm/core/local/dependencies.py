# SPDX-License-Identifier: Apache-2.0
"""What a service waits for before it acts, and what makes it go down although it is wanted up."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sm.contract.states import DependencyKind, ServiceAction, ServiceState
from sm.core.local.view import Bounce, Former, ServiceView
from sm.core.model import Catalogue, Dependency

STANDBY_LEVEL, ACTIVE_LEVEL = 1, 2
REACHED = {ServiceState.ENABLED_STANDBY: STANDBY_LEVEL, ServiceState.ENABLED_GO_STANDBY: STANDBY_LEVEL,
           ServiceState.ENABLED_GO_ACTIVE: STANDBY_LEVEL, ServiceState.ENABLED_ACTIVE: ACTIVE_LEVEL}
STOPS = frozenset({ServiceAction.DISABLE, ServiceAction.GO_STANDBY})
UNHURRIED = frozenset({Bounce.CRASH, Bounce.ALONE})


@dataclass(frozen=True, slots=True)
class Relations:
    """The services of one node and how they depend on each other."""

    catalogue: Catalogue
    services: Mapping[str, ServiceView]
    former: Mapping[str, Former]

    def missing(self, service: ServiceView, action: ServiceAction) -> str:
        """The service that keeps ``service`` from running ``action`` now; empty when nothing does."""
        for row in self.catalogue.of(service.name, action):
            other = self.services.get(row.dependent)
            if row.kind is DependencyKind.ACTION and other is not None and not self._met(service, row, other):
                return other.name
        if action is ServiceAction.DISABLE and service.name in self.former:
            users = (self.services.get(name) for name in self.former[service.name].users if name in self.former)
            return next((user.name for user in users if user is not None and not self._gone(user)), "")
        return ""

    def lost(self, service: ServiceView) -> str:
        """The service without which ``service`` must not be enabled, and which is not there; empty when none."""
        for row in self.catalogue.rows_of(service.name):
            other = self.services.get(row.dependent)
            if row.kind is DependencyKind.STATE and other is not None and not _at_least(other, row.state):
                return other.name
        return ""

    def pressing(self, service: ServiceView) -> Dependency | None:
        """A service that goes down, or to standby, and cannot before ``service`` has: the row that says so.

        Of several rows one that does not let it stand by.
        """
        found = None
        for row in self.catalogue.naming(service.name):
            other = self.services.get(row.service)
            if (row.kind is DependencyKind.ACTION and other is not None and other.managed
                    and other.leaving is row.action):
                if not may_stand_by(row):
                    return row
                found = found or row
        return found

    def _met(self, service: ServiceView, row: Dependency, other: ServiceView) -> bool:
        if row.action in STOPS:
            # What starts to stand by after a stop does not use anything yet.
            stands_by = other.managed and (other.state is ServiceState.ENABLED_STANDBY or other.passive)
            return self._gone(other) or (stands_by and may_stand_by(row))
        if _at_least(other, row.state):
            return True
        return row.action is ServiceAction.ENABLE and other.desired is ServiceState.ENABLED_STANDBY and (
            service.desired is ServiceState.ENABLED_STANDBY or not self._move_together(service, other))

    def _gone(self, other: ServiceView) -> bool:
        """Whether nothing of ``other`` is left to wait for: it is stopped, or it does not stop whatever is done."""
        if other.stopped or not other.managed or other.state is ServiceState.SHUTDOWN:
            return True
        former = self.former.get(other.name)
        spec = former.spec if former is not None else self.catalogue.services.get(other.name)
        return spec is None or (other.state is ServiceState.DISABLING
                                and other.stop_failures >= max(spec.max_action_failures, 1))

    def _move_together(self, one: ServiceView, other: ServiceView) -> bool:
        first, second = self.catalogue.groups.get(one.group), self.catalogue.groups.get(other.group)
        if first is None or second is None:
            return False
        return first.name == second.name or (first.aggregate != "" and first.aggregate == second.aggregate)


def may_stand_by(row: Dependency) -> bool:
    """Whether the other service of a row for stopping may stand by meanwhile, or must be down."""
    return row.action is ServiceAction.DISABLE or row.state is not ServiceState.DISABLED


def _at_least(other: ServiceView, required: ServiceState) -> bool:
    return REACHED.get(other.state, 0) >= REACHED.get(required, 0)

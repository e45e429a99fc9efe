# SPDX-License-Identifier: Apache-2.0
"""What sysinv asks service management: its lists, and whether it permits a swact or a lock of a controller.

A swact also depends on what other services know of the other controller: alarms that degrade it, and its releases.
"""
from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Protocol

from flock.core.errors import Unavailable
from sm.client.rest import Row
from sm.contract.nodecommand import NodeAction
from sysinv.actions.swact import degraded_refusal
from sysinv.contract.enums import Availability, OperatorAction
from sysinv.hosts.degradations import Degradations
from sysinv.hosts.softwaremanagement import NoSoftware, Software
from sysinv.model.host import InventoryHost

LOG = logging.getLogger(__name__)
CHECKS = {OperatorAction.SWACT: NodeAction.SWACT_PRE_CHECK, OperatorAction.LOCK: NodeAction.LOCK_PRE_CHECK}
"""The force variants are not checked."""


class Api(Protocol):
    """The part of ``sm.client.rest.SmApi`` that is used here."""

    def all(self, collection: str) -> list[Row]:
        """All elements of a collection."""

    def one(self, collection: str, ident: str) -> Row | None:
        """One element; None when there is none."""

    def refusal(self, hostname: str, check: NodeAction) -> str | None:
        """Why an action may not begin."""


class NoApi:
    """Stands for sm-api on a system that has none configured."""

    def all(self, collection: str) -> list[Row]:
        raise _absent()

    def one(self, collection: str, ident: str) -> Row | None:
        raise _absent()

    def refusal(self, hostname: str, check: NodeAction) -> str | None:
        return None


@dataclass(frozen=True, slots=True)
class ServiceManagement:
    """``hostname``: of this controller, which is the active one. ``degradations``: None where no alarms are known."""

    api: Api
    hostname: str
    software: Software = field(default_factory=NoSoftware)
    degradations: Degradations | None = None

    def refusal(self, hostname: str, action: OperatorAction, peer: InventoryHost | None = None) -> str | None:
        """Why service management does not permit an action on a controller; None when it does, or has no say.

        ``peer``: the other controller. Unavailable: service management does not answer; an action that it may have to
        refuse is not begun.
        """
        check = CHECKS.get(action)
        if check is None:
            return None
        if check is NodeAction.SWACT_PRE_CHECK:
            if not self._has_releases():
                return "Deployment data in both controllers is not in sync."
            degraded = degraded_refusal(peer, self._alarms_of(peer))
            if degraded is not None:
                return degraded
        return self.api.refusal(hostname, check)

    def _alarms_of(self, peer: InventoryHost | None) -> tuple[str, ...]:
        """Ids of the alarms that degrade the other controller; nobody is asked about one that is not degraded."""
        if self.degradations is None or peer is None or peer.availability != Availability.DEGRADED:
            return ()
        return self.degradations.of(peer.name)

    def _has_releases(self) -> bool:
        """Whether the other controller can serve the releases after a swact. Software management that is away does not
        hold up a swact, which may be what brings it back (sm.md 12.1)."""
        try:
            return self.software.in_sync() is not False
        except Unavailable as error:
            LOG.warning("A swact goes on without the word of software management: %s", error)
            return True


def _absent() -> Unavailable:
    return Unavailable(service="sm-api", reason="this system has no [sysinv] sm_url")

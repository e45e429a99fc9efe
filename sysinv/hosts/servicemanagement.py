# SPDX-License-Identifier: Apache-2.0
"""What sysinv asks service management: its lists, and whether it permits a swact or a lock of a controller."""
from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Protocol

from flock.core.errors import Unavailable
from sm.client.rest import Row
from sm.contract.nodecommand import NodeAction
from sysinv.contract.enums import OperatorAction
from sysinv.hosts.softwaremanagement import NoSoftware, Software

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
    """``hostname``: of this controller, which is the active one."""

    api: Api
    hostname: str
    software: Software = field(default_factory=NoSoftware)

    def refusal(self, hostname: str, action: OperatorAction) -> str | None:
        """Why service management does not permit an action on a controller; None when it does, or has no say.

        Unavailable: it does not answer; an action that it may have to refuse is not begun.
        """
        check = CHECKS.get(action)
        if check is None:
            return None
        if check is NodeAction.SWACT_PRE_CHECK and not self._has_releases():
            return "Deployment data in both controllers is not in sync."
        return self.api.refusal(hostname, check)

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

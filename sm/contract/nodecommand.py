# SPDX-License-Identifier: Apache-2.0
"""Commands about a node, as ``sm-api`` and the control socket take them, and what is said to them."""
from __future__ import annotations

import enum
from dataclasses import dataclass

from sm.contract.states import Administrative, Availability, Operational


class NodeAction(enum.StrEnum):
    """Actions of ``PATCH /v1/servicenode/{hostname}``."""

    SWACT_PRE_CHECK = "swact-pre-check"
    SWACT = "swact"
    SWACT_FORCE = "swact-force"
    LOCK_PRE_CHECK = "lock-pre-check"
    LOCK = "lock"
    UNLOCK = "unlock"
    EVENT = "event"

    @property
    def refused_status(self) -> int:
        """The HTTP status of a refusal: a check that finds something is no error."""
        return 200 if self in CHECKS else 400


CHECKS = frozenset({NodeAction.SWACT_PRE_CHECK, NodeAction.LOCK_PRE_CHECK})
SWACTS = frozenset({NodeAction.SWACT, NodeAction.SWACT_FORCE})
TELLS = frozenset({NodeAction.LOCK, NodeAction.UNLOCK, NodeAction.EVENT})
"""Those that tell the states of a node."""


class ErrorCode(enum.StrEnum):
    """``error_code`` of the reply."""

    OK = "0"
    HOST_NOT_FOUND = "-1000"
    ACTION_FAILED = "-1001"
    NO_HOST = "-1002"
    SOLE_PROVIDER = "-1003"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a command may be carried out; ``impact`` names the services that nothing else would provide."""

    code: ErrorCode = ErrorCode.OK
    details: str | None = None
    impact: tuple[str, ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether nothing speaks against it."""
        return self.code is ErrorCode.OK


ALLOWED = Verdict()


class Fencing(enum.StrEnum):
    """Who may switch a silent controller off now."""

    NONE = "none"
    """Service management does not: it has no board of it, or does not wait for it."""
    ABLE = "able"
    """Service management does when the controller is silent. Nobody else may then."""
    OFF = "off"
    """Service management has switched it off, and has not heard it since."""


@dataclass(frozen=True, slots=True)
class ServiceNode:
    """States of a node, and ``yes``, ``no`` or ``unknown`` for what is active and what of it a swact moves."""

    hostname: str
    admin: Administrative = Administrative.UNKNOWN
    oper: Operational = Operational.UNKNOWN
    avail: Availability = Availability.UNKNOWN
    active_services: str = "unknown"
    swactable_services: str = "unknown"
    fencing: Fencing = Fencing.NONE

# SPDX-License-Identifier: Apache-2.0
"""The service management of the controllers: swacts, and the states that mtce tells it.

States are levels: every difference between what mtce has of a controller and what service management knows of it is
told, soon after a change and again until both agree. So nothing has to be stored for it.
"""
from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from flock.core.errors import FlockError
from flock.jobs.worker import Worker
from mtce.contract.states import HostAction
from mtce.core import actions as act
from mtce.core.events import Event, Guarded, ManagerAnswer
from mtce.core.view import MaintainedHost
from sm.contract.nodecommand import ErrorCode, Fencing, NodeAction
from sm.contract.states import Availability
from sysinv.contract.enums import Administrative

LOG = logging.getLogger(__name__)
AUDIT_S = 10.0
States = tuple[str, str, str]


class Api(Protocol):
    """The part of ``sm.client.rest.SmApi`` that is used here."""

    def service_node(self, hostname: str) -> dict[str, Any]:
        """The states of a host, and whether it provides service."""

    def command(self, hostname: str, action: NodeAction, admin: str = "unknown", oper: str = "unknown",
                avail: str = "") -> dict[str, Any]:
        """Have a command about a host checked and carried out."""


def answer(api: Api, view: MaintainedHost, action: act.AskManager | act.Swact) -> ManagerAnswer:
    """Carry out one action of the state machine."""
    try:
        if isinstance(action, act.AskManager):
            shown = api.service_node(view.hostname)
            return ManagerAnswer(action.command_id, True, shown.get("swactable_services") == "yes")
        word = NodeAction.SWACT_FORCE if action.force else NodeAction.SWACT
        reply = api.command(view.hostname, word, "unlocked", "enabled", view.availability)
    except FlockError as error:
        return ManagerAnswer(action.command_id, False, reason=str(error))
    if reply["error_code"] == ErrorCode.OK:
        return ManagerAnswer(action.command_id, True)
    return ManagerAnswer(action.command_id, False, reason=str(reply.get("error_details") or "action failed"))


def known_states(view: MaintainedHost) -> States:
    """The states of a controller in the words of service management."""
    avail = str(view.availability)
    return str(view.administrative), str(view.operational), avail if avail in set(Availability) else ""


def may_be_told(view: MaintainedHost, controllers: Iterable[MaintainedHost]) -> bool:
    """Whether service management may learn the states of a controller.

    Told that the active one is locked or disabled, it stops everything there, also what could unlock or enable it. So
    this is told only when another controller can take over: not of the only one, nor before its first unlock.
    """
    return not view.is_active or view.is_enabled or any(
        other.is_enabled for other in controllers if other.uuid != view.uuid)


class ManagerAudit:
    """Tells service management the states of controllers. ``views``: all hosts, as stored. ``post`` gets for each
    controller but the active one what service management does with it when it is silent."""

    def __init__(self, api: Api, views: Callable[[], Iterable[MaintainedHost]],
                 post: Callable[[str, Event], None] = lambda _uuid, _event: None) -> None:
        self._api, self._views, self._post = api, views, post
        self._problem: str | None = None
        self._told: dict[str, States] = {}
        self._worker = Worker("mtce-manager", self._pass)

    def start(self) -> None:
        """Start the thread."""
        self._worker.start()

    def stop(self, timeout_s: float) -> None:
        """Stop the thread."""
        self._worker.stop(timeout_s)

    def changed(self, view: MaintainedHost) -> None:
        """A host has changed: compare soon if it is a controller with other states. Called by the loop."""
        if view.is_controller and self._told.get(view.hostname) != known_states(view):
            self._worker.nudge()

    def trouble(self) -> str | None:
        """For the health page."""
        return self._problem

    def audit(self) -> None:
        """Compare once, and tell each difference. FlockError: service management does not answer."""
        controllers = [view for view in self._views() if view.is_controller]
        for view in controllers:
            shown = self._api.service_node(view.hostname)
            if not view.is_active:
                self._post(view.uuid, Guarded(_fencing(shown)))
            if may_be_told(view, controllers):
                self._tell(view, shown)

    def _pass(self) -> float:
        try:
            self.audit()
            self._problem = None
        except FlockError as error:
            if self._problem is None:
                LOG.warning("service management is not told the states of controllers: %s", error)
            self._problem = str(error)
        return AUDIT_S

    def _tell(self, view: MaintainedHost, shown: Mapping[str, Any]) -> None:
        wanted = known_states(view)
        if shown["admin"] == "unknown" and shown["active_services"] == "unknown":
            return  # Not a controller of the domain yet.
        self._told[view.hostname] = wanted
        if (shown["admin"], shown["oper"], shown["avail"]) == wanted:
            return
        reply = self._api.command(view.hostname, _word(view), *wanted)
        if reply["error_code"] == ErrorCode.SOLE_PROVIDER:
            # The host is locked whatever depends on it; that was checked before.
            reply = self._api.command(view.hostname, NodeAction.EVENT, *wanted)
        if reply["error_code"] != ErrorCode.OK:
            LOG.warning("service management does not take %s of %s: %s", wanted, view.hostname,
                        reply.get("error_details"))


def _fencing(shown: Mapping[str, Any]) -> Fencing:
    """What an answer says of a controller; an sm-api of another release may know more words, or none."""
    word = shown.get("fencing")
    return Fencing(word) if word in set(Fencing) else Fencing.NONE


def _word(view: MaintainedHost) -> NodeAction:
    if view.administrative is Administrative.LOCKED:
        return NodeAction.LOCK
    return NodeAction.UNLOCK if view.action is HostAction.ENABLE else NodeAction.EVENT

# SPDX-License-Identifier: Apache-2.0
"""Orders of operators and of the orchestrator: ``patching.contract.rpc.Software``."""
from __future__ import annotations

import logging
import uuid
from collections.abc import Callable

from flock.core.codec import codec_for
from flock.core.errors import FlockError, InvalidInput, NotFound, Refused
from flock.core.records import replace
from patching.conductor.machine import Machine, PrecheckNeeded, Surroundings
from patching.conductor.store import NewTask, Repeated
from patching.conductor.surroundings import Watch
from patching.conductor.uploads import UPLOAD, Uploads
from patching.contract.errors import WrongDeployState
from patching.contract.records import Order, OrderKind, Reply, ReplyStatus
from patching.contract.states import HostState, Owner
from patching.core import events, guards
from patching.core.model import View

LOG = logging.getLogger(__name__)
PRECHECK = "precheck"
APPLICATION, UNREMOVABLE_TOO = "application", "removeunremovable"
NAMES_MAX, NAME_MAX, FILES_MAX, OPTIONS_MAX = 1000, 255, 100, 100
ORDER = codec_for(Order)
_WAITING = frozenset({HostState.PENDING, HostState.FAILED, HostState.ROLLBACK_PENDING, HostState.ROLLBACK_FAILED})


class Orders:
    """Implements ``Software``. ``in_sync``: whether the other controller holds the same content."""

    def __init__(self, machine: Machine, watch: Watch, uploads: Uploads, in_sync: Callable[[Surroundings], bool],
                 agent_answer_s: Callable[[], float]) -> None:
        self._machine, self._watch, self._uploads = machine, watch, uploads
        self._in_sync, self._agent_answer_s = in_sync, agent_answer_s

    def order(self, *, order: Order) -> Reply:
        """Do what is ordered, once for each request id."""
        _check(order)
        earlier = self._machine.store.answer_to(order.request_id)
        if earlier is not None:
            return earlier
        try:
            reply = self._carry_out(order)
        except Repeated:
            reply = self._machine.store.answer_to(order.request_id) or Reply(ReplyStatus.UNKNOWN)
        except Refused as refusal:
            LOG.info("%s by %s is refused: %s", order.kind, order.user or "somebody", refusal)
            return refused(refusal)
        LOG.info("%s %s by %s is accepted", order.kind, " ".join([*order.releases, order.hostname]).strip(),
                 order.user or "somebody")
        return reply

    def carry_out(self, order: Order) -> Reply:
        """Do what was ordered before, now that its precheck is there."""
        try:
            return self._event(replace(order, request_id=str(uuid.uuid4())))
        except PrecheckNeeded:
            return Reply(ReplyStatus.REFUSED, error="The precheck took so long that its result does not count any "
                                                    "more. Try again.\n", code="patching.refused")
        except Refused as refusal:
            return refused(refusal)

    def _carry_out(self, order: Order) -> Reply:
        if order.kind is OrderKind.UPLOAD:
            for staged in order.files:
                self._uploads.place(staged)
            return self._task(order, UPLOAD, "upload")
        if order.kind is OrderKind.PRECHECK:
            view = self._machine.store.load().view
            release = guards.release(view, order.releases[0])
            guards.precheck(view, release)
            return self._task(order, PRECHECK, f"release={release.id}")
        if order.kind in (OrderKind.DROP_HOST, OrderKind.BIND_APPLICATION):
            return self._noted(order)
        try:
            check = self._machine.store.load().view.precheck
            if order.kind is OrderKind.START and check is not None and not check.is_healthy:
                # What was wrong then may have been mended since.
                raise PrecheckNeeded(order.releases[0], order.force)
            return self._event(order)
        except PrecheckNeeded as needed:
            return self._task(order, PRECHECK, f"release={needed.release}")

    def _task(self, order: Order, kind: str, subject: str) -> Reply:
        task = NewTask(kind, subject, {"order": ORDER.to_document(order)})
        store = self._machine.store
        reply = store.order_task(order.request_id, task, Reply(ReplyStatus.PENDING), self._machine.tasks)
        self._machine.tasks.nudge()
        return reply

    def _noted(self, order: Order) -> Reply:
        """Store what is no step of a deployment; it may be stored again without harm."""
        store = self._machine.store
        if order.kind is OrderKind.DROP_HOST:
            store.forget(order.hostname)
        else:
            store.bind_application(order.options[APPLICATION], order.releases)
        reply = Reply(ReplyStatus.OK)
        store.answer(order.request_id, reply)
        return reply

    def _event(self, order: Order) -> Reply:
        stored = self._machine.store.load()
        event = _event_of(order)
        around = self._watch.now()
        around = replace(around, in_sync=self._in_sync(around))
        self._forget_deleted(stored.view, around)
        if isinstance(event, (events.DeployHost, events.RollBackHost)):
            around = self._asked(stored.view, event.hostname, around)
        reply = Reply(ReplyStatus.OK, f"{said(order, stored.view)}\n")
        owner = None if order.kind in _WITHOUT_DEPLOYMENT else order.owner
        self._machine.happen(event, around, owner=owner, request_id=order.request_id, reply=reply)
        return reply

    def _forget_deleted(self, view: View, around: Surroundings) -> None:
        """Hosts of the deployment that were deleted from the inventory hold up nobody."""
        for hostname in view.rows:
            if hostname not in around.hosts:
                self._machine.happen(events.HostGone(hostname), around)

    def _asked(self, view: View, hostname: str, around: Surroundings) -> Surroundings:
        """The surroundings, with what the agent of a host answers now. One that does not has no state."""
        host, row = around.hosts.get(hostname), view.rows.get(hostname)
        if host is None or row is None or row.state not in _WAITING:
            return around
        answers = self._watch.answers(hostname, self._agent_answer_s())
        fresh = self._watch.now(around.in_sync).hosts.get(hostname) if answers else None
        known = replace(host, agent=None) if fresh is None else fresh
        return replace(around, hosts={**around.hosts, hostname: known})


def refused(refusal: FlockError) -> Reply:
    """The reply to an order that is not allowed."""
    allowed = str(refusal.params.get("allowed", "")).split(", ") if isinstance(refusal, WrongDeployState) else []
    status = ReplyStatus.UNKNOWN if isinstance(refusal, NotFound) else ReplyStatus.REFUSED
    return Reply(status, error=f"{refusal}\n", code=refusal.code, allowed=allowed)


def said(order: Order, view: View) -> str:
    """What an operator reads of an order that was accepted."""
    if order.force and order.kind in _PASSING_OVER:
        error = "" if view.deploy is None else view.deploy.error
        return f"The deployment goes on although its scripts have failed: {error}"
    names = ", ".join(order.releases)
    text = {
        OrderKind.DELETE_RELEASES: f"{names} has been deleted" if len(order.releases) == 1
        else f"{names} have been deleted",
        OrderKind.COMMIT: f"{names} {'is' if len(order.releases) == 1 else 'are'} committed",
        OrderKind.START: f"Deployment for {names} started",
        OrderKind.DEPLOY_HOST: f"Host installation request sent to {order.hostname}.",
        OrderKind.ROLL_BACK_HOST: f"Host rollback request sent to {order.hostname}.",
        OrderKind.ACTIVATE: "Deploy activate has started",
        OrderKind.COMPLETE: "Deployment has been completed",
        OrderKind.ABORT: "Deployment has been aborted",
        OrderKind.ACTIVATE_ROLLBACK: "Deploy activate-rollback has started",
        OrderKind.DELETE_DEPLOY: "Deploy deleted with success",
    }
    return text[order.kind]


def _event_of(order: Order) -> events.Event:
    made: dict[OrderKind, Callable[[], events.Event]] = {
        OrderKind.DELETE_RELEASES: lambda: events.DeleteReleases(tuple(order.releases)),
        OrderKind.COMMIT: lambda: events.Commit(tuple(order.releases)),
        OrderKind.START: lambda: events.Start(
            order.releases[0], order.force, order.options, order.owner, tuple(order.releases[1:]),
            keep_none=order.owner is Owner.CLASSIC and order.options.get(UNREMOVABLE_TOO) == "yes"),
        OrderKind.DEPLOY_HOST: lambda: events.DeployHost(order.hostname),
        OrderKind.ROLL_BACK_HOST: lambda: events.RollBackHost(order.hostname),
        OrderKind.ACTIVATE: lambda: events.Activate(order.force),
        OrderKind.COMPLETE: events.Complete,
        OrderKind.ABORT: events.Abort,
        OrderKind.ACTIVATE_ROLLBACK: lambda: events.ActivateRollback(order.force),
        OrderKind.DELETE_DEPLOY: events.DeleteDeploy,
    }
    return made[order.kind]()


_PASSING_OVER = frozenset({OrderKind.ACTIVATE, OrderKind.ACTIVATE_ROLLBACK})
_OF_RELEASES = frozenset({OrderKind.DELETE_RELEASES, OrderKind.COMMIT, OrderKind.PRECHECK, OrderKind.START})
_OF_ONE_RELEASE = frozenset({OrderKind.PRECHECK, OrderKind.START})
_WITHOUT_DEPLOYMENT = frozenset({OrderKind.DELETE_RELEASES, OrderKind.COMMIT})
_OF_HOSTS = frozenset({OrderKind.DEPLOY_HOST, OrderKind.ROLL_BACK_HOST, OrderKind.DROP_HOST})


def _check(order: Order) -> None:
    """InvalidInput names the field of an order that breaks a rule."""
    try:
        uuid.UUID(order.request_id)
    except ValueError:
        raise InvalidInput(field="request_id", rule="must be a uuid") from None
    numbers = {"releases": (len(order.releases), NAMES_MAX), "files": (len(order.files), FILES_MAX),
               "options": (len(order.options), OPTIONS_MAX)}
    for field, (number, most) in numbers.items():
        if number > most:
            raise InvalidInput(field=field, rule=f"must be at most {most}")
    texts = [*order.releases, order.hostname, *order.options, *order.options.values()]
    if any(len(text) > NAME_MAX or not text.isprintable() for text in texts):
        raise InvalidInput(field="releases, hostname, options",
                           rule=f"must be of at most {NAME_MAX} printable characters")
    if order.kind in _OF_RELEASES and not order.releases:
        raise InvalidInput(field="releases", rule="must name a release")
    if order.kind is OrderKind.BIND_APPLICATION and not order.options.get(APPLICATION):
        raise InvalidInput(field="app", rule="must name an application")
    is_set = order.kind is OrderKind.START and order.owner is Owner.CLASSIC
    if order.kind in _OF_ONE_RELEASE and len(order.releases) != 1 and not is_set:
        raise InvalidInput(field="releases", rule="must name one release; it brings all that it requires")
    if order.kind in _OF_HOSTS and not order.hostname:
        raise InvalidInput(field="hostname", rule="must name a host")
    if order.kind is OrderKind.UPLOAD and not order.files:
        raise InvalidInput(field="files", rule="must name a file")

# SPDX-License-Identifier: Apache-2.0
"""Swact of the active controller: ask service management, have it move the services, wait until they have moved.

The conductor usually ends on this controller before its view does. The one that starts on the other controller loads
the view, finds that this host is not active any more, and completes the swact.
"""
from __future__ import annotations

from mtce.contract.states import HostAction
from mtce.core.actions import AskManager, Swact
from mtce.core.events import Event, ManagerAnswer, Resume, Tick
from mtce.core.fsm.draft import Draft
from mtce.core.view import Stage

COMPLETE = "Swact: Complete"


def begin(d: Draft, action: HostAction) -> None:
    """Begin with the question whether the host has services to move."""
    d.log("200.021", f"command={action}")
    d.set(action=action)
    d.task("Swact: Request")
    _query(d, 0)


def advance(d: Draft, event: Event) -> None:
    """Handle one event while the action is swact or force-swact."""
    if not d.view.is_active:
        # The host ceases to be active only when another controller's conductor has loaded its view.
        d.finish(COMPLETE)
        return
    if isinstance(event, ManagerAnswer) and event.command_id != d.view.command_id:
        return
    _ADVANCE[d.view.stage](d, event)


def _query(d: Draft, tries: int) -> None:
    d.enter(Stage.SWACT_QUERY, d.settings.swact_retry_ms, tries=tries)
    d.do(AskManager(d.new_command()))


def _queried(d: Draft, event: Event) -> None:
    if isinstance(event, ManagerAnswer):
        if not event.ok:
            d.task("Swact: Query Services Failed")
        elif event.active:
            d.task("Swact: In-Progress")
            _request(d, 0)
        else:
            _failed(d, "Swact: No active services")
    elif isinstance(event, Resume):
        _query(d, d.view.tries)
    elif isinstance(event, Tick) and d.deadline_hit:
        tries = d.view.tries + 1
        if tries >= d.settings.swact_query_tries_max or _is_over(d):
            _failed(d, "Swact: Query Services Failed")
        else:
            _query(d, tries)


def _request(d: Draft, tries: int) -> None:
    d.enter(Stage.SWACT_REQUEST, d.settings.swact_retry_ms, tries=tries)
    d.do(Swact(d.new_command(), d.view.action is HostAction.FORCE_SWACT))


def _requested(d: Draft, event: Event) -> None:
    if isinstance(event, ManagerAnswer):
        if event.ok:
            d.enter(Stage.SWACT_WAIT, d.settings.swact_timeout_ms // 2)
        else:
            # It is asked again when the time is over: what stands in the way, such as data that is not yet the same,
            # may end by then.
            d.task(f"Swact: {event.reason}")
    elif isinstance(event, Resume):
        # Whether the request came through is not known; the answer to the question says it.
        _query(d, 0)
    elif isinstance(event, Tick) and d.deadline_hit:
        if _is_over(d):
            _failed(d, "Swact: Timeout" if d.view.task == "Swact: In-Progress" else d.view.task)
        else:
            _request(d, d.view.tries + 1)


def _waited(d: Draft, event: Event) -> None:
    """Poll after half of the time: whether services are still active here."""
    if isinstance(event, ManagerAnswer):
        if event.ok and not event.active:
            d.finish(COMPLETE)
    elif isinstance(event, Resume):
        _poll(d, d.view.tries)
    elif isinstance(event, Tick) and d.deadline_hit:
        if d.view.tries >= d.settings.swact_polls_max:
            _failed(d, "Swact: Did Not Complete")
        else:
            _poll(d, d.view.tries + 1)


def _poll(d: Draft, tries: int) -> None:
    d.set(tries=tries)
    d.wait_again(d.settings.swact_poll_ms)
    d.do(AskManager(d.new_command()))


def _is_over(d: Draft) -> bool:
    began_ms = d.view.ordered_ms
    return began_ms is None or d.now_ms - began_ms >= d.settings.swact_timeout_ms


def _failed(d: Draft, task: str) -> None:
    d.set(action_failed=str(d.view.action))
    d.finish(task)


_ADVANCE = {Stage.SWACT_QUERY: _queried, Stage.SWACT_REQUEST: _requested, Stage.SWACT_WAIT: _waited}

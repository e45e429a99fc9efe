# SPDX-License-Identifier: Apache-2.0
"""The legal combinations of states, and the check that every step ends in one."""
from __future__ import annotations

from collections.abc import Iterable

from mtce.core.actions import Action, Bmc, SendReboot, permit_of
from mtce.core.settings import Settings
from mtce.core.strike import STRIKING_VERBS, judge
from mtce.core.view import MaintainedHost, Stage
from sysinv.contract.enums import Administrative as Adm
from sysinv.contract.enums import Availability as Av
from sysinv.contract.enums import Operational as Op

LEGAL_STATES: frozenset[tuple[str, str, str]] = frozenset(
    [(Adm.LOCKED, Op.DISABLED, av) for av in (Av.ONLINE, Av.OFFLINE, Av.POWER_OFF)]
    + [(Adm.UNLOCKED, Op.DISABLED, av) for av in (Av.ONLINE, Av.OFFLINE, Av.POWER_OFF, Av.INTEST, Av.FAILED)]
    + [(Adm.UNLOCKED, Op.ENABLED, av) for av in (Av.AVAILABLE, Av.DEGRADED)])


class InvariantBroken(AssertionError):
    """A step broke the state model: it is not stored, and the state machine of that host stops."""


def is_legal(view: MaintainedHost) -> bool:
    """Whether the three states of ``view`` are a legal combination."""
    return view.states() in LEGAL_STATES


def ensure(view: MaintainedHost, actions: Iterable[Action], now_ms: int, settings: Settings, *,
           ticked: bool) -> MaintainedHost:
    """Return ``view``, or raise InvariantBroken: an illegal state, or a strike that ``view`` does not permit.

    Requires only of a tick that no due timer remains: any other event may arrive just before the tick.
    """
    for action in actions:
        _ensure_permitted(view, action, now_ms, settings)
    if not is_legal(view):
        raise InvariantBroken(f"{view.hostname}: {'-'.join(view.states())} is no legal state")
    if (view.stage is Stage.IDLE) != (view.action == "none"):
        raise InvariantBroken(f"{view.hostname}: action {view.action} in stage {view.stage}")
    due_ms = view.due_ms()
    if ticked and due_ms is not None and due_ms <= now_ms:
        raise InvariantBroken(f"{view.hostname}: stage {view.stage} left a timer of {due_ms} unhandled at {now_ms}")
    if view.stage is not Stage.IDLE and due_ms is None:
        raise InvariantBroken(f"{view.hostname}: stage {view.stage} waits without a limit")
    return view


def _ensure_permitted(view: MaintainedHost, action: Action, now_ms: int, settings: Settings) -> None:
    """Require that each strike has the permit that the guard gives for the view after the step."""
    if isinstance(action, Bmc) and action.verb not in STRIKING_VERBS:
        return
    permit = permit_of(action)
    if permit is None and not isinstance(action, (SendReboot, Bmc)):
        return
    verdict = None if permit is None else judge(view, permit.wish, now_ms, settings)
    if permit is None or verdict != permit:
        raise InvariantBroken(f"{view.hostname}: {type(action).__name__} is not permitted: {permit}, but {verdict}")

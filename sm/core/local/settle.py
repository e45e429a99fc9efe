# SPDX-License-Identifier: Apache-2.0
"""Carries a change through all services that it concerns, within one step."""
from __future__ import annotations

from collections import Counter

from sm.core.local import failures, group, results, service, throttle
from sm.core.local.draft import Draft
from sm.core.local.view import LocalView

LOOKS_MAX = 40
LATER_MS = 1_000


def settle(draft: Draft) -> LocalView:
    """Take all steps that are possible now, and evaluate the groups. Returns the changed view.

    A service that changes again and again within a step waits for a second, so that nothing hangs.
    """
    _expire(draft)
    looks: Counter[str] = Counter()
    while True:
        _advance(draft, looks)
        if not throttle.grant(draft):
            break
    if any(count > LOOKS_MAX for count in looks.values()):
        draft.audit_ms = min(draft.audit_ms, draft.now_ms + LATER_MS)
    for name in list(draft.stale_groups):
        group.evaluate(draft, name)
    draft.reboot_if_due()
    return draft.view


def _advance(draft: Draft, looks: Counter[str]) -> None:
    while draft.stale:
        name = next(iter(draft.stale))
        del draft.stale[name]
        looks[name] += 1
        if name in draft.services and looks[name] <= LOOKS_MAX:
            service.advance(draft, name)


def _expire(draft: Draft) -> None:
    """Act on everything whose time has come."""
    if draft.audit_ms <= draft.now_ms:
        draft.audit_ms = draft.now_ms + max(draft.base.settings.group_audit_ms, LATER_MS)
        draft.stale_groups.update(dict.fromkeys(draft.groups))
        for name in draft.services:
            draft.touch(name)
    for view in list(draft.services.values()):
        deadline_ms = view.deadline_ms
        if deadline_ms is not None and deadline_ms <= draft.now_ms:
            _expire_service(draft, view.name)


def _expire_service(draft: Draft, name: str) -> None:
    spec = draft.spec_of(name)
    if spec is None:
        draft.touch(name)
        return
    view, now_ms = draft.services[name], draft.now_ms
    passed = {field: None for field in ("look_due_ms", "start_ms", "stop_ms", "counted_ms")
              if (moment := getattr(view, field)) is not None and moment <= now_ms}
    if passed:
        draft.change(name, **passed)
    if view.run_due_ms is not None and view.run_due_ms <= now_ms:
        results.overdue(draft, name)
    if view.countdown_ms is not None and view.countdown_ms <= now_ms:
        failures.forgive(draft, name, spec, service.at_target(draft.services[name], spec))
    if view.recover_ms is not None and view.recover_ms <= now_ms:
        failures.recover(draft, name)
    view = draft.services[name]
    if view.audit_ms is not None and view.audit_ms <= now_ms:
        service.audit_now(draft, name, spec)

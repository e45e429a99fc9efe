# SPDX-License-Identifier: Apache-2.0
"""Counts failures of services, decides what follows, and forgets them: pauses, limits, recovery."""
from __future__ import annotations

from sm.contract.states import Condition, OnFailure, ServiceAction, ServiceState
from sm.core.local.dependencies import STOPS
from sm.core.local.draft import Draft
from sm.core.local.view import Bounce, ServiceView, Settings
from sm.core.model import ServiceSpec

COUNTDOWN_MIN_MS = 1_000
DOUBLINGS_MAX = 30


def pause_ms(settings: Settings, failures: int) -> int:
    """How long to wait after so many failures in a row: doubled each time, limited."""
    doublings = min(max(failures - 1, 0), DOUBLINGS_MAX)
    return min(settings.retry_first_ms << doublings, settings.retry_max_ms)


def failures_max(spec: ServiceSpec) -> int:
    """How many failures while enabled are too many."""
    return 1 if spec.on_failure is OnFailure.SWACT else max(spec.max_failures, 1)


def is_held(service: ServiceView, spec: ServiceSpec) -> bool:
    """Whether it failed too often to be started again before the leader says so or a failure is forgiven."""
    return service.failure is Condition.RECOVERY_FAILURE and service.fail_count >= failures_max(spec)


def action_failed(draft: Draft, name: str, spec: ServiceSpec, action: ServiceAction, reason: str) -> None:
    """An action that changes the state failed after its retries; the next attempt waits longer each time."""
    service = draft.services[name]
    failures, transitions = service.action_failures + 1, service.transition_failures + 1
    again_ms = draft.now_ms + pause_ms(draft.base.settings, failures)
    pause = {"stop_ms": again_ms} if action in STOPS else {"start_ms": again_ms}
    stops = service.stop_failures + 1 if action is ServiceAction.DISABLE else service.stop_failures
    draft.change(name, action_failures=failures, transition_failures=transitions, stop_failures=stops,
                 reason=f"{action.value}: {reason}" if reason else f"{action.value} failed",
                 **pause, **_countdown(draft, service, spec))
    if transitions >= max(spec.max_transition_failures, 1):
        give_up(draft, name, spec)
    elif failures >= max(spec.max_action_failures, 1):
        draft.change(name, failure=Condition.ACTION_FAILURE)


def service_failed(draft: Draft, name: str, spec: ServiceSpec, bounce: Bounce, reason: str) -> None:
    """A service failed while it was enabled: stop it, then start it again."""
    draft.cancel(name)
    service = draft.services[name]
    draft.change(name, fail_count=service.fail_count + 1, bounce=bounce, state=ServiceState.DISABLING, reason=reason,
                 **_countdown(draft, service, spec))


def judge_stopped(draft: Draft, name: str, spec: ServiceSpec) -> None:
    """The service is down on its way up again: has it failed too often?"""
    service = draft.services[name]
    if not service.given_up and service.fail_count >= failures_max(spec):
        draft.change(name, failure=Condition.RECOVERY_FAILURE)
        _reboot_if_said(draft, service, spec)


def give_up(draft: Draft, name: str, spec: ServiceSpec) -> None:
    """Stop the service and do not start it again until that is cleared."""
    service = draft.change(name, given_up=True, failure=Condition.FATAL_FAILURE)
    _reboot_if_said(draft, service, spec)


def forgive(draft: Draft, name: str, spec: ServiceSpec, stable: bool) -> None:
    """A countdown interval is over: fewer failures count, and when the service is ``stable``, no failed transition."""
    service = draft.services[name]
    count = max(service.fail_count - max(spec.fail_countdown, 0), 0)
    transitions = 0 if stable else service.transition_failures
    rest = count if spec.fail_countdown > 0 else 0
    again_ms = draft.now_ms + _interval_ms(spec) if rest or transitions else None
    draft.change(name, fail_count=count, transition_failures=transitions, countdown_ms=again_ms)


def succeed(draft: Draft, name: str) -> None:
    """The desired state is reached. A service that had failed goes on counting as failed for a while."""
    service = draft.services[name]
    fields = _still_counted(draft, service)
    draft.change(name, action_failures=0, failure=Condition.NONE, start_ms=None, stop_ms=None, recover_ms=None,
                 clear_fatal=False, **fields)


def release(draft: Draft, name: str) -> None:
    """The service is wanted in another state: that it failed too often in this one does not hold it any longer."""
    service = draft.services[name]
    if service.failure is Condition.RECOVERY_FAILURE:
        draft.change(name, failure=Condition.NONE, **_still_counted(draft, service))


def ask_recovery(draft: Draft, name: str, clear_fatal: bool) -> None:
    """The leader wants failures forgotten. Repeated orders do not recover a service more often than allowed."""
    service = draft.services[name]
    if service.failure is Condition.NONE or (service.given_up and not clear_fatal):
        return
    due_ms = draft.now_ms
    if service.recovered_ms is not None:
        due_ms = max(due_ms, service.recovered_ms + draft.base.settings.recover_pause_ms)
    draft.change(name, recover_ms=due_ms, clear_fatal=service.clear_fatal or clear_fatal)


def recover(draft: Draft, name: str) -> None:
    """Forget the failures of a service, so that it is tried again at once."""
    service = draft.services[name]
    if service.given_up and not service.clear_fatal:
        draft.change(name, recover_ms=None)
        return
    transitions = 0 if service.clear_fatal else service.transition_failures
    forget(draft, name)
    draft.change(name, recovered_ms=draft.now_ms, transition_failures=transitions)


def forget(draft: Draft, name: str) -> None:
    """Clear counters, pauses and conditions."""
    service = draft.services[name]
    draft.change(name, fail_count=0, action_failures=0, transition_failures=0, stop_failures=0, start_ms=None,
                 stop_ms=None, recover_ms=None, clear_fatal=False, given_up=False, failure=Condition.NONE,
                 **_still_counted(draft, service))


def _still_counted(draft: Draft, service: ServiceView) -> dict[str, int]:
    group = draft.group_spec(service)
    if service.failure is Condition.NONE or group is None or group.failure_debounce_ms <= 0:
        return {}
    return {"counted_ms": draft.now_ms + group.failure_debounce_ms}


def _interval_ms(spec: ServiceSpec) -> int:
    return max(spec.fail_countdown_interval_ms, COUNTDOWN_MIN_MS)


def _countdown(draft: Draft, service: ServiceView, spec: ServiceSpec) -> dict[str, int]:
    """The countdown begins with the first failure; later ones do not postpone it."""
    return {} if service.countdown_ms is not None else {"countdown_ms": draft.now_ms + _interval_ms(spec)}


def _reboot_if_said(draft: Draft, service: ServiceView, spec: ServiceSpec) -> None:
    if spec.on_failure is OnFailure.REBOOT:
        draft.reboot_later(service.group, f"{service.name} failed here: {service.reason}")

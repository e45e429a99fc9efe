# SPDX-License-Identifier: Apache-2.0
"""Beginnings and changes: the first view, a view of an earlier process, and a changed catalogue."""
from __future__ import annotations

from flock.core.records import replace
from sm.contract.states import GroupState, ServiceAction, ServiceState
from sm.core.actions import Action, CancelAction
from sm.core.local import failures
from sm.core.local.draft import Draft
from sm.core.local.group import DESIRED
from sm.core.local.settle import settle
from sm.core.local.view import Bounce, Former, GroupView, LocalView, ServiceView, Settings
from sm.core.model import Catalogue, ServiceSpec

NOTHING = Catalogue({}, {})


def begin(catalogue: Catalogue, now_ms: int, settings: Settings | None = None) -> tuple[LocalView, tuple[Action, ...]]:
    """The first view after the node has booted: every service is looked at, nothing is started or stopped."""
    view = LocalView(settings=settings or Settings(), audit_ms=now_ms)
    return adopt(view, NOTHING, catalogue, now_ms)


def resume(view: LocalView, catalogue: Catalogue, now_ms: int) -> tuple[LocalView, tuple[Action, ...]]:
    """The view of an earlier process of the same boot, whose actions may still run and whose orders do not count.

    Every service is looked at; counters and what is unmanaged stay. Nothing counts as stopped until it is proven anew.
    After a boot, ``begin`` takes its place.
    """
    cancelled: list[Action] = [CancelAction(service.name, service.run_id) for service in view.services.values()
                               if service.action is not None]
    services = {name: _anew(service) for name, service in view.services.items()}
    groups = {name: replace(group, desired=GroupState.DISABLED if group.removed else GroupState.INITIAL,
                            state=GroupState.DISABLING if group.removed else GroupState.INITIAL)
              for name, group in view.groups.items()}
    fresh = replace(view, services=services, groups=groups, audit_ms=now_ms, reboot_ms=None, reboot_group="",
                    reboot_reason="")
    after, actions = adopt(fresh, catalogue, catalogue, now_ms)
    return after, (*cancelled, *actions)


def adopt(view: LocalView, before: Catalogue, catalogue: Catalogue, now_ms: int
          ) -> tuple[LocalView, tuple[Action, ...]]:
    """Go over from one catalogue to another: what is removed stops, then is forgotten; what is new starts.

    A service whose definition has changed is stopped as it was defined and started as it is.
    """
    draft = Draft(view, catalogue, now_ms)
    for name in view.groups:
        _adopt_group(draft, name)
    for name in catalogue.groups:
        if name not in draft.groups:
            draft.groups[name] = GroupView(name, changed_ms=now_ms)
    for name in view.services:
        _adopt_service(draft, name, before)
    for name in catalogue.services:
        spec = catalogue.group_of(name)
        if spec is not None and name not in draft.services:
            desired = DESIRED.get(draft.groups[spec.name].desired, ServiceState.INITIAL)
            draft.services[name] = ServiceView(name, group=spec.name, desired=desired, since_ms=now_ms)
    _order_the_leaving(draft, before, frozenset(view.former))
    for name in draft.services:
        draft.touch(name)
    draft.stale_groups.update(dict.fromkeys(draft.groups))
    after = settle(draft)
    return after, tuple(draft.actions)


def _anew(service: ServiceView) -> ServiceView:
    removed = service.desired if service.desired is ServiceState.DISABLED else ServiceState.INITIAL
    fresh = replace(service, desired=removed, stopped=False, bounce=Bounce.NONE, leaving=None, watched=False,
                    action=None, run_due_ms=None, look_due_ms=None, audit_ms=None, start_ms=None, stop_ms=None,
                    recover_ms=None, clear_fatal=False)
    return replace(fresh, state=ServiceState.INITIAL) if service.managed else fresh


def _adopt_group(draft: Draft, name: str) -> None:
    group = draft.groups[name]
    if name not in draft.catalogue.groups:
        draft.change_group(name, removed=True, desired=GroupState.DISABLED)
    elif group.removed:
        draft.change_group(name, removed=False, desired=GroupState.INITIAL, state=GroupState.INITIAL)


def _adopt_service(draft: Draft, name: str, before: Catalogue) -> None:
    service, spec = draft.services[name], draft.catalogue.services.get(name)
    group = draft.catalogue.group_of(name)
    old = draft.spec_of(name) if name in draft.former else before.services.get(name)
    if spec is None or group is None:
        if old is None or _is_gone(service, old):
            draft.cancel(name)
            draft.forget(name)
            return
        failures.forget(draft, name)
        draft.change(name, desired=ServiceState.DISABLED)
        _keep(draft, old)
        return
    desired = DESIRED.get(draft.groups[group.name].desired, ServiceState.INITIAL)
    draft.change(name, group=group.name, desired=desired)
    if old is not None and name not in draft.former and _differs(old, spec):
        if _is_gone(service, old):
            draft.cancel(name)
        else:
            _keep(draft, old)


def _is_gone(service: ServiceView, spec: ServiceSpec) -> bool:
    """Whether nothing has to be stopped, or can be."""
    return service.stopped or not service.managed or ServiceAction.DISABLE not in spec.actions


def _differs(old: ServiceSpec, new: ServiceSpec) -> bool:
    """Whether what is started or stopped differs; limits and audits may change while a service runs."""
    def essence(spec: ServiceSpec) -> list[object]:
        return [spec.parameters, spec.pid_file, *((action, detail.plugin, detail.provider, detail.name, detail.command,
                detail.parameters) for action, detail in sorted(spec.actions.items())
                if detail.interval_s == 0)]
    return essence(old) != essence(new)


def _keep(draft: Draft, old: ServiceSpec) -> None:
    if old.name not in draft.former:
        draft.former[old.name] = Former(old.name, tuple(old.actions.values()), dict(old.parameters), old.pid_file,
                                        old.max_action_failures, old.max_transition_failures)


def _order_the_leaving(draft: Draft, before: Catalogue, settled: frozenset[str]) -> None:
    """Of services that leave together, those that use others stop first, as the old catalogue says.

    The order of those that were leaving before stays, so that two catalogues cannot make a cycle.
    """
    for name in draft.former.keys() - settled:
        users = {row.dependent for row in before.of(name, ServiceAction.DISABLE) if row.dependent in draft.former}
        draft.former[name] = replace(draft.former[name], users=tuple(sorted(users)))

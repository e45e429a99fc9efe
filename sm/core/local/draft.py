# SPDX-License-Identifier: Apache-2.0
"""A view that one step is changing, the actions that come out of it, and which services must be looked at again."""
from __future__ import annotations

from typing import Any

from flock.core.records import replace
from sm.contract.states import ServiceAction, ServiceState
from sm.core.actions import Action, CancelAction, RebootNode, RunAction, UnwatchProcess, WatchProcess
from sm.core.local.dependencies import Relations
from sm.core.local.view import ENABLED_STATES, STOPPED_STATES, GroupView, LocalView, ServiceView
from sm.core.model import Catalogue, GroupSpec, ServiceSpec

AUDITS = frozenset({ServiceAction.AUDIT_ENABLED, ServiceAction.AUDIT_DISABLED})
OWN_TIME_MARGIN_MS = 10_000
SEEN_BY_OTHERS = frozenset({"state", "leaving", "desired", "stopped", "managed", "stop_failures"})


class Draft:
    """Made from a view at the start of a step; ``view`` is the result. Lives for one step only."""

    def __init__(self, view: LocalView, catalogue: Catalogue, now_ms: int) -> None:
        self.base = view
        self.catalogue = catalogue
        self.now_ms = now_ms
        self.services: dict[str, ServiceView] = dict(view.services)
        self.groups: dict[str, GroupView] = dict(view.groups)
        self.former = dict(view.former)
        # Sees the services as they are at each moment of the step.
        self.relations = Relations(catalogue, self.services, self.former)
        self.next_run_id = view.next_run_id
        self.audit_ms = view.audit_ms
        self.reboot_ms, self.reboot_group, self.reboot_reason = (
            view.reboot_ms, view.reboot_group, view.reboot_reason)
        self.actions: list[Action] = []
        # Insertion order, so that equal inputs give equal outputs.
        self.stale: dict[str, None] = {}
        self.stale_groups: dict[str, None] = {}

    @property
    def view(self) -> LocalView:
        """The changed view; the very one of the beginning when nothing has changed."""
        view = LocalView(self.services, self.groups, self.former, self.base.settings, self.next_run_id, self.audit_ms,
                         self.reboot_ms, self.reboot_group, self.reboot_reason)
        return self.base if view == self.base else view

    def spec_of(self, name: str) -> ServiceSpec | None:
        """How the service is defined: as it was when started here, as long as that must be stopped first."""
        former = self.former.get(name)
        return former.spec if former is not None else self.catalogue.services.get(name)

    def group_spec(self, service: ServiceView) -> GroupSpec | None:
        """The group of a service; None when the group has been removed."""
        return self.catalogue.groups.get(service.group)

    def touch(self, name: str) -> None:
        """Have a service looked at before the step ends."""
        if name in self.services:
            self.stale[name] = None

    def change(self, name: str, **fields: Any) -> ServiceView:
        """Set fields of a service. When they matter to others, those are looked at again, and so is the group."""
        before = self.services[name]
        if "state" in fields and fields["state"] is not before.state:
            fields.setdefault("since_ms", self.now_ms)
            fields.setdefault("audit_ms", None)
            if fields["state"] not in STOPPED_STATES:
                fields["stopped"] = False
            # What stood by, or was starting to, becomes nothing else while it is stopped.
            if fields["state"] is not ServiceState.DISABLING:
                fields.setdefault("passive", fields["state"] is ServiceState.ENABLED_STANDBY)
        if all(getattr(before, field) == value for field, value in fields.items()):
            return before
        after = replace(before, **fields)
        self.services[name] = after
        self.stale[name] = None
        self.stale_groups[after.group] = None
        if any(field in SEEN_BY_OTHERS for field in fields):
            self._touch_others(name)
        return after

    def _touch_others(self, name: str) -> None:
        for row in self.catalogue.naming(name):
            self.touch(row.service)
        for row in self.catalogue.rows_of(name):
            self.touch(row.dependent)
        for former in self.former.values():
            if name in former.users:
                self.touch(former.name)

    def change_group(self, name: str, **fields: Any) -> None:
        """Set fields of a group."""
        before = self.groups[name]
        if "state" in fields and fields["state"] is not before.state:
            fields["changed_ms"] = self.now_ms
        self.groups[name] = replace(before, **fields)

    def run(self, name: str, action: ServiceAction, **fields: Any) -> ServiceView:
        """Start an action of a service, which must have it; cancels what it still runs."""
        self.cancel(name)
        spec = self.spec_of(name)
        if spec is None:
            raise ValueError(f"{name} has no definition")
        run_id = self.next_run_id
        self.next_run_id += 1
        service = self.change(name, action=action, run_id=run_id, run_since_ms=self.now_ms,
                              run_due_ms=self.now_ms + self._limit_ms(spec, action), **fields)
        self.watch(name)
        self.actions.append(RunAction(name, action, run_id))
        return service

    def _limit_ms(self, spec: ServiceSpec, action: ServiceAction) -> int:
        detail, settings = spec.actions[action], self.base.settings
        attempt_ms = max(detail.timeout_s, 1) * 1000
        if action in AUDITS:
            return attempt_ms * (1 + max(detail.retries.total, 0)) + settings.answer_margin_ms
        return max(settings.transition_limit_ms, attempt_ms + OWN_TIME_MARGIN_MS)

    def cancel(self, name: str) -> None:
        """Kill what a service runs, if anything; its answer will be ignored."""
        service = self.services[name]
        if service.action is not None:
            self.actions.append(CancelAction(name, service.run_id))
            self.change(name, action=None, run_due_ms=None, look_due_ms=None)

    def watch(self, name: str) -> None:
        """Start or stop watching the process, as the state of the service requires.

        A demotion may replace the process, so its end is no news then: the answer of the action counts.
        """
        service = self.services[name]
        wanted = (service.managed and service.state in ENABLED_STATES
                  and service.state is not ServiceState.ENABLED_GO_STANDBY)
        if wanted != service.watched:
            self.actions.append(WatchProcess(name) if wanted else UnwatchProcess(name))
            self.change(name, watched=wanted)

    def reboot_later(self, group: str, reason: str) -> None:
        """Reboot this node after the delay that lets groups move, unless that is under way already."""
        if self.reboot_ms is None:
            self.reboot_ms = self.now_ms + self.base.settings.reboot_delay_ms
            self.reboot_group, self.reboot_reason = group, reason

    def stay(self, group: str) -> None:
        """Forget the reboot that ``group`` was to cause."""
        if self.reboot_ms is not None and self.reboot_group == group:
            self.reboot_ms, self.reboot_group, self.reboot_reason = None, "", ""

    def reboot_if_due(self) -> None:
        """Ask for the reboot, and again later if this node is still there."""
        if self.reboot_ms is not None and self.reboot_ms <= self.now_ms:
            self.actions.append(RebootNode(self.reboot_reason))
            self.reboot_ms = self.now_ms + self.base.settings.reboot_again_ms

    def forget(self, name: str) -> None:
        """Drop a service that is no longer of this system."""
        service = self.services.pop(name)
        self.former.pop(name, None)
        self.stale.pop(name, None)
        self.stale_groups[service.group] = None
        self._touch_others(name)

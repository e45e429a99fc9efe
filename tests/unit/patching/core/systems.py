# SPDX-License-Identifier: Apache-2.0
"""Systems of the acceptance scenarios as views: SX, DX, STD, STG; and the steps of their operators."""
from __future__ import annotations

from typing import Any

from flock.core.records import replace
from patching.contract.states import ReleaseState as R
from patching.contract.version import Version
from patching.core import events
from patching.core.actions import Action, Install, RunScripts
from patching.core.events import Event
from patching.core.model import Host, Precheck, Release, View
from patching.core.step import step

SYSTEMS = {
    "SX": ["controller-0"],
    "DX": ["controller-0", "controller-1"],
    "STD": ["controller-0", "controller-1", "compute-0", "compute-1", "compute-2"],
    "STG": ["controller-0", "controller-1", "storage-0", "storage-1", "compute-0", "compute-1", "compute-2"],
}
PERSONALITY = {"controller": "controller", "storage": "storage", "compute": "worker"}


def a_release(text: str, state: R = R.AVAILABLE, **fields: Any) -> Release:
    version = Version.parse(text)
    return Release(f"starlingx-{text}", version, state, **{"reboot_required": False, **fields})


def a_system(kind: str, *releases: Release, running: str = "10.0.0") -> View:
    hosts = {name: Host(number, name, PERSONALITY[name.partition("-")[0]])
             for number, name in enumerate(SYSTEMS[kind], 1)}
    known = {release.id: release for release in (a_release("10.0.0", R.DEPLOYED), *releases)}
    return View(Version.parse(running), known, hosts)


class System:
    """A view to which things happen; time passes by a second with each. ``done``: all actions so far."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.now_ms = 1_000_000
        self.done: list[Action] = []

    def happen(self, event: Event) -> tuple[Action, ...]:
        self.now_ms += 1_000
        self.view, actions = step(self.view, event, self.now_ms)
        self.done += actions
        return actions

    def host(self, name: str, **fields: Any) -> None:
        self.view = replace(self.view, hosts={**self.view.hosts, name: replace(self.view.hosts[name], **fields)})

    def lock(self, name: str) -> None:
        self.host(name, administrative="locked", operational="disabled", availability="online")

    def unlock(self, name: str) -> None:
        self.host(name, administrative="unlocked", operational="enabled", availability="available")

    def precheck(self, text: str, *, is_healthy: bool = True, relaxed: bool = False, words: str = "") -> None:
        self.view = replace(self.view, precheck=Precheck(f"starlingx-{text}", is_healthy, self.now_ms, relaxed, words))

    def start(self, text: str, **fields: Any) -> None:
        self.precheck(text)
        self.happen(events.Start(f"starlingx-{text}", **fields))
        self.scripts_end(commit_id="c0ffee")

    def scripts_end(self, error: str = "", commit_id: str = "") -> None:
        run = next(action for action in reversed(self.done) if isinstance(action, RunScripts))
        self.happen(events.ScriptsEnded(run.attempt, error, commit_id))

    def install(self, name: str, *, back: bool = False, error: str = "") -> None:
        needs_lock = self.view.deploy is not None and self.view.deploy.reboot_required
        if needs_lock:
            self.lock(name)
        order: Event = events.RollBackHost(name) if back else events.DeployHost(name)
        (begun,) = self.happen(order)
        assert isinstance(begun, Install)
        self.happen(events.HostEnded(name, begun.attempt, error))
        if needs_lock and not error:
            self.unlock(name)

    @property
    def states(self) -> dict[str, str]:
        return {name: row.state.value for name, row in self.view.rows.items()}

    @property
    def state(self) -> str | None:
        return None if self.view.deploy is None else self.view.deploy.state.value

    def release(self, text: str) -> str:
        return self.view.releases[f"starlingx-{text}"].state.value

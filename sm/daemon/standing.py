# SPDX-License-Identifier: Apache-2.0
"""What this node has found out about itself: its paths, carriers, readiness, lateness."""
from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from flock.core.records import replace
from sm.contract.messages import Beat, NodeReport
from sm.contract.states import Operational
from sm.core import paths
from sm.core.node.view import Standing

READY_MS = 1_000
"""How often the files that say whether the node is ready are looked at."""


class Ready:
    """Whether the node is ready: all of some files exist, and one does not."""

    def __init__(self, required: Iterable[str], unhealthy: str) -> None:
        self._required, self._unhealthy = tuple(map(Path, required)), Path(unhealthy)
        self._looked_ms: int | None = None
        self._ready = Operational.DISABLED

    def state(self, now_ms: int) -> Operational:
        """Enabled when it is ready; at most ``READY_MS`` old."""
        if self._looked_ms is None or now_ms - self._looked_ms >= READY_MS:
            ready = all(path.exists() for path in self._required) and not self._unhealthy.exists()
            self._looked_ms, self._ready = now_ms, Operational.ENABLED if ready else Operational.DISABLED
        return self._ready


class Self:
    """Keeps the ``Standing`` of this node. ``said`` gets sentences about paths for the journal,
    ``alarmed`` the alarms of paths with their devices.

    ``report``: the states of the node as host maintenance knows them; its ``ready`` is found out here. ``leaving``: the
    node is not to run anything any more. ``unstored``: why the store cannot be written.
    """

    def __init__(self, settings: paths.PathSettings, ready: Ready, report: NodeReport, fenceable: frozenset[str],
                 said: Callable[[str], None], alarmed: Callable[[paths.PathAlarm, str], None], now_ms: int) -> None:
        self._settings, self._ready, self._said, self._alarmed = settings, ready, said, alarmed
        self._fenceable = fenceable
        self.view = paths.begin(settings, now_ms)
        self.report = report
        self.unstored = ""
        self._carriers: dict[str, bool] = {}
        self._reachable: dict[str, bool] = {}
        self._by_device = {device: path for path, device in settings.devices.items()}
        self._stalled_ms = Standing().stalled_ms
        self._synced_ms: dict[str, int] = {}
        self._witness_ms: int | None = None

    def on_beat(self, path: str, beat: Beat, now_ms: int) -> None:
        """An authentic beat came on a path."""
        if beat.node not in self._settings.peers:
            self._witness_ms = now_ms
        self._step(paths.Heard(path, beat), False, now_ms)

    def on_carrier(self, device: str, up: bool, now_ms: int) -> None:
        """A device has gained or lost its carrier."""
        path = self._by_device[device]
        self._carriers[path] = up
        self._step(paths.Carrier(path, up), False, now_ms)

    def on_reachable(self, path: str, reachable: bool | None) -> None:
        """Whether the targets of a path answer; None: not known."""
        if reachable is None:
            self._reachable.pop(path, None)
        else:
            self._reachable[path] = reachable

    def on_tick(self, leading: bool, late_ms: int, now_ms: int) -> None:
        """Time has passed; the tick came ``late_ms`` too late."""
        if late_ms >= self._settings.timing.silent_ms // 2:
            self._stalled_ms = now_ms
        self._step(paths.Tick(), leading, now_ms)

    def standing(self, in_sync: frozenset[str], enforced: int, now_ms: int) -> Standing:
        """All of it."""
        heard = paths.heard_lately(self._settings, self.view, now_ms)
        ready = self._ready.state(now_ms)
        carriers, reachable = dict(self._carriers), dict(self._reachable)
        lost = paths.lost_networks(carriers, heard, reachable)
        isolated = self.unstored or self._isolated(now_ms)
        return Standing(replace(self.report, ready=ready), lost, isolated, in_sync, enforced, self._fenceable,
                        self._stalled_ms, carriers, heard, reachable, self._doubtful(in_sync, now_ms))

    def _isolated(self, now_ms: int) -> str:
        """Why this node would hear nobody; empty while it hears a witness, whose vote is for who can be reached."""
        if self._witness_ms is not None and now_ms - self._witness_ms < self._settings.timing.silent_ms:
            return ""
        return paths.isolation(self._settings, self.view, self._reachable)

    def _doubtful(self, in_sync: frozenset[str], now_ms: int) -> frozenset[str]:
        """The nodes that have just lost synchronization: until a path would be silent and a tick has seen that, and for
        as long as it may take to prove at whose end one is at fault."""
        self._synced_ms |= dict.fromkeys(in_sync, now_ms)
        if in_sync.issuperset(self._synced_ms):
            return frozenset()
        unexplained = paths.unexplained(self._settings, self.view, now_ms)
        timing = self._settings.timing
        noticed_ms = timing.silent_ms + 2 * timing.beat_ms
        return frozenset(node for node, at_ms in self._synced_ms.items() if node not in in_sync and now_ms - at_ms < (
            paths.DOUBT_MS if node in unexplained else noticed_ms))

    def _step(self, event: paths.Event, leading: bool, now_ms: int) -> None:
        self.view, actions = paths.step(self._settings, self.view, event, leading, now_ms)
        for action in actions:
            if isinstance(action, paths.PathChange):
                self._said(f"path {action.path} is {action.state}")
                continue
            self._alarmed(action, self._settings.devices[action.path])
            if action.text is not None:
                self._said(action.text)

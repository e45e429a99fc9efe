# SPDX-License-Identifier: Apache-2.0
"""The state of each messaging path of this node, what a node's lost networks cost it, and alarm 400.005.

A path is ok while another node is heard on it. Time in which this process itself did not run counts against nobody.
"""
from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from flock.core.records import replace
from sm.contract.messages import Beat
from sm.contract.states import PathState
from sm.core.timing import Timing

DEBOUNCE_MS = 30_000
DOUBT_MS = 6_000
"""How long it may take to prove at whose end a network is at fault: the probes, and the move that follows."""
PAUSE_MAX_MS = 60_000
AWAY_MAX_MS = 900_000
"""How long the silence of a host that goes down in order is no fault of a path: a reboot of a large machine."""
WEIGHTS: Mapping[str, int] = {"oam": 1, "cluster-host": 2, "mgmt": 4, "admin": 0}
"""What a lost network costs, unless the site says otherwise; any other network costs nothing."""


class PathSettings(Struct, frozen=True):
    """``devices``: by path, the name of the network device; ``peers``: the other nodes, without the witness.

    ``direct``: paths that are a cable to the other node. A tick is due every ``timing.beat_ms``.
    """

    node: str
    devices: Mapping[str, str]
    peers: tuple[str, ...]
    direct: frozenset[str] = frozenset()
    weights: Mapping[str, int] = field(default_factory=lambda: WEIGHTS)
    timing: Timing = Timing()
    debounce_ms: int = DEBOUNCE_MS


class Tick(Struct, frozen=True):
    """Time has passed; due every ``beat_ms``."""


class Carrier(Struct, frozen=True):
    """The device of a path has a carrier, or has none; None when that is not known."""

    path: str
    up: bool | None


class Heard(Struct, frozen=True):
    """An accepted beat of another node came on a path."""

    path: str
    beat: Beat


Event = Tick | Carrier | Heard


class PathChange(Struct, frozen=True):
    """The path of this node is now in ``state``."""

    path: str
    state: PathState


class PathAlarm(Struct, frozen=True):
    """400.005 for a host and a path: raise it with ``text``, or clear it where ``text`` is None."""

    host: str
    path: str
    text: str | None


Action = PathChange | PathAlarm


class Line(Struct, frozen=True):
    """One path. ``heard_ms``: by node, when it was heard last, moved on by the time in which this node did not run."""

    state: PathState = PathState.UNKNOWN
    carrier: bool | None = None
    heard_ms: Mapping[str, int] = field(default_factory=dict)


class Told(Struct, frozen=True):
    """What another node told last of its paths, and until when its silence is announced: a pause of its daemon, or the
    reboot of its host."""

    heard_ms: int
    carriers: Mapping[str, bool]
    heard: Mapping[str, tuple[str, ...]]
    paused_until_ms: int
    away_until_ms: int = 0


class Trouble(Struct, frozen=True):
    """A path of a host is bad, or was lately. ``text`` is that of the raised alarm; None while it is not raised."""

    since_ms: int
    bad_ms: int
    text: str | None = None


class PathsView(Struct, frozen=True):
    """All that this node knows of the paths. ``stalled_ms``: when this process was last late, None for never.
    ``settled``: own paths of which an alarm of an earlier start is gone."""

    started_ms: int
    ticked_ms: int
    lines: Mapping[str, Line]
    told: Mapping[str, Told] = field(default_factory=dict)
    troubles: Mapping[tuple[str, str], Trouble] = field(default_factory=dict)
    stalled_ms: int | None = None
    settled: frozenset[str] = frozenset()


def begin(settings: PathSettings, now_ms: int) -> PathsView:
    """The view of a node that has just started."""
    return PathsView(now_ms, now_ms, {path: Line() for path in settings.devices})


def step(settings: PathSettings, view: PathsView, event: Event, leading: bool,
         now_ms: int) -> tuple[PathsView, tuple[Action, ...]]:
    """Take in one event. ``leading``: this node has the lease, so it also raises alarms of the nodes that it hears."""
    if isinstance(event, Carrier) and event.path in view.lines:
        view = _with_line(view, event.path, replace(view.lines[event.path], carrier=event.up))
    elif isinstance(event, Heard):
        view = _heard(settings, view, event, now_ms)
        if event.path not in view.lines or view.lines[event.path].state is PathState.OK:
            # What is heard makes no path worse; that is for the tick to find.
            return view, ()
    elif isinstance(event, Tick):
        view = _excuse_own_delay(settings, view, now_ms)
    view, changes = _judge(settings, view, now_ms)
    if not isinstance(event, Tick):
        return view, changes
    view, alarms = _alarms(settings, view, leading, now_ms)
    return view, (*changes, *alarms)


def heard_lately(settings: PathSettings, view: PathsView, now_ms: int) -> dict[str, tuple[str, ...]]:
    """By path, the nodes heard on it within the dead time, for ``Beat.heard``."""
    silent_ms = settings.timing.silent_ms
    return {path: tuple(sorted(node for node, at_ms in line.heard_ms.items() if now_ms - at_ms < silent_ms))
            for path, line in view.lines.items()}


def unexplained(settings: PathSettings, view: PathsView, now_ms: int) -> frozenset[str]:
    """Nodes that are heard, but lately on some path no more, and that do not say that their own device is at fault."""
    silent_ms, found = settings.timing.silent_ms, set()
    for node, told in view.told.items():
        ages = {path: now_ms - line.heard_ms[node] for path, line in view.lines.items() if node in line.heard_ms}
        lately = [path for path, age_ms in ages.items() if silent_ms <= age_ms < silent_ms + DOUBT_MS]
        if min(ages.values(), default=silent_ms) < silent_ms and any(
                told.carriers.get(path) is not False for path in lately):
            found.add(node)
    return frozenset(found)


def isolation(settings: PathSettings, view: PathsView, reachable: Mapping[str, bool]) -> str:
    """Why this node's own networks are at fault when it hears no other node; empty when they are not.

    They are when those without carrier, or proven to be cut off, have more than half of the weight of all that lead to
    a switch. A direct cable proves nothing: its carrier ends with the other node too.
    """
    if any(line.state is PathState.OK for line in view.lines.values()):
        return ""
    faults = {}
    for path, line in view.lines.items():
        if line.state is PathState.DOWN:
            faults[path] = "has no carrier"
        elif line.state is PathState.MISSING_HEARTBEAT and reachable.get(path) is False:
            faults[path] = "reaches none of its targets"
    counted = view.lines.keys() - settings.direct
    blamed = counted & faults.keys()
    total, lost = (sum(settings.weights.get(path, 0) for path in some) for some in (counted, blamed))
    if not blamed or (2 * lost <= total and blamed != counted):
        return ""
    return ", ".join(f"{path} {faults[path]}" for path in sorted(blamed))


def lost_networks(carriers: Mapping[str, bool], heard: Mapping[str, tuple[str, ...]],
                  reachable: Mapping[str, bool]) -> frozenset[str]:
    """The paths on which a node is cut off, from what its beats say: its device has no carrier, or it hears nobody
    there and none of the targets that it probes answers. Unknown is not lost."""
    return frozenset([path for path, up in carriers.items()
                      if not up or (not heard.get(path) and reachable.get(path) is False)])


def score(weights: Mapping[str, int], lost: frozenset[str]) -> int:
    """0 for a node that has all networks, less for one that has lost some; the better one survives."""
    return -sum(weights.get(path, 0) for path in lost)


def _with_line(view: PathsView, path: str, line: Line) -> PathsView:
    return replace(view, lines={**view.lines, path: line})


def _heard(settings: PathSettings, view: PathsView, event: Heard, now_ms: int) -> PathsView:
    beat, line = event.beat, view.lines.get(event.path)
    if line is None or beat.node not in settings.peers:
        return view
    line = replace(line, heard_ms={**line.heard_ms, beat.node: now_ms})
    paused_ms = now_ms + min(beat.pausing_ms, PAUSE_MAX_MS) if beat.pausing_ms > 0 else 0
    away_ms = now_ms + min(beat.departing_ms, AWAY_MAX_MS) if beat.departing_ms > 0 else 0
    told = Told(now_ms, beat.carriers, beat.heard, paused_ms, away_ms)
    return replace(view, lines={**view.lines, event.path: line}, told={**view.told, beat.node: told})


def _excuse_own_delay(settings: PathSettings, view: PathsView, now_ms: int) -> PathsView:
    """Move all hearing times on by the time for which this tick is overdue."""
    overdue_ms = now_ms - view.ticked_ms - settings.timing.beat_ms
    view = replace(view, ticked_ms=now_ms)
    if overdue_ms < settings.timing.beat_ms // 2:
        return view
    lines = {path: replace(line, heard_ms={node: min(now_ms, at_ms + overdue_ms)
                                           for node, at_ms in line.heard_ms.items()})
             for path, line in view.lines.items()}
    return replace(view, started_ms=view.started_ms + overdue_ms, stalled_ms=now_ms, lines=lines)


def _judge(settings: PathSettings, view: PathsView, now_ms: int) -> tuple[PathsView, tuple[Action, ...]]:
    changes = []
    for path, line in view.lines.items():
        state = _state(settings, view, line, now_ms)
        if state is not line.state:
            view = _with_line(view, path, replace(line, state=state))
            changes.append(PathChange(path, state))
    return view, tuple(changes)


def _state(settings: PathSettings, view: PathsView, line: Line, now_ms: int) -> PathState:
    if line.carrier is False:
        return PathState.DOWN
    if not settings.peers:
        return PathState.OK if line.carrier else PathState.UNKNOWN
    if line.heard_ms and now_ms - max(line.heard_ms.values()) < settings.timing.silent_ms:
        return PathState.OK
    if now_ms - view.started_ms < settings.timing.silent_ms or line.carrier is None and not line.heard_ms:
        return PathState.UNKNOWN
    awaited = [view.told[node].paused_until_ms <= now_ms if node in view.told else True for node in settings.peers]
    if not any(awaited):
        return line.state if line.state is not PathState.DOWN else PathState.UNKNOWN
    return PathState.MISSING_HEARTBEAT


def _alarms(settings: PathSettings, view: PathsView, leading: bool,
            now_ms: int) -> tuple[PathsView, tuple[PathAlarm, ...]]:
    troubles = dict(view.troubles)
    actions: list[PathAlarm] = []
    settled = set(view.settled)
    for (host, path), bad in _badness(settings, view, now_ms).items():
        own = host == settings.node
        if not own and not leading:
            troubles.pop((host, path), None)
            continue
        before = troubles.get((host, path))
        after = _trouble(settings, before, (host, path), bad, now_ms)
        if after is None:
            troubles.pop((host, path), None)
        else:
            troubles[host, path] = after
        old, new = before.text if before else None, after.text if after else None
        # An alarm of an earlier start of this node, which did not see it end.
        leftover = own and path not in settled and after is None and now_ms - view.started_ms >= settings.debounce_ms
        if new != old or leftover:
            actions.append(PathAlarm(host, path, new))
            settled |= {path} if own else set()
    return replace(view, troubles=troubles, settled=frozenset(settled)), tuple(actions)


def _badness(settings: PathSettings, view: PathsView, now_ms: int) -> dict[tuple[str, str], bool]:
    """By host and path, whether messages do not get through there; hosts of which nothing is known are left out.

    Where the other end says that its device has no carrier, the fault is there and not here. While all other nodes are
    away in order, nobody is missed.
    """
    bad: dict[tuple[str, str], bool] = {}
    told = {node: row for node, row in view.told.items()
            if node in settings.peers and now_ms - row.heard_ms < settings.timing.silent_ms}
    away = bool(settings.peers) and all(node in view.told and now_ms < view.told[node].away_until_ms
                                        for node in settings.peers)
    for path, line in view.lines.items():
        blamed = bool(settings.peers) and all(node in told and told[node].carriers.get(path) is False
                                              for node in settings.peers)
        if line.state is not PathState.UNKNOWN:
            bad[settings.node, path] = line.state is PathState.DOWN or (
                line.state is PathState.MISSING_HEARTBEAT and not blamed and not away)
        for node, row in told.items():
            if path in row.carriers:
                deaf = path in row.heard and not row.heard[path] and line.carrier is not False
                bad[node, path] = not row.carriers[path] or deaf
    return bad


def _trouble(settings: PathSettings, before: Trouble | None, where: tuple[str, str], bad: bool,
             now_ms: int) -> Trouble | None:
    """A path that is bad for the debounce time is alarmed, and one that was good for as long is not any more.

    What becomes good for a shorter time counts as bad throughout, so that a flapping path is alarmed too.
    """
    if before is None:
        return Trouble(now_ms, now_ms) if bad else None
    if not bad and now_ms - before.bad_ms >= settings.debounce_ms:
        return None
    text = before.text
    if text is not None or (bad and now_ms - before.since_ms >= settings.debounce_ms):
        host, path = where
        text = f"Communication failure detected with peer over port {settings.devices[path]} on host {host}"
        text += "" if bad else f" within the last {settings.debounce_ms // 1_000} seconds"
    return Trouble(before.since_ms, now_ms if bad else before.bad_ms, text)

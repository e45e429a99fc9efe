# SPDX-License-Identifier: Apache-2.0
"""Alarms 400.001 and 400.002 and logs 401.001 and 401.002: what the leader says of the health of groups and of their
redundancy."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sm.contract.states import Administrative, Availability, GroupState, Operational, Status
from sm.core.cluster import Assignment, Cluster, Node
from sm.core.model import GroupSpec

# A loss that ends within this is no alarm: a swact takes a group through it.
HOLD_MS = 5_000
GROUP_STATUS, GROUP_REDUNDANCY = "400.001", "400.002"
STATE_CHANGED, REDUNDANCY_CHANGED = "401.001", "401.002"
SEVERITIES = {Status.WARN: ("minor", "warning"), Status.DEGRADED: ("major", "degraded"),
              Status.FAILED: ("critical", "failure")}


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm that stands now. ``id`` and ``entity`` are its identity; one without a severity may stand or not."""

    id: str
    entity: str
    severity: str
    text: str
    repair: str


@dataclass(frozen=True, slots=True)
class Log:
    """A customer log."""

    id: str
    entity: str
    text: str


@dataclass(frozen=True, slots=True)
class Watch:
    """What was seen before. ``alarms``: those that stand, by id and entity. ``losses``: of a group, the loss of
    redundancy that is seen and since when. ``seen``: state and status of every assignment."""

    alarms: Mapping[tuple[str, str], Alarm] = field(default_factory=dict)
    losses: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    told: Mapping[str, str] = field(default_factory=dict)
    seen: Mapping[tuple[str, str], tuple[GroupState, Status]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """What to raise (new or changed), to clear and to log."""

    raised: tuple[Alarm, ...] = ()
    cleared: tuple[Alarm, ...] = ()
    logs: tuple[Log, ...] = ()


def first_watch(cluster: Cluster, domain: str) -> Watch:
    """What a new leader begins with: any alarm may stand from the time of the one before it, so that those which do not
    hold are cleared, and those which hold are raised again."""
    entities = [(GROUP_STATUS, f"service_domain={domain}.service_group={group}.host={node}")
                for group in cluster.groups for node in cluster.nodes]
    entities += [(GROUP_REDUNDANCY, f"service_domain={domain}.service_group={group}") for group in cluster.groups]
    return Watch(alarms={key: Alarm(*key, "", "", "") for key in entities})


def watch(before: Watch, cluster: Cluster, domain: str, now_ms: int) -> tuple[Watch, Report]:
    """Compare the domain with what was seen of it. ``domain``: its name, for the entities."""
    alarms = {(alarm.id, alarm.entity): alarm for alarm in _status_alarms(before, cluster, domain)}
    logs = _state_logs(before, cluster, domain)
    losses: dict[str, tuple[str, int]] = {}
    told: dict[str, str] = {}
    for name in sorted(cluster.groups):
        loss = redundancy_loss(cluster, cluster.groups[name])
        entity = f"service_domain={domain}.service_group={name}"
        if loss is None:
            if name in before.told:
                logs.append(Log(REDUNDANCY_CHANGED, entity, f"Service group {name} redundancy restored"))
            continue
        severity, text = loss
        losses[name] = since = (text, before.losses[name][1] if name in before.losses else now_ms)
        key = (GROUP_REDUNDANCY, entity)
        standing = before.alarms.get(key)
        if now_ms - since[1] < HOLD_MS and (standing is None or not standing.severity):
            if standing is not None:
                alarms[key] = standing
            continue
        alarms[key] = Alarm(*key, severity, text, "Bring a controller node back in to service, otherwise contact next "
                                                  "level of support")
        told[name] = text
        if before.told.get(name) != text:
            logs.append(Log(REDUNDANCY_CHANGED, entity, text))
    after = Watch(alarms, losses, told, {key: (row.state, row.status) for key, row in cluster.assignments.items()})
    raised = tuple(alarm for key, alarm in alarms.items() if before.alarms.get(key) != alarm)
    cleared = tuple(alarm for key, alarm in before.alarms.items() if key not in alarms)
    return after, Report(raised, cleared, tuple(logs))


def _status_alarms(before: Watch, cluster: Cluster, domain: str) -> list[Alarm]:
    """A group that is not well on a node. What a stopped node said last is no news of it; of a node that has not said
    anything to this leader yet, what stands goes on standing."""
    found = []
    for row in cluster.assignments.values():
        node = cluster.nodes.get(row.node)
        if row.group not in cluster.groups or node is None or node.gone:
            continue
        entity = f"service_domain={domain}.service_group={row.group}.host={row.node}"
        if row.status is not Status.NONE:
            severity, word = SEVERITIES[row.status]
            found.append(Alarm(
                GROUP_STATUS, entity, severity,
                f"Service group {row.group} {word}{f'; {row.reason}' if row.reason else ''}",
                "Contact next level of support"))
        elif not node.current and (GROUP_STATUS, entity) in before.alarms:
            found.append(before.alarms[GROUP_STATUS, entity])
    return found


def redundancy_loss(cluster: Cluster, group: GroupSpec) -> tuple[str, str] | None:
    """Severity and text of what a group lacks on nodes that count; None: nothing."""
    rows = [row for name, node in cluster.nodes.items() if counts(node)
            if (row := cluster.assignments.get((group.name, name))) is not None]
    active = sum(row.state is GroupState.ACTIVE for row in rows)
    if active < group.n_active:
        expected = _members(group.n_active, "active")
        if active == 0:
            return "critical", f"Service group {group.name} has no active members available; expected {expected}"
        return "major", (f"Service group {group.name} loss of redundancy; expected {expected} but only "
                         f"{_members(active, 'active')} available")
    standby = sum(_can_take_over(row, cluster.nodes[row.node]) for row in rows)
    if not group.movable or standby >= group.m_standby:
        return None
    has = f"only {_members(standby, 'standby')}" if standby else "no standby members"
    behind = sorted(row.node for row in rows
                    if row.state is GroupState.STANDBY and not cluster.nodes[row.node].data_current)
    why = f"; the data of {', '.join(behind)} is not current" if behind else ""
    return "major", (f"Service group {group.name} loss of redundancy; expected {_members(group.m_standby, 'standby')} "
                     f"but {has} available{why}")


def counts(node: Node) -> bool:
    """Whether what a node has counts as redundancy: it is heard, unlocked and ready, and has not failed."""
    return (node.current and not node.gone and node.ready and node.administrative is not Administrative.LOCKED
            and node.operational is not Operational.DISABLED and node.availability is not Availability.FAILED)


def _can_take_over(row: Assignment, node: Node) -> bool:
    return row.state is GroupState.STANDBY and row.status is not Status.FAILED and node.data_current


def _members(count: int, kind: str) -> str:
    return f"{count} {kind} member{'' if count == 1 else 's'}"


def _state_logs(before: Watch, cluster: Cluster, domain: str) -> list[Log]:
    """Changes of state or status; what is seen for the first time has not changed."""
    logs = []
    for key, row in cluster.assignments.items():
        old = before.seen.get(key)
        if old is None or old == (row.state, row.status):
            continue
        because = f"; {row.reason}" if row.status is not Status.NONE and row.reason else ""
        logs.append(Log(
            STATE_CHANGED, f"service_domain={domain}.service_group={row.group}.host={row.node}",
            f"Service group {row.group} state change from {_shown(*old)} to {_shown(row.state, row.status)} on host "
            f"{row.node}{because}"))
    return logs


def _shown(state: GroupState, status: Status) -> str:
    return f"{state}-{status}" if status is not Status.NONE else state

# SPDX-License-Identifier: Apache-2.0
"""What a node says to fault management, from what it sees of groups, of its paths and of commands."""
from __future__ import annotations

from flock.core.records import replace
from sm.contract.faults import Kind, Statement
from sm.core.cluster import Cluster
from sm.core.paths import PathAlarm
from sm.core.redundancy import Watch, first_watch, watch
from sm.core.swact import swact_log

SWACT, COMMUNICATION, COMMUNICATION_LOG = "401.007", "400.005", "401.005"


def of_groups(before: Watch | None, cluster: Cluster | None, domain: str, now_ms: int, *,
              audit: bool = False) -> tuple[Watch | None, tuple[Statement, ...]]:
    """What the leader says of groups. ``cluster`` None: this node does not lead, so it says nothing and begins anew
    when it leads again. ``audit``: say again all that holds, and that all else does not."""
    if cluster is None:
        return None, ()
    if before is None:
        before = first_watch(cluster, domain)
    elif audit:
        before = replace(before, alarms=first_watch(cluster, domain).alarms)
    after, report = watch(before, cluster, domain, now_ms)
    raised = tuple(Statement(Kind.RAISE, one.id, one.entity, one.severity, one.text, one.repair)
                   for one in report.raised if one.severity)
    cleared = tuple(Statement(Kind.CLEAR, one.id, one.entity) for one in report.cleared)
    logs = tuple(Statement(Kind.LOG, one.id, one.entity, "critical", one.text) for one in report.logs)
    return after, (*raised, *cleared, *logs)


def of_path(alarm: PathAlarm, device: str) -> tuple[Statement, ...]:
    """An alarm of a path, and the log of it. ``device``: that of the path."""
    entity = f"host={alarm.host}.network={alarm.path}"
    if alarm.text is not None:
        return (Statement(Kind.RAISE, COMMUNICATION, entity, text=alarm.text),
                Statement(Kind.LOG, COMMUNICATION_LOG, entity, "critical", alarm.text))
    text = f"Communication established with peer over port {device} on host {alarm.host}"
    return (Statement(Kind.CLEAR, COMMUNICATION, entity),
            Statement(Kind.LOG, COMMUNICATION_LOG, entity, "critical", text))


def of_swact(node: str, force: bool) -> Statement:
    """The log of a swact that begins."""
    entity, text = swact_log(node, force)
    return Statement(Kind.LOG, SWACT, entity, "critical", text)

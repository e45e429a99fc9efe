# SPDX-License-Identifier: Apache-2.0
"""What failed services mean for their group: status, condition and health, and how peers soften them."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sm.contract.states import Condition, Impact, OnFailure, RedundancyModel, Status
from sm.core.cluster import Health
from sm.core.local.view import ServiceView
from sm.core.model import Catalogue, GroupSpec

WEIGHT = {Status.NONE: 0, Status.WARN: 1, Status.DEGRADED: 2, Status.FAILED: 3}
OF_IMPACT = {Impact.NONE: Status.WARN, Impact.MINOR: Status.WARN, Impact.MAJOR: Status.DEGRADED,
             Impact.CRITICAL: Status.FAILED}
# The worst first: where several members are equally ill, the group shows this condition.
CONDITIONS = (Condition.FATAL_FAILURE, Condition.RECOVERY_FAILURE, Condition.ACTION_FAILURE, Condition.FD_LIMIT_REACHED,
              Condition.DATA_INCONSISTENT, Condition.DATA_OUTDATED, Condition.DATA_STANDALONE, Condition.DATA_SYNCING,
              Condition.DATA_CONSISTENT, Condition.NONE)


@dataclass(frozen=True, slots=True)
class Finding:
    """The state of health of a group on one node."""

    status: Status = Status.NONE
    condition: Condition = Condition.NONE
    health: Health = Health()
    reason: str = ""


def judge(group: GroupSpec, services: Iterable[ServiceView], catalogue: Catalogue) -> Finding:
    """The worst that the members of a group mean for it; ``reason`` lists all that are not well."""
    impacts = {member.service: member.impact for member in group.members}
    counted: list[tuple[Status, ServiceView]] = []
    for service in services:
        status = share(service, impacts.get(service.name, Impact.NONE), on_failure(catalogue, service.name))
        if status is not Status.NONE:
            counted.append((status, service))
    if not counted:
        return Finding()
    worst = max((status for status, _ in counted), key=WEIGHT.__getitem__)
    conditions = {service.condition for status, service in counted if status is worst}
    total = [status for status, _ in counted]
    return Finding(worst, min(conditions, key=CONDITIONS.index),
                   Health(total.count(Status.FAILED), total.count(Status.DEGRADED), total.count(Status.WARN)),
                   ", ".join(described(service) for _, service in counted))


def share(service: ServiceView, impact: Impact, policy: OnFailure) -> Status:
    """What one member means for the status of its group."""
    if policy is OnFailure.IGNORE:
        return Status.NONE
    if service.status is not Status.FAILED and service.counted_ms is None:
        return service.status
    status = OF_IMPACT[impact]
    return Status.DEGRADED if policy is OnFailure.DEGRADE and status is Status.FAILED else status


def on_failure(catalogue: Catalogue, service: str) -> OnFailure:
    """The policy of a service; that of a service which has been removed has no say any more."""
    spec = catalogue.services.get(service)
    return spec.on_failure if spec is not None else OnFailure.IGNORE


def described(service: ServiceView) -> str:
    """``haproxy(disabled, failed, recovery-failure)``, as alarms and logs show it."""
    status = Status.FAILED if service.status is Status.NONE and service.counted_ms is not None else service.status
    words = [service.shown_state.value, status.value, service.condition.value]
    return f"{service.name}({', '.join(word for word in words if word)})"


def softened(group: GroupSpec, status: Status, peers: Iterable[Health]) -> Status:
    """The status of a group that runs on several nodes at once: degraded at most while it is healthy on another."""
    shared = group.model is RedundancyModel.N and group.n_active > 1
    if shared and status is Status.FAILED and any(peer.failed == 0 for peer in peers):
        return Status.DEGRADED
    return status

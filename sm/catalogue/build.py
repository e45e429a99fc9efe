# SPDX-License-Identifier: Apache-2.0
"""Makes of the configured rows the catalogue that decisions see: only what is provisioned."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from sm.catalogue.rows import ActionRow, Configured, InstanceRow, ServiceRow
from sm.contract.states import ServiceAction
from sm.core.model import ActionSpec, Catalogue, Dependency, GroupSpec, MemberSpec, Retries, ServiceSpec

ENABLING_MAX = 1000
ENABLING_BY_CORES_MIN = 2
SHARED_MODES = ("duplex", "duplex-direct")
"""System modes in which the controllers' processors also run workloads."""


def catalogue(configured: Configured, cores: int = ENABLING_BY_CORES_MIN) -> Catalogue:
    """The groups, services and dependencies that are provisioned. ``cores``: processors of this node.

    A service takes part when it, its membership, its group, the group's membership and the domain are provisioned.
    """
    actions: defaultdict[str, dict[ServiceAction, ActionSpec]] = defaultdict(dict)
    for row in configured.service_actions:
        actions[row.service][row.action] = _action(row)
    instances = {row.service: row for row in configured.service_instances}
    known = {row.name: row for row in configured.services if row.provisioned}
    groups = _groups(configured, known)
    services = {member.service: _service(known[member.service], actions[member.service],
                                         instances.get(member.service))
                for group in groups.values() for member in group.members}
    dependencies = tuple(
        Dependency(row.service, row.action, row.dependent, row.dependent_state, row.kind)
        for row in configured.service_dependency if row.service in services and row.dependent in services)
    return Catalogue(groups, services, dependencies, _enabling_max(configured, cores),
                     configured.service_action_results,
                     tuple(row for row in configured.service_heartbeat if row.service in services))


def _groups(configured: Configured, known: Mapping[str, ServiceRow]) -> dict[str, GroupSpec]:
    members: defaultdict[str, list[MemberSpec]] = defaultdict(list)
    for row in configured.service_group_members:
        if row.provisioned and row.service in known:
            members[row.group].append(MemberSpec(row.service, row.impact))
    domains = {row.name for row in configured.service_domains if row.provisioned}
    placed = {row.group: row for row in configured.service_domain_members
              if row.provisioned and row.domain in domains}
    return {group.name: GroupSpec(
        name=group.name, model=placed[group.name].model, n_active=placed[group.name].n_active,
        m_standby=placed[group.name].m_standby, members=tuple(members[group.name]),
        aggregate=placed[group.name].aggregate, failure_debounce_ms=group.failure_debounce_ms,
        fatal_error_reboot=group.fatal_error_reboot, preferred=nodes_in(placed[group.name].preferred),
    ) for group in configured.service_groups if group.provisioned and group.name in placed}


def _action(row: ActionRow) -> ActionSpec:
    return ActionSpec(row.action, row.plugin, row.name, row.command, row.timeout_s, row.provider, row.parameters,
                      Retries(row.failure_retries, row.timeout_retries, row.total_retries), row.interval_s)


def _service(row: ServiceRow, actions: Mapping[ServiceAction, ActionSpec], instance: InstanceRow | None) -> ServiceSpec:
    return ServiceSpec(
        name=row.name, actions=actions, max_failures=row.max_failures, fail_countdown=row.fail_countdown,
        fail_countdown_interval_ms=row.fail_countdown_interval_ms, max_action_failures=row.max_action_failures,
        max_transition_failures=row.max_transition_failures, pid_file=row.pid_file,
        parameters=instance.parameters if instance else {}, instance=instance.instance if instance else "",
        program=row.program, user=row.user, on_failure=row.on_failure)


def nodes_in(preferred: str) -> tuple[str, ...]:
    """The nodes that ``preferred`` of a row names."""
    return tuple(preferred.split(",")) if preferred else ()


def _enabling_max(configured: Configured, cores: int) -> int:
    """How many services may be enabling at once: as many as processors where those are shared with workloads."""
    if configured.setting("SYSTEM_MODE") not in SHARED_MODES:
        return ENABLING_MAX
    throttle = configured.setting("ENABLING_THROTTLE")
    return max(int(throttle) if throttle.isdecimal() else 0, cores, ENABLING_BY_CORES_MIN)

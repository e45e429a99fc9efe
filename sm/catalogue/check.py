# SPDX-License-Identifier: Apache-2.0
"""The rules that the configured rows of a system obey; every change is checked against all of them."""
from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

from sm.catalogue import paths, plugins
from sm.catalogue.build import catalogue
from sm.catalogue.fields import PLACEHOLDER, field_problems
from sm.catalogue.order import Steps, cycle, start_steps, stop_steps
from sm.catalogue.problems import CatalogueRefused, Problem
from sm.catalogue.results import is_code, unreachable
from sm.catalogue.rows import ActionRow, Configured, key_of, tables
from sm.contract.states import AUDITS, DependencyKind, RedundancyModel, ServiceAction, ServiceState

ROWS_MAX = 10_000
UP = (ServiceState.ENABLED_ACTIVE, ServiceState.ENABLED_STANDBY)
DOWN = (ServiceState.DISABLED, ServiceState.ENABLED_STANDBY)

_REFERENCES = (
    ("service_domain_interfaces", "domain", "service_domains"),
    ("service_domain_members", "domain", "service_domains"),
    ("service_domain_members", "group", "service_groups"),
    ("service_group_members", "group", "service_groups"),
    ("service_group_members", "service", "services"),
    ("service_dependency", "service", "services"),
    ("service_dependency", "dependent", "services"),
    ("service_instances", "service", "services"),
    ("service_actions", "service", "services"),
    ("service_heartbeat", "service", "services"),
)
"""A field of a table and the table whose rows it names."""
_NOUNS = {"service_domains": "service domain", "service_groups": "service group", "services": "service"}


def check(configured: Configured) -> None:
    """Return when all rules hold; CatalogueRefused, with every broken rule, when one does not."""
    found = problems(configured)
    if found:
        raise CatalogueRefused(found)


def problems(configured: Configured) -> list[Problem]:
    """Every broken rule. Rules about the whole are only looked at when each row is good by itself."""
    found = [problem for table, rows in tables(configured).items() for row in rows
             for problem in field_problems(table, row)]
    for rule in (_sizes, _duplicates, _references, _memberships, _actions, _dependencies, _instances, _codes,
                 _heartbeats):
        found += rule(configured)
    if not found:
        for rule in (_groups, _aggregates, _cycles, _unfilled, _unreachable, paths.problems):
            found += rule(configured)
    return found


Rule = Callable[[Configured], Iterator[Problem]]


def _sizes(configured: Configured) -> Iterator[Problem]:
    for table, rows in tables(configured).items():
        if len(rows) > ROWS_MAX:
            yield Problem(table, "", "", f"has {len(rows)} rows; {ROWS_MAX} are allowed")


def _duplicates(configured: Configured) -> Iterator[Problem]:
    for table, rows in tables(configured).items():
        for key, count in Counter(map(key_of, rows)).items():
            if count > 1:
                yield Problem(table, " ".join(key), rows[0].KEY[-1], f"stands {count} times; once is allowed")


def _references(configured: Configured) -> Iterator[Problem]:
    rows = tables(configured)
    for table, field, target in _REFERENCES:
        names = {row.name for row in rows[target]}
        for row in rows[table]:
            name = getattr(row, field)
            if name not in names:
                yield Problem(table, " ".join(key_of(row)), field, f"there is no {_NOUNS[target]} {name!r}")


def _memberships(configured: Configured) -> Iterator[Problem]:
    groups = defaultdict(list)
    for row in configured.service_group_members:
        groups[row.service].append(row.group)
    for service in configured.services:
        if len(groups[service.name]) != 1:
            rule = f"must belong to one group, not to {' and '.join(groups[service.name]) or 'none'}"
            yield Problem("services", service.name, "group", rule)
    domains = Counter(row.group for row in configured.service_domain_members)
    for group in configured.service_groups:
        if domains[group.name] != 1:
            yield Problem("service_groups", group.name, "domain",
                          f"must belong to one service domain, not to {domains[group.name] or 'none'}")


def _actions(configured: Configured) -> Iterator[Problem]:
    actions: defaultdict[str, dict[ServiceAction, ActionRow]] = defaultdict(dict)
    for row in configured.service_actions:
        actions[row.service][row.action] = row
        if row.plugin in plugins.PROBES and row.action not in AUDITS:
            yield Problem("service_actions", f"{row.service} {row.action}", "plugin",
                          f"{row.plugin} only looks at a service; an audit may use it, {row.action} may not")
    for service in configured.services:
        has = actions[service.name]
        missing = [action for action in (ServiceAction.ENABLE, ServiceAction.DISABLE) if action not in has]
        if not any(audit in has for audit in AUDITS):
            missing.append(ServiceAction.AUDIT_ENABLED)
        # A service that only goes active is stopped and started anew to stand by.
        if ServiceAction.GO_STANDBY in has and ServiceAction.GO_ACTIVE not in has:
            yield Problem("services", service.name, "actions", f"has {ServiceAction.GO_STANDBY}, so it needs "
                          f"{ServiceAction.GO_ACTIVE}")
        for action in missing:
            yield Problem("services", service.name, "actions", f"needs the action {action}")


def _dependencies(configured: Configured) -> Iterator[Problem]:
    has = {(row.service, row.action) for row in configured.service_actions}
    for row in configured.service_dependency:
        name = " ".join(key_of(row))
        if row.service == row.dependent:
            yield Problem("service_dependency", name, "dependent", "a service cannot wait for itself")
        if (row.service, row.action) not in has:
            yield Problem("service_dependency", name, "action", f"{row.service} has no action {row.action}")
        stops = row.action in (ServiceAction.DISABLE, ServiceAction.GO_STANDBY)
        allowed = DOWN if stops and row.kind is DependencyKind.ACTION else UP
        if row.dependent_state not in allowed:
            yield Problem("service_dependency", name, "dependent_state", f"must be one of {', '.join(allowed)}")
        elif row.dependent_state is ServiceState.ENABLED_STANDBY and (
                row.dependent, ServiceAction.GO_ACTIVE) not in has:
            yield Problem("service_dependency", name, "dependent_state",
                          f"{row.dependent} is never standby: it has no action go-active")


def _instances(configured: Configured) -> Iterator[Problem]:
    for service, count in Counter(row.service for row in configured.service_instances).items():
        if count > 1:
            yield Problem("service_instances", service, "instance", f"has {count} instances; one is allowed")


def _codes(configured: Configured) -> Iterator[Problem]:
    for row in configured.service_action_results:
        if not is_code(row.code):
            yield Problem("service_action_results", " ".join(key_of(row)), "code",
                          "must be an exit status from 0 to 255, plugin-failure, plugin-timeout or other")


def _heartbeats(configured: Configured) -> Iterator[Problem]:
    for row in configured.service_heartbeat:
        if not row.missed_warn < row.missed_degrade < row.missed_fail:
            yield Problem("service_heartbeat", row.service, "missed_fail",
                          "must be greater than missed_degrade, and that greater than missed_warn")


def _groups(configured: Configured) -> Iterator[Problem]:
    for group in catalogue(configured).groups.values():
        if not group.members:
            yield Problem("service_groups", group.name, "members",
                          "a provisioned group needs a provisioned service; provision one, or deprovision the group")
        if group.model is RedundancyModel.N and group.m_standby:
            yield Problem("service_domain_members", group.name, "m_standby", "must be 0 with the model N")


def _aggregates(configured: Configured) -> Iterator[Problem]:
    together, wishes = defaultdict(list), defaultdict(set)
    for group in catalogue(configured).groups.values():
        if group.aggregate:
            together[group.aggregate].append((group.name, (group.model, group.n_active, group.m_standby)))
            wishes[group.aggregate].add(group.preferred)
    for aggregate, said in wishes.items():
        if len(said - {()}) > 1:
            yield Problem("service_domain_members", aggregate, "preferred",
                          "groups that move together may not prefer different nodes: " + " or ".join(
                              ",".join(one) for one in sorted(said - {()})))
    for aggregate, groups in together.items():
        (usual, _), = Counter(placement for _, placement in groups).most_common(1)
        for name, placement in groups:
            if placement != usual:
                yield Problem("service_domain_members", name, "model",
                              f"groups of {aggregate} move together, so model and numbers must be those of the "
                              f"others: {usual[0]} {usual[1]}/{usual[2]}")


def _cycles(configured: Configured) -> Iterator[Problem]:
    provisioned = catalogue(configured)
    for name, steps in (("start", start_steps(provisioned)), ("stop", stop_steps(provisioned))):
        yield from _cycle(name, steps)


def _cycle(name: str, steps: Steps) -> Iterator[Problem]:
    found = cycle(steps)
    if found:
        yield Problem("service_dependency", str(found[0]), "dependent",
                      f"no {name} order exists, since each waits for the next: {', '.join(map(str, found))}")


def _unfilled(configured: Configured) -> Iterator[Problem]:
    for name, service in catalogue(configured).services.items():
        for parameter, text in (("instance", service.instance), *service.parameters.items()):
            for value in PLACEHOLDER.findall(text):
                yield Problem("service_instances", name, parameter, f"needs the value {value}, which the site does not "
                              "give; give it in the site's file, or with sm-configure service_instance")


def _unreachable(configured: Configured) -> Iterator[Problem]:
    for row in unreachable(configured.service_action_results, configured.service_actions):
        yield Problem("service_action_results", " ".join(key_of(row)), "",
                      "no action's exit leads here: nothing uses this plug-in and command, or other rows hide it")

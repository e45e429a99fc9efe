# SPDX-License-Identifier: Apache-2.0
"""Adds the services of the scenarios to the configuration of a controller, or takes them away: ``add`` or ``remove``.

Runs on the controller, as root. Groups forget failures after some seconds in place of minutes.
"""
import sys

from flock.core.records import replace
from sm.admin.program import SITE, STORE, catalogue_of
from sm.catalogue.rows import ActionRow, DomainMemberRow, GroupMemberRow, GroupRow, InstanceRow, ServiceRow
from sm.client.control import configuration_changed
from sm.contract.states import Impact, PluginKind, RedundancyModel, ServiceAction
from sm.store.store import Store

PROGRAM = "/usr/local/sbin/probe"
SHARED = "probe-shared-services"
DEBOUNCE_MS = 20_000
COUNTDOWN_MS = 20_000
COMMANDS = {ServiceAction.ENABLE: "start", ServiceAction.DISABLE: "stop", ServiceAction.AUDIT_ENABLED: "monitor",
            ServiceAction.AUDIT_DISABLED: "monitor"}
DATA = {ServiceAction.GO_ACTIVE: "promote", ServiceAction.GO_STANDBY: "demote"}
SERVICES = {"probe": ("controller-services", Impact.CRITICAL, {}),
            "probe-major": ("controller-services", Impact.MAJOR, {}),
            "probe-minor": ("controller-services", Impact.MINOR, {}),
            "probe-data": ("controller-services", Impact.CRITICAL, DATA), "probe-shared": (SHARED, Impact.CRITICAL, {})}
TIMEOUT_S = 5
AUDIT_S = 3


def actions(name, more):
    for action, command in {**COMMANDS, **more}.items():
        audits = command == "monitor"
        retries = 0 if action in (ServiceAction.DISABLE, ServiceAction.AUDIT_DISABLED) else 2
        yield ActionRow(name, action, PluginKind.EXEC, PROGRAM, command, TIMEOUT_S, failure_retries=retries,
                        timeout_retries=retries, total_retries=retries, interval_s=AUDIT_S if audits else 0)


def without(configured):
    def kept(rows, field):
        return tuple(row for row in rows if getattr(row, field) not in SERVICES)
    return replace(
        configured, services=kept(configured.services, "name"),
        service_group_members=kept(configured.service_group_members, "service"),
        service_instances=kept(configured.service_instances, "service"),
        service_actions=kept(configured.service_actions, "service"),
        service_groups=tuple(row for row in configured.service_groups if row.name != SHARED),
        service_domain_members=tuple(row for row in configured.service_domain_members if row.group != SHARED))


def added(configured):
    configured = without(configured)
    groups = tuple(replace(row, failure_debounce_ms=DEBOUNCE_MS) for row in configured.service_groups)
    return replace(
        configured,
        services=(*configured.services, *(
            ServiceRow(name, fail_countdown_interval_ms=COUNTDOWN_MS, max_transition_failures=5,
                       pid_file=f"/run/probe/{name}.pid") for name in SERVICES)),
        service_group_members=(*configured.service_group_members, *(
            GroupMemberRow(group, name, impact=impact) for name, (group, impact, _) in SERVICES.items())),
        service_instances=(*configured.service_instances, *(
            InstanceRow(name, name, {"NAME": name}) for name in SERVICES)),
        service_actions=(*configured.service_actions, *(
            row for name, (_, _, more) in SERVICES.items() for row in actions(name, more))),
        service_groups=(*groups, GroupRow(SHARED, failure_debounce_ms=DEBOUNCE_MS)),
        service_domain_members=(*configured.service_domain_members, DomainMemberRow(
            "controller", SHARED, model=RedundancyModel.N, n_active=2, m_standby=0)))


def main():
    store = Store.open(STORE, lambda: catalogue_of(SITE))
    try:
        change = store.change(added if sys.argv[1] == "add" else without, f"scenarios: {sys.argv[1]}")
    finally:
        store.close()
    configuration_changed(change.version)


if __name__ == "__main__":
    main()

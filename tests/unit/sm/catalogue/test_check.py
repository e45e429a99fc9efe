# SPDX-License-Identifier: Apache-2.0
"""Every rule about rows: a good system with one thing wrong is refused with exactly that problem."""
from __future__ import annotations

from collections.abc import Callable

import pytest

from flock.core.records import replace
from sm.catalogue import check
from sm.catalogue.build import catalogue
from sm.catalogue.problems import SHOWN_MAX, CatalogueRefused, Problem
from sm.catalogue.rows import (
    Configured,
    DependencyRow,
    GroupMemberRow,
    HeartbeatRow,
    InstanceRow,
    ResultRow,
    SettingRow,
)
from sm.contract.states import (
    ActionResult,
    DependencyKind,
    Impact,
    PluginKind,
    RedundancyModel,
    ServiceAction,
    ServiceState,
)
from tests.unit.sm.catalogue.sites import changed, rows, without

ENABLE, DISABLE, GO_ACTIVE = ServiceAction.ENABLE, ServiceAction.DISABLE, ServiceAction.GO_ACTIVE
OAM = ("controller", "oam-interface")
ACTIVE, STANDBY = ServiceState.ENABLED_ACTIVE, ServiceState.ENABLED_STANDBY


def add(table: str, row: object) -> Callable[[Configured], Configured]:
    return lambda good: replace(good, **{table: (*getattr(good, table), row)})


def change(table: str, key: tuple[str, ...], **fields: object) -> Callable[[Configured], Configured]:
    return lambda good: changed(good, table, key, **fields)


def drop(table: str, *key: str) -> Callable[[Configured], Configured]:
    return lambda good: without(good, table, *key)


def depend(service: str, action: ServiceAction, other: str, state: ServiceState = ACTIVE
           ) -> Callable[[Configured], Configured]:
    return add("service_dependency", DependencyRow(service, action, other, state))


def result(name: str, command: str, code: str, plugin: PluginKind = PluginKind.SYSTEMD
           ) -> Callable[[Configured], Configured]:
    return add("service_action_results", ResultRow(plugin, name, command, code, ActionResult.FAILED))


BEAT = HeartbeatRow("keystone", "unix", "/run/a", "/run/b", "are you there", 100, 2, 4, 8)


def beat(**fields: object) -> Callable[[Configured], Configured]:
    return add("service_heartbeat", replace(BEAT, **fields))  # type: ignore[arg-type]


CASES: tuple[tuple[Callable[[Configured], Configured], str], ...] = (
    (depend("keystone", ENABLE, "nobody"), "service_dependency: action keystone enable nobody: dependent: there is no "
                                           "service 'nobody'"),
    (depend("keystone", ENABLE, "keystone"), "dependent: a service cannot wait for itself"),
    (depend("dnsmasq", GO_ACTIVE, "postgres"), "action: dnsmasq has no action go-active"),
    (depend("postgres", ENABLE, "keystone"), "no start order exists, since each waits for the next: "),
    (depend("management-ipv4", ENABLE, "rabbit"), "management-ipv4 enable"),
    # Across enabling and going active: PostgreSQL is made active after the address.
    (depend("management-ipv4", ENABLE, "postgres"), "postgres go-active"),
    (depend("keystone", DISABLE, "postgres", ServiceState.DISABLED), "no stop order exists"),
    (depend("haproxy", ENABLE, "keystone", ServiceState.ENABLING), "dependent_state: must be one of enabled-active, "),
    (depend("haproxy", ENABLE, "keystone", ServiceState.DISABLED), "dependent_state: must be one of enabled-active, "),
    (depend("haproxy", DISABLE, "keystone", ACTIVE), "dependent_state: must be one of disabled, enabled-standby"),
    (add("service_dependency", DependencyRow("management-ipv4", ENABLE, "rabbit", ACTIVE, DependencyKind.STATE)),
     "no start order exists"),
    (depend("haproxy", ENABLE, "rabbit", STANDBY), "dependent_state: rabbit is never standby: it has no action "),
    (depend("dnsmasq", ENABLE, "pxeboot-ipv4"), "service_dependency: action dnsmasq enable pxeboot-ipv4: dependent: "
                                                "stands 2 times; once is allowed"),
    (drop("service_actions", "dnsmasq", "disable"), "services: dnsmasq: actions: needs the action disable"),
    (drop("service_actions", "dnsmasq"), "services: dnsmasq: actions: needs the action audit-enabled"),
    (drop("service_actions", "drbd-platform", "go-standby"),
     "action drbd-platform go-standby keystone: action: drbd-platform has no action go-standby"),
    (drop("service_actions", "drbd-platform", "go-active"),
     "services: drbd-platform: actions: has go-standby, so it needs go-active"),
    (drop("service_group_members", "cloud-services", "keystone"),
     "services: keystone: group: must belong to one group, not to none"),
    (add("service_group_members", GroupMemberRow("oam-services", "keystone", False, Impact.MINOR)),
     "services: keystone: group: must belong to one group, not to cloud-services and oam-services"),
    (add("service_group_members", GroupMemberRow("cloud-services", "keystone")), "service: stands 2 times"),
    (change("service_group_members", ("cloud-services", "keystone"), provisioned=False),
     "service_groups: cloud-services: members: a provisioned group needs a provisioned service"),
    (drop("service_domain_members", "controller", "cloud-services"),
     "service_groups: cloud-services: domain: must belong to one service domain, not to none"),
    (change("service_domain_members", ("controller", "cloud-services"), m_standby=0),
     "service_domain_members: cloud-services: model: groups of controller-aggregate move together"),
    (change("service_domain_members", ("controller", "cloud-services"), model=RedundancyModel.N, aggregate=""),
     "service_domain_members: cloud-services: m_standby: must be 0 with the model N"),
    (change("service_domain_members", ("controller", "cloud-services"), n_active=0),
     "n_active: must be a number from 1 to 64"),
    (change("service_groups", ("cloud-services",), failure_debounce_ms=-1), "failure_debounce_ms: must be a number"),
    (change("service_actions", ("dnsmasq", "enable"), timeout_s=0), "timeout_s: must be a number from 1 to 86400"),
    (change("service_actions", ("dnsmasq", "enable"), total_retries=-1), "total_retries: must be a number from 0"),
    (change("service_actions", ("dnsmasq", "enable"), interval_s=3), "interval_s: must be greater than 0 for an audit"),
    (change("service_actions", ("dnsmasq", "audit-enabled"), interval_s=0), "interval_s: must be greater than 0"),
    (change("service_actions", ("dnsmasq", "audit-enabled"), interval_s=90_000), "interval_s: must be a number from 0"),
    (change("service_actions", ("dnsmasq", "enable"), command=""), "command: must not be empty"),
    (change("service_actions", ("dnsmasq", "enable"), name="dnsmasq"), "name: must be a systemd unit with its suffix"),
    (change("service_actions", ("dnsmasq", "enable"), provider="heartbeat"), "no other plug-in has one"),
    (change("service_actions", ("dnsmasq", "enable"), plugin=PluginKind.TCP, name="127.0.0.1:53"),
     "plugin: tcp only looks at a service; an audit may use it, enable may not"),
    (change("service_actions", ("dnsmasq", "enable"), parameters={"a-b": "1"}), "parameters: 'a-b' must be a name"),
    (change("service_actions", ("dnsmasq", "enable"), parameters={"a": "1\n"}), "parameters: a must be at most"),
    (change("services", ("dnsmasq",), max_failures=0), "services: dnsmasq: max_failures: must be a number from 1"),
    (change("services", ("dnsmasq",), pid_file="run/a.pid"), "pid_file: must be an absolute path, or empty"),
    (change("services", ("dnsmasq",), name="Dnsmasq"), "name: must be at most 64 small letters, digits and hyphens"),
    (change("service_domain_interfaces", OAM, port=65_536), "port: must be a number from 0"),
    (change("service_domain_interfaces", OAM, address="10.0.0"), "address: must be an IPv4"),
    (change("service_domain_interfaces", OAM, auth_type="md5"), "auth_type: must be one of"),
    (change("service_domain_interfaces", OAM, device="a b"), "device: must be the name of"),
    (change("service_domain_interfaces", OAM, domain="edge"), "there is no service domain"),
    (change("service_domains", ("controller",), priority=256), "priority: must be a number from 0 to 255"),
    (change("service_domains", ("controller",), orchestration="hybrid"), "orchestration: must be one of regional"),
    (add("service_instances", InstanceRow("keystone", "second")), "service_instances: keystone: instance: has 2"),
    (change("service_instances", ("oam-ipv4", "oam-ipv4"), parameters={"ip": "{oam.ipv9.ip}"}),
     "service_instances: oam-ipv4: ip: needs the value oam.ipv9.ip, which the site does not give"),
    (change("configuration", ("ENABLING_THROTTLE",), value="many"), "configuration: ENABLING_THROTTLE: value: must be"),
    (change("configuration", ("SYSTEM_MODE",), value="triplex"), "value: must be one of simplex, "),
    (add("configuration", SettingRow("sm_process_priority", "-1")), "value: must be a number from -20 to -2"),
    (change("configuration", ("ENABLING_THROTTLE",), value="0"), "ENABLING_THROTTLE: value: must be a number from 1"),
    (beat(service="nobody"), "service_heartbeat: nobody: service: there is no service 'nobody'"),
    (beat(missed_degrade=2), "service_heartbeat: keystone: missed_fail: must be greater than missed_degrade"),
    (beat(family="tcp"), "family: must be one of unix, udp"),
    (beat(interval_ms=0), "interval_ms: must be a number from 10"),
    (beat(message=""), "message: must not be empty"),
    (result("default", "status", "256"), "code: must be an exit status from 0 to 255"),
    (result("default", "status", "007"), "code: must be an exit status from 0 to 255"),
    (result("flock-frnt.service", "status", "0"), "no action's exit leads here"),
    (result("flock-front.service", "sttus", "0"), "no action's exit leads here"),
    (result("default", "sttus", "0"), "no action's exit leads here"),
)


def test_the_shipped_rows_are_good() -> None:
    check.check(rows())
    assert check.problems(rows()) == []


@pytest.mark.parametrize(("spoil", "expected"), CASES, ids=[text[:60] for _, text in CASES])
def test_a_broken_rule(spoil: Callable[[Configured], Configured], expected: str) -> None:
    with pytest.raises(CatalogueRefused) as caught:
        check.check(spoil(rows()))
    assert any(expected in str(problem) for problem in caught.value.problems), str(caught.value)


def test_a_heartbeat_reaches_the_decisions() -> None:
    found = beat()(rows())
    check.check(found)
    assert catalogue(found).heartbeats == (BEAT,)
    assert catalogue(changed(found, "services", ("keystone",), provisioned=False)).heartbeats == ()


def test_a_row_that_others_hide_is_unreachable() -> None:
    """Each code of every command has a row of its own, so nothing leads to the general one."""
    good = rows()
    hidden = ResultRow(PluginKind.OCF, "default", "default", "99", ActionResult.FAILED)
    check.check(replace(good, service_action_results=(*good.service_action_results, hidden)))
    named = tuple(ResultRow(PluginKind.OCF, "IPaddr2", command, "other", ActionResult.FAILED)
                  for command in ("start", "stop", "monitor"))
    general = ResultRow(PluginKind.OCF, "IPaddr2", "default", "99", ActionResult.FAILED)
    found = check.problems(replace(good, service_action_results=(*good.service_action_results, *named, general)))
    assert [problem.row for problem in found] == ["ocf-script IPaddr2 default 99"]


def test_rows_of_services_that_are_not_provisioned_may_wait_in_a_circle() -> None:
    """The flock knows StarlingX's services beside its own; only what runs must have an order."""
    good = rows()
    spoiled = depend("etcd-fs", ENABLE, "etcd")(good)
    check.check(spoiled)
    with pytest.raises(CatalogueRefused, match="no start order"):
        check.check(depend("etcd-fs", ENABLE, "etcd")(rows(platform="starlingx")))


def test_the_number_of_rows_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "ROWS_MAX", 100)
    assert "service_actions: has 425 rows; 100 are allowed" in [str(found) for found in check.problems(rows())]


def test_the_sentence_is_limited_and_the_problems_are_not() -> None:
    problems = [Problem("table", f"row-{number}", "", "is wrong") for number in range(SHOWN_MAX + 5)]
    error = CatalogueRefused(problems)
    assert len(error.problems) == SHOWN_MAX + 5
    assert str(error).splitlines()[-1] == "and 5 more" and str(error).splitlines()[0] == "table: row-0: is wrong"

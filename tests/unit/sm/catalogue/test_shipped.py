# SPDX-License-Identifier: Apache-2.0
"""The shipped groups and services, compared row by row with section16.txt: the tables of the specification as text."""
from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from sm.catalogue.build import catalogue
from sm.catalogue.load import shipped
from sm.catalogue.order import layers, start_steps, stop_steps
from sm.catalogue.rows import Configured
from sm.contract.states import Impact, PluginKind, RedundancyModel, ServiceAction, ServiceState
from sm.core.model import Catalogue
from tests.unit.sm.catalogue.sites import ALL, MODES, ROLES, rows

ALIASES = {"mgmt-ip": ("management-ipv4", "management-ipv6"), "oam-ip": ("oam-ipv4", "oam-ipv6"),
           "clh-ip": ("cluster-host-ipv4", "cluster-host-ipv6")}
PLUGINS = {"ocf": PluginKind.OCF, "lsb": PluginKind.LSB}
FEATURES = ("ceph", "rook", "rgw", "ipsec", "openstack")
OURS = {"fm-api", "mtce-api", "patching-api", "patching-conductor", "patching-orchestrator", "patching-vim-api"}

# Group: duplex model and numbers, aggregate, reboot after a fatal error, debounce in ms.
N_PLUS_M, N = (RedundancyModel.N_PLUS_M, 1, 1), (RedundancyModel.N, 2, 0)
TOGETHER = "controller-aggregate"
GROUPS = {
    "oam-services": (N_PLUS_M, TOGETHER, False, 300_000),
    "controller-services": (N_PLUS_M, TOGETHER, True, 300_000),
    "cloud-services": (N_PLUS_M, TOGETHER, True, 300_000),
    "vim-services": (N_PLUS_M, TOGETHER, True, 300_000),
    "patching-services": (N_PLUS_M, "", False, 300_000),
    "directory-services": (N, "", False, 300_000),
    "web-services": (N, "", False, 300_000),
    "storage-services": (N, "", True, 120_000),
    "storage-monitoring-services": (N_PLUS_M, "", False, 120_000),
    "distributed-cloud-services": (N_PLUS_M, TOGETHER, True, 300_000),
}


class Expected:
    """One line of the text."""

    def __init__(self, group: str, line: str) -> None:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        self.group, self.name, self.when, self.impact, self.plugin = group, *cells[:4]
        found = re.fullmatch(r"(\d+)/(\d+)/(\d+) \((\d+)\)(?:; go (\d+))?", cells[4])
        assert found, line
        self.start, self.stop, self.audit, self.every = map(int, found.groups()[:4])
        self.go = int(found[5] or 0)
        self.pid_watch = cells[5] == "yes"
        self.needs = {(action, name) for action, name in self._needs(cells[6], "enable", "go-active")}
        self.needs |= {(action, name) for action, name in self._needs(cells[7], "disable", "go-standby")}

    @staticmethod
    def _needs(cell: str, action: str, go: str) -> list[tuple[str, str]]:
        """``a, b``; ``go-active: a``; ``a (also go-standby)``; ``a, b; go-standby: b``."""
        found = []
        for part in ([] if cell == "–" else cell.split(";")):
            word, colon, names = part.strip().rpartition(": ")
            also = names.endswith(f"(also {go})")
            for name in names.removesuffix(f"(also {go})").split(","):
                for one in ALIASES.get(name.strip(), (name.strip(),)):
                    found += [(word if colon else action, one)] + ([(go, one)] if also else [])
        return found


def read() -> dict[str, Expected]:
    found, group = {}, ""
    for line in Path(__file__).with_name("section16.txt").read_text().splitlines():
        if line.startswith("**"):
            group = line.strip("*")
        else:
            row = Expected(group, line)
            found[row.name] = row
    return found


SERVICES = read()


def starlingx(mode: str = "duplex", role: str = "none", features: tuple[str, ...] = FEATURES) -> Configured:
    return rows(mode, role, "starlingx", names=ALL, families=("ipv4", "ipv6"), features=features)


def test_the_text_has_every_row() -> None:
    assert len(SERVICES) == 92 and len({row.group for row in SERVICES.values()}) == 10


def test_groups() -> None:
    found = starlingx()
    members = {row.group: row for row in found.service_domain_members}
    assert {row.name: ((members[row.name].model, members[row.name].n_active, members[row.name].m_standby),
                       members[row.name].aggregate, row.fatal_error_reboot, row.failure_debounce_ms)
            for row in found.service_groups} == GROUPS


def test_no_service_is_missing_and_none_is_added() -> None:
    assert {row.name for row in starlingx().services} == set(SERVICES)
    assert {row.name for row in rows().services} == set(SERVICES) | OURS


@pytest.mark.parametrize("name", SERVICES)
def test_service(name: str) -> None:
    expected, found = SERVICES[name], starlingx()
    member = next(row for row in found.service_group_members if row.service == name)
    assert (member.group, member.impact) == (expected.group, Impact(expected.impact))
    actions = {row.action: row for row in found.service_actions if row.service == name}
    kind, _, place = expected.plugin.partition(":")
    provider, _, program = place.rpartition("/")
    assert {(row.plugin, row.provider, row.name) for row in actions.values()} == {(PLUGINS[kind], provider, program)}
    audit = "monitor" if kind == "ocf" else "status"
    disabled = 28 if name.startswith("drbd-") else 40 if name == "mgr-restful-plugin" else expected.every
    wanted = {"enable": ("start", expected.start, 0), "disable": ("stop", expected.stop, 0),
              "audit-enabled": (audit, expected.audit, expected.every),
              "audit-disabled": (audit, expected.audit, disabled)}
    if name == "nfs-mgmt":
        del wanted["audit-enabled"]
    if expected.go:
        words = ("active", "standby") if name == "dbmon" else ("promote", "demote")
        wanted |= {"go-active": (words[0], expected.go, 0), "go-standby": (words[1], expected.go, 0)}
    assert {action.value: (row.command, row.timeout_s, row.interval_s) for action, row in actions.items()} == wanted
    service = next(row for row in found.services if row.name == name)
    assert service.pid_file.startswith("/var/run/") if expected.pid_watch else service.pid_file == ""


@pytest.mark.parametrize("name", SERVICES)
def test_dependencies(name: str) -> None:
    states = {"enable": ServiceState.ENABLED_ACTIVE, "go-active": ServiceState.ENABLED_ACTIVE,
              "disable": ServiceState.DISABLED, "go-standby": ServiceState.DISABLED}
    found = {(row.action.value, row.dependent, row.dependent_state) for row in starlingx().service_dependency
             if row.service == name}
    assert found == {(action, other, states[action]) for action, other in SERVICES[name].needs}


def test_how_many_rows_there_are() -> None:
    """The specification counts 389 actions and 274 dependencies; its own tables have one disable dependency less."""
    found = starlingx()
    assert len(found.service_actions) == 389
    assert Counter(row.action for row in found.service_dependency) == {
        ServiceAction.ENABLE: 125, ServiceAction.DISABLE: 124, ServiceAction.GO_ACTIVE: 14,
        ServiceAction.GO_STANDBY: 10}


def test_retries() -> None:
    usual = {"enable": 2, "go-active": 2, "go-standby": 2, "audit-enabled": 2, "disable": 1, "audit-disabled": 0}
    special = {("storage-networking", "audit-enabled"): 1, ("storage-networking", "disable"): 2,
               ("ipsec-config", "audit-disabled"): 1, ("rook-mon-exit", "disable"): 0}
    for row in starlingx().service_actions:
        wanted = special.get((row.service, row.action.value), usual[row.action])
        assert (row.failure_retries, row.timeout_retries, row.total_retries) == (wanted,) * 3, row


def test_limits_of_failures() -> None:
    special = {"rabbit": (4, 5), "storage-networking": (2, 2)}
    for row in starlingx().services:
        assert (row.max_failures, row.fail_countdown, row.fail_countdown_interval_ms) == (2, 1, 90_000)
        assert (row.max_action_failures, row.max_transition_failures) == special.get(row.name, (4, 16)), row.name


def test_only_replicated_devices_and_dbmon_stand_by() -> None:
    standing = {name for name, spec in catalogue(starlingx()).services.items() if spec.has_standby}
    assert standing == {name for name in SERVICES if name.startswith("drbd-") and SERVICES[name].when not in (
        "legacy", "SysC")} | {"dbmon"}


@pytest.mark.parametrize("platform", ["flock", "starlingx"])
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("mode", MODES)
def test_every_deployment_loads(mode: str, role: str, platform: str) -> None:
    dual: tuple[str, ...] = ("ipv4", "ipv6")
    for families in (("ipv4",), ("ipv6",), dual) if (mode, role) == ("duplex", "none") else (dual,):
        found = catalogue(rows(mode, role, platform, families=families))
        services = {member.service for group in found.groups.values() for member in group.members}
        assert services == set(found.services) and len(found.groups) >= 3
        for name in ("management", "cluster-host"):
            assert {family for family in ("ipv4", "ipv6") if f"{name}-{family}" in services} == set(families)
        layers(start_steps(found)), layers(stop_steps(found))
        if platform == "flock":
            assert not {spec.plugin for one in found.services.values() for spec in one.actions.values()} & {
                PluginKind.LSB}


# The start order of an active controller, in the words of the specification. postgres and rabbit do not delay dnsmasq.
STAGES = (
    ("open-ldap",), ("management-ipv4", "management-ipv6"),
    ("drbd-pg", "drbd-rabbit", "drbd-platform", "drbd-extension", "drbd-dc-vault", "drbd-etcd"),
    ("pg-fs", "rabbit-fs", "platform-fs", "extension-fs", "dc-vault-fs", "etcd-fs"),
    ("postgres", "rabbit", "dnsmasq"), ("keystone", "sysinv-conductor", "fm-mgr", "barbican-api"), ("sysinv-inv",),
    ("mtc-agent", "cert-alarm", "dcmanager-manager"),
    ("vim", "hw-mon", "dcmanager-api", "dcmanager-state", "dcmanager-orchestrator-worker", "cert-mon"),
)


def layer_of(found: Catalogue) -> dict[str, int]:
    """The layer in which each service is enabled, or made active where it stands by before."""
    return {step.service: number for number, steps in enumerate(layers(start_steps(found))) for step in steps}


def test_start_order() -> None:
    found = layer_of(catalogue(starlingx("standard", "systemcontroller", features=())))
    numbers = [{found[name] for name in stage} for stage in STAGES]
    assert all(max(earlier) < min(later) for earlier, later in zip(numbers, numbers[1:], strict=False)), numbers
    assert found["etcd"] < found["keystone"] and found["docker-distribution"] <= found["mtc-agent"]


def test_stop_order_is_the_reverse() -> None:
    found = catalogue(starlingx("standard", "systemcontroller", features=()))
    stops = {step.service: number for number, steps in enumerate(layers(stop_steps(found))) for step in steps
             if step.action is ServiceAction.DISABLE}
    for one, other in (("mtc-agent", "vim"), ("sysinv-inv", "mtc-agent"), ("sysinv-conductor", "sysinv-inv"),
                       ("postgres", "keystone"), ("pg-fs", "postgres"), ("drbd-pg", "pg-fs"),
                       ("platform-fs", "dnsmasq"), ("management-ipv4", "dnsmasq")):
        assert stops[one] > stops[other], (one, other)


def test_every_group_belongs_to_a_file_of_its_own() -> None:
    assert {name: group.file for name, group in shipped().groups.items()} == {name: f"{name}.yaml" for name in GROUPS}

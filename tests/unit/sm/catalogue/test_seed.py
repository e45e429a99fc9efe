# SPDX-License-Identifier: Apache-2.0
"""What each deployment provisions, with which parameters; the flock's own variant of the catalogue."""
from __future__ import annotations

import pytest

from flock.core.records import replace
from sm.catalogue.build import catalogue
from sm.catalogue.definitions import Heartbeat, Variants
from sm.catalogue.load import SHIPPED, shipped
from sm.catalogue.order import layers, start_steps
from sm.catalogue.problems import CatalogueRefused
from sm.catalogue.seed import configured
from sm.catalogue.site import Network, Site
from sm.contract.states import (
    DependencyKind,
    OnFailure,
    PluginKind,
    RedundancyModel,
    ServiceAction,
    ServiceState,
)
from tests.unit.sm.catalogue.sites import ALL, MODES, USUAL, network, rows, site

STARLINGX = "starlingx"
BASE = {"oam-services", "controller-services", "cloud-services", "vim-services", "patching-services",
        "directory-services", "web-services"}


def services(*args: str, **kwargs: object) -> set[str]:
    return set(catalogue(rows(*args, **kwargs)).services)


def test_what_definitions_say_of_failures_preferences_and_lasting_needs_is_decided_by() -> None:
    """All of it is in the catalogue of the decisions."""
    known = shipped()
    group = known.groups["oam-services"]
    haproxy = group.services["haproxy"].flock
    assert haproxy is not None
    lasting = Variants(None, replace(haproxy, on_failure=OnFailure.SWACT, enabled_needs=("mgmt-ip",)))
    changed = replace(known, groups={**known.groups, "oam-services": replace(
        group, head=replace(group.head, preferred=("controller-1", "controller-0")),
        services={**group.services, "haproxy": lasting})})
    found = catalogue(configured(changed, site()))
    assert found.services["haproxy"].on_failure is OnFailure.SWACT
    assert found.groups["oam-services"].preferred == ("controller-1", "controller-0")
    assert found.groups["cloud-services"].preferred == ()
    rows_of = [(row.dependent, row.state) for row in found.rows_of("haproxy") if row.kind is DependencyKind.STATE]
    assert rows_of == [("management-ipv4", ServiceState.ENABLED_ACTIVE)]
    assert not [row for row in catalogue(rows()).dependencies if row.kind is DependencyKind.STATE]


def test_simplex() -> None:
    """Every group runs on the one controller, alone; the network itself configures the addresses."""
    found = catalogue(rows("simplex", platform=STARLINGX, names=ALL))
    assert {(group.model, group.n_active, group.m_standby, group.aggregate) for group in found.groups.values()} == {
        (RedundancyModel.N, 1, 0, "")}
    assert {group.failure_debounce_ms for group in found.groups.values()} == {30_000}
    gone = services("standard", platform=STARLINGX, names=ALL) - set(found.services)
    assert gone == {"oam-ipv4", "admin-ipv4", "ironic-ipv4", "nfs-mgmt"}


def test_duplex_with_ceph_and_with_rook() -> None:
    ceph = {"cephmon-fs", "drbd-cephmon", "ceph-mon", "ceph-osd", "storage-networking"}
    everywhere = {"mgr-restful-plugin", "ceph-manager"}
    base = services("duplex", platform=STARLINGX)
    for mode in ("duplex", "duplex-direct"):
        assert services(mode, platform=STARLINGX, features=("ceph",)) - base == ceph | everywhere
        assert services(mode, platform=STARLINGX, features=("rook",)) - base == {
            "rook-mon-exit", "rook-fs", "drbd-rook"}
    assert services("standard", platform=STARLINGX, features=("ceph",)) - base == everywhere
    assert services("standard", platform=STARLINGX, features=("rgw",)) - base == {"ceph-radosgw"}
    assert services("duplex", platform=STARLINGX, features=("openstack",)) - base == {"dbmon"}
    assert services("duplex", platform=STARLINGX, features=("ipsec",)) - base == {"ipsec-config"}
    assert base - services("duplex", platform=STARLINGX, features=("remote-ldap",)) == {"open-ldap"}


def test_roles_of_a_distributed_cloud() -> None:
    base = services("standard", platform=STARLINGX)
    central = services("standard", "systemcontroller", STARLINGX)
    group = {"dcorch-engine", "dcorch-engine-worker", "dcorch-sysinv-api-proxy", "dcorch-identity-api-proxy",
             "dcorch-usm-api-proxy", "dcmanager-manager", "dcmanager-api", "dcmanager-audit",
             "dcmanager-audit-worker", "dcmanager-state", "dcmanager-orchestrator", "dcmanager-orchestrator-worker",
             "dcdbsync-api", "dccertmon", "dc-iso-fs"}
    assert central - base == group | {"drbd-dc-vault", "dc-vault-fs"}
    sub = services("standard", "subcloud", STARLINGX)
    assert sub - base == {"dcdbsync-api", "dcagent-api"} and base - sub == {"horizon"}
    assert set(catalogue(rows("standard", "subcloud", STARLINGX)).groups) == BASE | {"distributed-cloud-services"}


def test_what_nobody_uses_today_is_known_and_not_provisioned() -> None:
    for name in ("platform-nfs-ip", "drbd-cinder", "cinder-lvm", "iscsi", "vim-webserver", "dcorch-nova-api-proxy",
                 "dcorch-neutron-api-proxy", "dcorch-cinder-api-proxy", "dcdbsync-openstack-api"):
        for role in ("none", "systemcontroller"):
            assert name not in services("duplex", role, STARLINGX)
            assert any(row.name == name and not row.provisioned for row in rows("duplex", role, STARLINGX).services)


def test_address_families() -> None:
    for families in (("ipv4",), ("ipv6",), ("ipv4", "ipv6")):
        found = services("duplex", families=families, names=("pxeboot", "management", "cluster-host", "oam"))
        for name in ("oam", "management", "cluster-host"):
            assert {name for name in found if name.startswith(f"{name}-ipv")} == {
                name for name in found if name in {f"{name}-{family}" for family in families}}


def test_empty_groups_are_not_provisioned() -> None:
    found = rows("duplex", platform=STARLINGX)
    assert {row.name for row in found.service_groups if row.provisioned} == BASE
    assert {row.group for row in found.service_domain_members if row.provisioned} == BASE


def test_parameters_of_addresses() -> None:
    four = {"ip": "192.168.204.1", "cidr_netmask": "24", "nic": "eth-management"}
    six = {**four, "ip": "fd00:204::1", "cidr_netmask": "64", "preferred_lft": "0"}
    for mode, direct in (("duplex", False), ("standard", False), ("duplex-direct", True), ("simplex", True)):
        more = {"arp_count": "7"} | ({"dc": "yes"} if direct else {})
        for platform, added in ((STARLINGX, more), ("flock", {})):
            found = catalogue(rows(mode, platform=platform, families=("ipv4", "ipv6"))).services
            assert found["management-ipv4"].parameters == four | added, mode
            assert found["management-ipv6"].parameters == six | added, mode
    found = catalogue(rows(platform=STARLINGX)).services
    assert found["drbd-pg"].instance == "drbd-pg:controller-0"
    assert found["pg-fs"].parameters == {"device": "/dev/drbd0", "directory": "/var/lib/postgresql",
                                         "options": "noatime,nodiratime", "fstype": "ext4", "check_level": "20"}


def test_the_site_adds_parameters_and_settings() -> None:
    given = replace(site(), parameters={"postgres": {"version": "16", "data": "/x"}},
                    configuration={"sm_process_priority": "-5"})
    found = configured(shipped(), given)
    assert catalogue(found).services["postgres"].parameters == {"version": "16", "cluster": "main", "data": "/x"}
    assert (found.setting("sm_process_priority"), found.setting("SYSTEM_MODE")) == ("-5", "duplex")


def test_a_heartbeat_of_the_definitions_becomes_a_row() -> None:
    beat = Heartbeat("udp", "127.0.0.1 0", "127.0.0.1 9", "hello", 100, 2, 4, 8)
    known = shipped()
    group = known.groups["cloud-services"]
    one = group.services["keystone"]
    assert one.flock is not None
    watched = {**group.services, "keystone": replace(one, flock=replace(one.flock, heartbeat=beat))}
    found = configured(replace(known, groups={**known.groups, group.name: replace(group, services=watched)}), site())
    assert [(row.service, row.destination, row.missed_fail) for row in catalogue(found).heartbeats] == [
        ("keystone", "127.0.0.1 9", 8)]


def test_paths() -> None:
    found = {row.name: row for row in rows("duplex-direct").service_domain_interfaces}
    assert {name: (row.provisioned, row.connect_type) for name, row in found.items()} == {
        "management-interface": (True, "dc"), "cluster-host-interface": (True, "dc"), "oam-interface": (True, "tor"),
        "admin-interface": (False, "tor")}
    one = found["oam-interface"]
    assert (one.device, one.address, one.peer_address, one.multicast, one.port, one.heartbeat_port, one.auth_type) == (
        "eth-oam", "192.168.10.2", "192.168.10.3", "239.1.1.10", 2222, 2223, "hmac-sha512")
    alone = {row.name: row for row in rows("simplex").service_domain_interfaces}["oam-interface"]
    assert (alone.address, alone.peer_address, alone.multicast) == ("192.168.10.2", "", "")
    both = replace(site(), networks={"oam": replace(network("oam", ("ipv4", "ipv6")), primary="ipv6"),
                                     "management": network("management")})
    six = next(row for row in configured(shipped(), both).service_domain_interfaces if row.name == "oam-interface")
    assert (six.network_type, six.address) == ("ipv6-udp", "fd00:10::2")


def test_a_missing_value_is_named_with_file_and_field() -> None:
    given = replace(site(platform=STARLINGX), networks={name: network(name) for name in USUAL if name != "pxeboot"})
    with pytest.raises(CatalogueRefused) as caught:
        configured(shipped(), given)
    assert [(one.place, one.row, one.field) for one in caught.value.problems] == [
        ("controller-services.yaml", "service_instances pxeboot-ipv4", name) for name in ("ip", "cidr_netmask", "nic")]
    assert "pxeboot.ipv4.ip" in str(caught.value)


def test_a_site_that_is_not_known_changes_nothing() -> None:
    given = replace(site(), mode="triplex", networks={"lan": Network("eth0")})
    with pytest.raises(CatalogueRefused) as caught:
        configured(shipped(), given)
    assert {(one.place, one.field) for one in caught.value.problems} == {("site", "mode"), ("site", "networks"),
                                                                        ("site", "ipv4")}


FLOCK_DUPLEX = {
    "oam-services": {"oam-ipv4", "haproxy"}, "cloud-services": {"keystone"},
    "controller-services": {"pxeboot-ipv4", "management-ipv4", "cluster-host-ipv4", "drbd-platform", "postgres",
                            "rabbit", "dnsmasq", "sysinv-conductor", "sysinv-inv", "fm-mgr", "fm-api", "mtc-agent",
                            "mtce-api", "patching-conductor", "patching-api", "patching-orchestrator",
                            "patching-vim-api"}}


def test_the_duplex_system_of_the_flock() -> None:
    found = catalogue(rows())
    assert {group.name: {member.service for member in group.members} for group in found.groups.values()
            } == FLOCK_DUPLEX
    assert {group.aggregate for group in found.groups.values()} == {"controller-aggregate"}
    units = {name: spec.actions[ServiceAction.ENABLE].name for name, spec in found.services.items()
             if spec.actions[ServiceAction.ENABLE].plugin is PluginKind.SYSTEMD}
    assert units == {
        "haproxy": "flock-front.service", "keystone": "flock-keystone.service", "rabbit": "rabbitmq-server.service",
        "dnsmasq": "flock-dnsmasq.service", "sysinv-conductor": "flock-sysinv-conductor.service",
        "sysinv-inv": "flock-sysinv-api.service", "fm-mgr": "flock-fm-manager.service",
        "fm-api": "flock-fm-api.service", "mtc-agent": "flock-mtce-conductor.service",
        "mtce-api": "flock-mtce-api.service", "patching-conductor": "flock-patching-conductor.service",
        "patching-api": "flock-patching-api.service",
        "patching-orchestrator": "flock-patching-orchestrator.service",
        "patching-vim-api": "flock-patching-vim-api.service"}


def test_the_flock_runs_units_that_exist() -> None:
    units = {path.name for path in (SHIPPED.parents[1] / "etc/systemd").iterdir()}
    named = {row.name for row in rows().service_actions if row.plugin is PluginKind.SYSTEMD}
    assert named - units == {"rabbitmq-server.service"}  # Debian's


def test_postgresql_is_promoted_and_demoted() -> None:
    found = catalogue(rows())
    postgres = found.services["postgres"]
    assert postgres.has_standby and {action.value: row.command for action, row in postgres.actions.items()} == {
        "enable": "start", "disable": "stop", "go-active": "promote",
        "audit-enabled": "monitor", "audit-disabled": "monitor"}
    needs = {(row.action, row.dependent): row.state for row in found.dependencies if row.service == "postgres"}
    assert needs[ServiceAction.GO_ACTIVE, "management-ipv4"] is ServiceState.ENABLED_ACTIVE
    assert not [action for action, _ in needs if action is ServiceAction.ENABLE], "it also starts on the standby"
    users = {"sysinv-conductor", "sysinv-inv", "keystone", "fm-mgr", "fm-api", "mtc-agent", "mtce-api",
             "patching-conductor", "patching-api", "patching-orchestrator", "patching-vim-api"}
    assert {name for found, name in needs if found is ServiceAction.DISABLE} == users
    assert postgres.restarts_to_stand_by, "the other node does not wait for its start as a standby"


def test_daemons_load_everything_before_they_are_needed() -> None:
    found = catalogue(rows())
    warmed = {name for name, spec in found.services.items() if spec.restarts_to_stand_by} - {"postgres"}
    assert warmed == {"sysinv-conductor", "sysinv-inv", "keystone", "fm-mgr", "fm-api", "mtc-agent", "mtce-api",
             "patching-conductor", "patching-api", "patching-orchestrator", "patching-vim-api"}
    for name in warmed:
        actions = found.services[name].actions
        assert (actions[ServiceAction.ENABLE].command, actions[ServiceAction.GO_ACTIVE].command) == (
            "stand-by", "activate")
        unit = (SHIPPED.parents[1] / "etc/systemd" / actions[ServiceAction.ENABLE].name).read_text()
        assert "Type=notify\nEnvironment=FLOCK_STANDBY=%t/sm/standby/%n\n" in unit
        rows_of = {(row.action, row.dependent) for row in found.dependencies if row.service == name}
        assert {needed for action, needed in rows_of if action is ServiceAction.GO_ACTIVE} == {
            "management-ipv4", "postgres", "drbd-platform"}
        assert not any(action is ServiceAction.ENABLE for action, _ in rows_of)


@pytest.mark.parametrize("mode", MODES)
def test_the_flock_stops_in_the_reverse_order(mode: str) -> None:
    found = catalogue(rows(mode))
    needing = {(row.dependent, row.service) for row in found.dependencies
               if row.action in (ServiceAction.ENABLE, ServiceAction.GO_ACTIVE)}
    stopping = {(row.service, row.dependent) for row in found.dependencies if row.action is ServiceAction.DISABLE}
    # Whoever uses the bus ends before it, and does not wait for it to start.
    users = {"sysinv-conductor", "sysinv-inv", "fm-mgr", "fm-api", "mtc-agent", "mtce-api", "patching-conductor",
             "patching-api", "patching-orchestrator", "patching-vim-api"}
    later = {("management-ipv4", "postgres"), ("management-ipv4", "drbd-platform"), ("management-ipv4", "rabbit"),
             ("drbd-platform", "rabbit"), ("sysinv-conductor", "dnsmasq")}
    assert stopping - needing == {("rabbit", user) for user in users}
    assert needing - stopping == later & needing and ("sysinv-conductor", "dnsmasq") in needing
    order = [step.service for steps in layers(start_steps(found)) for step in steps if step.action is (
        ServiceAction.GO_ACTIVE if found.services[step.service].has_standby else ServiceAction.ENABLE)]
    assert order.index("management-ipv4") < order.index("rabbit")
    assert order.index("sysinv-conductor") < order.index("dnsmasq"), "it writes what dnsmasq reads"
    for address in ("management-ipv4", "oam-ipv4", "pxeboot-ipv4"):
        assert order.index(address) < order.index("haproxy"), "it binds to the address"


@pytest.mark.parametrize(("features", "there"), [((), True), (("sqlite",), False)])
def test_files_of_sqlite_need_no_service(features: tuple[str, ...], there: bool) -> None:
    assert ("postgres" in catalogue(configured(shipped(), replace(site(), features=features))).services) is there


def test_no_service_of_the_flock_changes_when_a_second_controller_comes() -> None:
    """Otherwise all of them would be restarted."""
    alone, pair = catalogue(rows("simplex")).services, catalogue(rows("standard")).services
    assert pair.keys() - alone.keys() == {"drbd-platform"}
    assert {name: pair[name] for name in alone} == dict(alone)


OWN = {"fm-mgr": "exec:/usr/local/bin/agent", "sysinv-inv": "systemd:own-api.service"}


def test_a_site_may_name_all_that_runs_and_by_what() -> None:
    rows = configured(shipped(), Site("simplex", "controller-0", platform="other", programs=OWN,
                                      parameters={"fm-mgr": {"UNIT": "own.service"}}))
    assert {row.name for row in rows.services if row.provisioned} == set(OWN)
    assert {row.name for row in rows.service_groups if row.provisioned} == {"controller-services"}
    found = {(row.service, row.action): row for row in rows.service_actions if row.service in OWN}
    assert {row.name for row in found.values()} == {"/usr/local/bin/agent", "own-api.service"}
    assert {action for _, action in found} == {ServiceAction.ENABLE, ServiceAction.DISABLE, ServiceAction.AUDIT_ENABLED,
                                               ServiceAction.AUDIT_DISABLED}
    assert found["fm-mgr", ServiceAction.ENABLE].command == "start"
    assert next(row for row in rows.service_instances if row.service == "fm-mgr").parameters == {"UNIT": "own.service"}


def test_a_site_of_nothing_is_possible() -> None:
    rows = configured(shipped(), Site("simplex", "controller-0", platform="other"))
    assert not any(row.provisioned for row in (*rows.services, *rows.service_groups))


@pytest.mark.parametrize(("platform", "programs", "field"), [
    ("flock", OWN, "programs"), ("other", {"nobody": "exec:/bin/true"}, "programs"),
    ("other", {"fm-mgr": "tcp:127.0.0.1:80"}, "programs.fm-mgr"), ("other", {"fm-mgr": "true"}, "programs.fm-mgr")])
def test_programs_of_a_site_that_cannot_be_run(platform: str, programs: dict[str, str], field: str) -> None:
    with pytest.raises(CatalogueRefused) as refused:
        configured(shipped(), Site("simplex", "controller-0", platform=platform, programs=programs))
    assert [problem.field for problem in refused.value.problems] == [field]

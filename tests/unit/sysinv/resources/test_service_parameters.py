# SPDX-License-Identifier: Apache-2.0
"""``service_parameter``: the requests of StarlingX's client, the life of a change, what hosts get."""
from __future__ import annotations

import importlib
from typing import Any

import pytest

from sysinv.config import hiera
from sysinv.contract.records import ConfigurationResult, WantedConfiguration
from sysinv.db.lookup import host_row
from sysinv.resources.serviceparameter import service as services
from sysinv.resources.serviceparameter.catalogue import schema
from sysinv.resources.serviceparameter.hiera import data_of, of_host

PATH = "/v1/service_parameter"
MAINTENANCE = {"worker_boot_timeout": "720", "controller_boot_timeout": "1200", "heartbeat_period": "1000",
               "heartbeat_failure_action": "fail", "heartbeat_failure_threshold": "10",
               "heartbeat_degrade_threshold": "6", "mnfa_threshold": "2", "mnfa_timeout": "0"}
MTCE = "platform::mtce"


class Parameters:
    """The parameters of a cloud."""

    def __init__(self, cloud: Any) -> None:
        self.cloud = cloud
        self.host = str(cloud.host("controller-0")["uuid"])

    def all(self, **wanted: str) -> list[dict[str, Any]]:
        query = "&".join(f"q.field={name}&q.op=eq&q.type=&q.value={value}" for name, value in wanted.items())
        return list(self.cloud.get(f"{PATH}?{query}" if query else PATH).body["parameters"])

    def one(self, service: str, section: str, name: str) -> dict[str, Any]:
        (found,) = self.all(service=service, section=section, name=name)
        return found

    def add(self, service: str, section: str, /, personality: str | None = None, resource: str | None = None,
            **values: str) -> Any:
        return self.cloud.post(PATH, {"service": service, "section": section, "personality": personality,
                                      "resource": resource, "parameters": values})

    def put(self, service: str, section: str, name: str, value: Any) -> Any:
        return self.cloud.patch(f"{PATH}/{self.one(service, section, name)['uuid']}", name=name, value=value)

    def delete(self, service: str, section: str, name: str) -> Any:
        return self.cloud.delete(f"{PATH}/{self.one(service, section, name)['uuid']}")

    def apply(self, service: str, **more: Any) -> Any:
        return self.cloud.post(f"{PATH}/apply", {"service": service, **more})

    def wanted(self) -> WantedConfiguration:
        found: WantedConfiguration = self.cloud.configuration.wanted_configuration(
            host_uuid=self.host, certificate_pem="", uptime_s=100)
        return found

    def carry_out(self) -> list[str]:
        found = self.wanted()
        self.cloud.configuration.configuration_applied(
            host_uuid=self.host, result=ConfigurationResult(found.config_uuids))
        return found.classes

    def keys(self, host: str = "controller-0") -> hiera.Rendered:
        with self.cloud.db.reader() as conn:
            return hiera.render(conn, host_row(conn, host))

    @property
    def is_current(self) -> bool:
        row = self.cloud.host("controller-0")
        return bool(row["config_applied"] == row["config_target"])


@pytest.fixture
def parameters(cloud: Any) -> Parameters:
    return Parameters(cloud)


def test_each_system_has_its_parameters_from_its_start(parameters: Parameters) -> None:
    """Scenario 1."""
    found = {row["name"]: row["value"] for row in parameters.all(service="platform", section="maintenance")}
    assert found == MAINTENANCE
    assert len(parameters.all()) == 32
    assert parameters.one("identity", "config", "token_expiration")["value"] == "3600"
    assert {name: one for name, one in parameters.one("radosgw", "config", "fs_size_mb").items() if name in (
        "personality", "resource", "updated_at")} == {"personality": None, "resource": None, "updated_at": None}


def test_the_migration_adds_the_same_parameters() -> None:
    migration = importlib.import_module("sysinv.db.migrations.versions.0018_service_parameters")
    wanted = {(section.service, section.name): values for sections in schema().values() for section in sections.values()
              if (values := {one.name: one.default for one in section.parameters.values() if one.default is not None})}
    assert wanted == migration.DEFAULTS


def test_a_change_waits_until_it_is_applied(parameters: Parameters) -> None:
    """Scenario 11."""
    assert parameters.put("platform", "maintenance", "heartbeat_period", "500").body["value"] == "500"
    assert not parameters.is_current
    parameters.cloud.configurations.alarms()
    assert [one.alarm_id for one in parameters.cloud.raised.get_faults(
        alarm_id="250.001", entity_instance_id=None, below=False)] == ["250.001"], "at once"
    assert parameters.wanted().classes == []
    (order,) = parameters.cloud.get("/v1/ihosts/controller-0/config_history").body["config_history"]
    assert (order["held"], order["reason"]) == (True, "service parameters platform maintenance")
    reply = parameters.apply("platform", section=None)
    assert (reply.status, reply.body) == (200, None)
    assert parameters.carry_out() == [MTCE]
    assert parameters.is_current
    parameters.cloud.configurations.alarms()
    assert not parameters.cloud.raised.get_faults(alarm_id="250.001", entity_instance_id=None, below=False)
    assert parameters.keys().plain()[f"{MTCE}::params::heartbeat_period"] == 500


def test_another_change_does_not_carry_out_what_waits(parameters: Parameters) -> None:
    parameters.put("platform", "maintenance", "heartbeat_period", "500")
    parameters.put("platform", "client", "cli_confirmations", "enabled")
    assert parameters.carry_out() == ["platform::client"], "immediate"
    assert not parameters.is_current
    assert parameters.apply("identity").status == 200
    assert parameters.carry_out() == ["openstack::keystone"]
    assert not parameters.is_current
    parameters.apply("platform", section="maintenance")
    assert parameters.carry_out() == [MTCE]
    assert parameters.is_current


def test_hosts_are_not_told_of_what_waits_and_a_boot_carries_it_out(parameters: Parameters) -> None:
    parameters.put("platform", "maintenance", "heartbeat_period", "500")
    found = parameters.wanted()
    assert (found.config_uuids, len(found.boot_uuids)) == ([], 1)
    assert MTCE in found.boot_classes
    parameters.cloud.configuration.configuration_applied(
        host_uuid=parameters.host, result=ConfigurationResult(found.boot_uuids, whole=True, uptime_s=5))
    assert parameters.is_current


def test_apply_repeats_what_failed(parameters: Parameters) -> None:
    parameters.apply("platform")
    assert parameters.carry_out() == [MTCE]
    parameters.apply("platform")
    assert parameters.carry_out() == [MTCE]
    assert parameters.apply("docker").status == 200
    assert parameters.carry_out() == [], "nothing reads these"


@pytest.mark.parametrize(("service", "section", "values", "text"), [
    ("", "maintenance", {"a": "1"}, "Unspecified service name"),
    ("nobody", "x", {"a": "1"}, "Invalid service name nobody."),
    ("ptp", "global", {"a": "1"}, "ptp service is deprecated"),
    ("platform", "nothing", {"a": "1"}, "Invalid service section nothing."),
    ("platform", "maintenance", {"unknown": "1"},
     "The parameter name unknown is invalid for service platform section maintenance"),
    ("docker", "proxy", {"http_proxy": ""}, "The service parameter value is mandatory"),
    ("platform", "maintenance", {"heartbeat_period": "500"},
     "Service parameter add failed:  Parameter already exists: service=platform section=maintenance "
     "name=heartbeat_period"),
    ("platform", "config", {"virtual_system": "true"}, "read only"),
    ("docker", "proxy", {"http_proxy": "ftp://a"}, "http_proxy: the value ftp://a is not possible, it must be a URL"),
    ("platform", "sysctl", {"kernel.core_pattern": "|/bin/sh"}, "protected"),
    ("platform", "sysctl", {"kernel/modprobe": "/bin/sh"}, "protected"),
    ("platform", "sysctl", {"net.ipv4.no_such": "1"}, "the kernel has no such setting"),
    ("platform", "sysctl", {"net.ipv4/../../kernel/modprobe": "1"}, "is invalid for service platform section sysctl"),
    ("platform", "sysctl", {"net.ipv4.ip_forward": "1\nkernel.x=2"}, "control characters"),
    ("snmp", "config", {"snmp_nodeport": "80"}, "a number from 30000 to 31499"),
    ("kubernetes", "kube_apiserver_volumes", {"a": "hostPath:x,mountPath:/y"}, "hostPath:/x,mountPath:/y")])
def test_what_cannot_be_added_changes_nothing(
        parameters: Parameters, service: str, section: str, values: dict[str, str], text: str) -> None:
    before = parameters.all()
    reply = parameters.add(service, section, **values)
    assert reply.status in (400, 409)
    assert text in reply.fault
    assert parameters.all() == before
    assert parameters.wanted().boot_uuids == []


def test_all_or_none_of_a_request_is_added(parameters: Parameters) -> None:
    before = parameters.all()
    reply = parameters.add("docker", "proxy", http_proxy="http://proxy:3128", no_proxy="a b")
    assert (reply.status, parameters.all()) == (400, before)
    reply = parameters.add("docker", "proxy", http_proxy="http://proxy:3128", no_proxy="10.0.0.1,localhost")
    assert [(row["name"], row["section"]) for row in reply.body["parameters"]] == [
        ("http_proxy", "proxy"), ("no_proxy", "proxy")]
    assert parameters.cloud.post(PATH, {"service": "docker", "section": "proxy"}).fault == "Unspecified parameters"
    assert parameters.cloud.post(PATH, {"service": "docker", "section": "proxy", "parameters": {
        "https_proxy": None}}).status == 400
    assert parameters.cloud.post(PATH, {"service": "docker", "section": "proxy", "parameters": {
        "https_proxy": "http://" + "x" * 5000}}).status == 400


@pytest.mark.parametrize(("value", "status"), [("100", 200), ("1000", 200), ("5", 400), ("1001", 400), ("0500", 400),
                                               ("", 400), ("many", 400), ("1e2", 400)])
def test_values_have_their_range(parameters: Parameters, value: str, status: int) -> None:
    reply = parameters.put("platform", "maintenance", "heartbeat_period", value)
    assert reply.status == status
    if status == 400:
        assert parameters.one("platform", "maintenance", "heartbeat_period")["value"] == "1000"


def test_the_client_repeats_pairs_and_the_last_ones_count(parameters: Parameters) -> None:
    row = parameters.one("platform", "maintenance", "mnfa_timeout")
    body = [{"op": "replace", "path": f"/{name}", "value": value} for name, value in (
        ("name", "heartbeat_period"), ("value", "500"), ("name", "mnfa_timeout"), ("value", "300"))]
    assert parameters.cloud.call("PATCH", f"{PATH}/{row['uuid']}", body).body["value"] == "300"
    assert parameters.one("platform", "maintenance", "heartbeat_period")["value"] == "1000"
    reply = parameters.cloud.call("PATCH", f"{PATH}/{row['uuid']}", body[:2])
    assert (reply.status, reply.fault) == (400, "name: the name of parameter mnfa_timeout can not be changed.")


def test_what_a_section_needs_stays(parameters: Parameters) -> None:
    reply = parameters.delete("platform", "maintenance", "heartbeat_period")
    assert (reply.status, reply.fault) == (400, "Platform Maintenance Parameter 'heartbeat_period' is required.")
    assert parameters.delete("radosgw", "config", "service_enabled").fault == (
        "Radosgw Config Parameter 'service_enabled' is required.")
    assert parameters.delete("platform", "kernel", "audit").status == 204
    assert parameters.all(section="kernel") == []
    assert parameters.cloud.delete(f"{PATH}/6e6f6465-0000-4000-8000-000000000001").status == 404
    assert parameters.cloud.get(f"{PATH}/nonsense").status == 404


def test_thresholds_that_do_not_fit_together_are_not_applied(parameters: Parameters) -> None:
    parameters.put("platform", "maintenance", "heartbeat_degrade_threshold", "10")
    reply = parameters.apply("platform")
    assert (reply.status, reply.fault) == (
        400, "heartbeat_degrade_threshold 10 must be lower than heartbeat_failure_threshold 10.")
    assert parameters.wanted().classes == []
    parameters.put("platform", "maintenance", "heartbeat_failure_threshold", "11")
    assert parameters.apply("platform").status == 200
    assert parameters.carry_out() == [MTCE]
    assert parameters.is_current


def test_oidc_needs_its_parameters_together(parameters: Parameters) -> None:
    """Scenario 12."""
    parameters.add("kubernetes", "kube_apiserver", **{"oidc-issuer-url": "https://x"})
    reply = parameters.apply("kubernetes")
    assert reply.status == 400
    assert "missing: oidc-client-id, oidc-username-claim" in reply.fault
    parameters.add("kubernetes", "kube_apiserver", **{"oidc-client-id": "c", "oidc-username-claim": "email"})
    assert parameters.apply("kubernetes").status == 200
    parameters.add("kubernetes", "kube_apiserver", **{"oidc-groups-claim": "groups"})
    assert parameters.apply("kubernetes").status == 200


@pytest.mark.parametrize(("service", "text"), [
    (None, "Unspecified service name"), ("nobody", "Invalid service name nobody."), ("ptp", "deprecated")])
def test_only_services_are_applied(parameters: Parameters, service: str | None, text: str) -> None:
    reply = parameters.cloud.post(f"{PATH}/apply", {"service": service, "section": None})
    assert reply.status == 400
    assert text in reply.fault
    assert parameters.apply("platform", section="nothing").fault == "Invalid service section nothing."


def test_a_custom_parameter_is_in_the_data_of_its_personality_only(parameters: Parameters) -> None:
    """Scenario 13."""
    cloud = parameters.cloud
    cloud.post("/v1/ihosts", {"personality": "worker", "hostname": "worker-0", "mgmt_mac": "08:00:27:00:00:77"})
    reply = parameters.add("platform", "config", "worker", "a::b::c", x="1")
    assert [(row["personality"], row["resource"]) for row in reply.body["parameters"]] == [("worker", "a::b::c")]
    assert parameters.keys("worker-0").host["a::b::c"] == "1"
    assert "a::b::c" not in {**parameters.keys("worker-0").system, **parameters.keys().plain()}
    parameters.add("platform", "config", None, "a::b::d", x="2")
    assert parameters.keys().system["a::b::d"] == "2"
    assert parameters.add("platform", "config", "worker", "a::b::c", x="3").status == 409
    assert parameters.add("platform", "config", "worker", "a::b::c", y="1", z="2").fault == (
        "Cannot specify multiple parameters with custom resource.")


@pytest.mark.parametrize(("personality", "resource", "text"), [
    ("edge", "a::b", "personality: edge is not possible"), (None, "ab", "resource: ab is not a key"),
    (None, "a::B", "is not a key"), (None, "a::b\n", "resource"), (None, "platform::params::hardware_root", "belongs"),
    (None, f"{MTCE}::params::heartbeat_period", "belongs"), (None, "platform::dns::resolv::servers", "belongs"),
    (None, "platform::users::params::sysadmin_password", "belongs")])
def test_keys_of_the_platform_are_not_for_operators(
        parameters: Parameters, personality: str | None, resource: str, text: str) -> None:
    reply = parameters.add("platform", "config", personality, resource, x="1")
    assert reply.status == 400
    assert text in reply.fault


def test_a_key_that_a_newer_release_owns_is_left_out(parameters: Parameters, monkeypatch: pytest.MonkeyPatch) -> None:
    parameters.add("platform", "config", None, "a::b::c", x="1")
    monkeypatch.setattr(services, "product_classes", lambda: frozenset({"a::b"}))
    assert "a::b::c" not in parameters.keys().system


def test_a_known_parameter_may_be_that_of_one_personality(parameters: Parameters) -> None:
    cloud = parameters.cloud
    cloud.post("/v1/ihosts", {"personality": "worker", "hostname": "worker-0", "mgmt_mac": "08:00:27:00:00:77"})
    assert parameters.add("platform", "sysctl", **{"vm.swappiness": "10"}).status == 200
    assert parameters.carry_out() == ["platform::sysctl"]
    assert parameters.add("platform", "sysctl", "worker", **{"vm.dirty_ratio": "30"}).status == 200
    assert parameters.carry_out() == [], "not one of the controllers"
    key = "platform::sysctl::params::settings"
    assert parameters.keys().plain()[key] == {"vm.swappiness": "10"}
    assert parameters.keys("worker-0").plain()[key] == {"vm.swappiness": "10", "vm.dirty_ratio": "30"}
    assert parameters.add("platform", "coredump", "worker", max_use="500M").status == 400
    assert parameters.add("platform", "coredump", "worker", max_use="2G").status == 200
    assert parameters.keys("worker-0").host["platform::coredump::params::max_use"] == "2G"


def test_secret_values_are_shown_to_nobody(parameters: Parameters) -> None:
    assert parameters.add("platform", "sysinv", firewall_rules_id="8e0b3a8e").body["parameters"][0]["value"] == "****"
    parameters.add("identity", "ldap-domain1", ldap_default_authtok="swordfish")
    assert parameters.put("identity", "ldap-domain1", "ldap_default_authtok", "marlin").body["value"] == "****"
    shown = str([parameters.all(), parameters.one("platform", "sysinv", "firewall_rules_id"),
                 parameters.keys().plain(), parameters.cloud.get(f"{PATH}/detail").body])
    assert not [word for word in ("swordfish", "marlin", "8e0b3a8e") if word in shown]


def test_filters_count_together(parameters: Parameters) -> None:
    """StarlingX's client sends the last one only; all that are sent count."""
    assert {row["section"] for row in parameters.all(service="platform", name="audit")} == {"kernel"}
    assert parameters.all(service="platform", name="token_expiration") == []
    assert parameters.cloud.get(f"{PATH}?q.field=value&q.value=1").status == 400
    assert parameters.cloud.get(f"{PATH}?q.field=name").status == 400
    assert parameters.cloud.get(f"{PATH}?q.field=name&q.op=gt&q.value=1").status == 400
    assert len(parameters.cloud.get(f"{PATH}?limit=2").body["parameters"]) == 2


def test_data_of_rows_that_this_release_does_not_know_are_left_out() -> None:
    row = {"service": "gone", "section": "x", "name": "y", "value": "1", "personality": "", "resource": ""}
    assert data_of([row, {**row, "service": "platform"}, {**row, "service": "platform", "section": "config"}]) == {}
    assert of_host([row], None) == []


def test_a_reader_changes_nothing(parameters: Parameters) -> None:
    uuid = parameters.one("platform", "kernel", "audit")["uuid"]
    assert parameters.cloud.patch(f"{PATH}/{uuid}", role="reader", value="1").status == 403

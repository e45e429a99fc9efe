# SPDX-License-Identifier: Apache-2.0
"""The catalogue that decisions see: only what is provisioned in every respect."""
import pytest

from sm.catalogue.build import ENABLING_MAX, catalogue
from sm.contract.states import Impact, ServiceAction
from tests.unit.sm.catalogue.sites import changed, rows


@pytest.mark.parametrize(("table", "key"), [
    ("services", ("keystone",)), ("service_group_members", ("cloud-services", "keystone")),
    ("service_groups", ("cloud-services",)), ("service_domain_members", ("controller", "cloud-services")),
    ("service_domains", ("controller",)),
])
def test_a_service_takes_part_when_all_its_rows_are_provisioned(table: str, key: tuple[str, ...]) -> None:
    assert "keystone" in catalogue(rows()).services
    found = catalogue(changed(rows(), table, key, provisioned=False))
    assert "keystone" not in found.services
    assert not [row for row in found.dependencies if "keystone" in (row.service, row.dependent)]


def test_a_service_has_all_that_its_rows_say() -> None:
    found = catalogue(changed(rows(), "services", ("dnsmasq",), max_failures=7, pid_file="/run/a", program="dnsmasq",
                              user="nobody"))
    service = found.services["dnsmasq"]
    assert (service.max_failures, service.pid_file, service.program, service.user) == (7, "/run/a", "dnsmasq", "nobody")
    audit = service.actions[ServiceAction.AUDIT_ENABLED]
    assert (audit.name, audit.command, audit.timeout_s, audit.interval_s) == ("flock-dnsmasq.service", "status", 15, 10)
    assert (audit.retries.failure, audit.retries.timeout, audit.retries.total) == (2, 2, 2)
    group = found.groups["cloud-services"]
    assert [(member.service, member.impact) for member in group.members] == [("keystone", Impact.CRITICAL)]
    assert (group.failure_debounce_ms, group.fatal_error_reboot) == (300_000, True)
    assert found.results == rows().service_action_results


@pytest.mark.parametrize(("mode", "cores", "limit"), [
    ("duplex", 1, 2), ("duplex", 8, 8), ("duplex-direct", 4, 4), ("standard", 8, ENABLING_MAX),
    ("simplex", 8, ENABLING_MAX)])
def test_how_many_services_may_be_enabling(mode: str, cores: int, limit: int) -> None:
    assert catalogue(rows(mode), cores).enabling_max == limit


def test_the_throttle_is_a_lower_limit() -> None:
    assert catalogue(changed(rows(), "configuration", ("ENABLING_THROTTLE",), value="5"), 2).enabling_max == 5

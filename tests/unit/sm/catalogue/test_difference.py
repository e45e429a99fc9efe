# SPDX-License-Identifier: Apache-2.0
"""What a change means for the running system."""
from flock.core.records import replace
from sm.catalogue.difference import FieldChange, Move, difference, lines
from sm.contract.states import RedundancyModel
from tests.unit.sm.catalogue.sites import changed, rows, without


def test_nothing() -> None:
    found = difference(rows(), rows())
    assert not found and list(lines(found)) == []


def test_start_and_stop() -> None:
    off = changed(rows(), "service_group_members", ("controller-services", "fm-api"), provisioned=False)
    assert (difference(rows(), off).stops, difference(off, rows()).starts) == (("fm-api",), ("fm-api",))
    assert difference(rows(), off).changes == (
        FieldChange("service_group_members", "controller-services fm-api", "provisioned", "yes", "no"),)
    assert list(lines(difference(rows(), off))) == [
        "stops: fm-api", "changes: service_group_members controller-services fm-api provisioned: 'yes' -> 'no'"]


def test_a_group_that_is_taken_out_stops_its_services() -> None:
    off = changed(rows(), "service_domain_members", ("controller", "cloud-services"), provisioned=False)
    assert difference(rows(), off).stops == ("keystone",)


def test_what_a_service_was_started_with_restarts_it() -> None:
    other = changed(rows(), "service_instances", ("oam-ipv4", "oam-ipv4"), parameters={"ip": "10.1.1.1"})
    assert difference(rows(), other).restarts == ("oam-ipv4",)
    moved = changed(rows(), "service_actions", ("dnsmasq", "enable"), name="dnsmasq.service")
    assert difference(rows(), moved).restarts == ("dnsmasq",)


def test_limits_and_audits_restart_nothing() -> None:
    other = changed(rows(), "services", ("dnsmasq",), max_failures=9)
    other = changed(other, "service_actions", ("dnsmasq", "audit-enabled"), interval_s=99)
    other = changed(other, "service_actions", ("dnsmasq", "enable"), timeout_s=99)
    found = difference(rows(), other)
    assert found and not found.restarts and not found.moves and not found.starts and not found.stops


def test_moves() -> None:
    other = changed(rows(), "service_domain_members", ("controller", "cloud-services"), model=RedundancyModel.N,
                    m_standby=0, aggregate="")
    assert difference(rows(), other).moves == (
        Move("cloud-services", "N + M 1/1 in controller-aggregate", "N 1/0"),)
    row = next(row for row in rows().service_group_members if row.service == "haproxy")
    other = without(rows(), "service_group_members", "oam-services", "haproxy")
    other = replace(other, service_group_members=(*other.service_group_members, replace(row, group="cloud-services")))
    found = difference(rows(), other)
    assert found.moves == (Move("haproxy", "oam-services", "cloud-services"),)
    assert "moves: haproxy, from oam-services to cloud-services" in list(lines(found))
    assert {(change.before is None, change.after is None) for change in found.changes} == {(True, False), (False, True)}

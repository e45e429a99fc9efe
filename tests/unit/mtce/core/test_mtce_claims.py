# SPDX-License-Identifier: Apache-2.0
"""Whom a reported claim concerns: a worker's word protects itself alone; out-of-range reports are refused."""
from dataclasses import replace

import pytest

from mtce.contract.records import CLAIMS_MAX, AddressClaim, ClaimReport
from mtce.core.bounds import claims_refusal
from mtce.core.claims import concerned
from mtce.core.view import MaintainedHost, Network
from sysinv.contract.enums import Administrative, Availability, Operational

MAC = "02:00:00:00:00:66"


def host(name, last, personality="worker", **changes):
    return replace(MaintainedHost(
        uuid=f"uuid-of-{name}", hostname=name, personality=personality, subfunctions=personality,
        mgmt_ip=f"192.168.204.{last}", cluster_host_ip=f"192.168.206.{last}", administrative=Administrative.UNLOCKED,
        operational=Operational.ENABLED, availability=Availability.AVAILABLE), **changes)


CONTROLLER, PEER = host("controller-0", 2, "controller"), host("controller-1", 3, "controller")
ONE, TWO = host("worker-0", 10), host("worker-1", 11)
SINGLE = host("worker-2", 12, cluster_host_ip=None)
ALL = [CONTROLLER, PEER, ONE, TWO, SINGLE]


def names(reporter, address, network="mgmt"):
    found = list(concerned(reporter, [AddressClaim(address, MAC, network)], ALL))
    assert all((event.address, event.mac, event.network) == (address, MAC, Network(network)) for _, event in found)
    return [uuid.removeprefix("uuid-of-") for uuid, _ in found]


@pytest.mark.parametrize("address", ["192.168.204.1", "192.168.204.2"])
def test_a_controller_that_sees_its_address_claimed_protects_every_host_of_the_network(address):
    assert names(CONTROLLER, address) == [each.hostname for each in ALL]


def test_hosts_without_the_network_are_not_concerned():
    assert "worker-2" not in names(CONTROLLER, "192.168.206.2", "cluster-host")
    assert names(CONTROLLER, "10.10.10.2", "oam") == []


def test_a_controller_that_sees_the_address_of_a_worker_claimed_protects_that_worker():
    assert names(CONTROLLER, "192.168.204.11") == ["worker-1"]


@pytest.mark.parametrize("address", ["192.168.204.1", "192.168.204.11", "192.168.204.10"])
def test_a_worker_protects_itself_alone_whatever_it_says(address):
    assert names(ONE, address) == ["worker-0"]


@pytest.mark.parametrize(("claim", "field"), [
    (AddressClaim("192.168.204.1", "02:00:00:00:00:6", "mgmt"), "mac"),
    (AddressClaim("192.168.204.1", "02:00:00:00:00:66\n", "mgmt"), "mac"),
    (AddressClaim("192.168.204.1", "A2:00:00:00:00:66", "mgmt"), "mac"),
    (AddressClaim("192.168.204.256", MAC, "mgmt"), "address"),
    (AddressClaim("fd00:0::1", MAC, "mgmt"), "address"),
    (AddressClaim("", MAC, "mgmt"), "address"),
])
def test_a_claim_out_of_range_is_refused_with_its_field(claim, field):
    assert claims_refusal(ClaimReport("u", [claim])).startswith(field)


def test_a_report_has_a_limit():
    good = AddressClaim("fd00::1", MAC, "mgmt")
    assert claims_refusal(ClaimReport("u", [good] * CLAIMS_MAX)) is None
    assert claims_refusal(ClaimReport("u", [good] * (CLAIMS_MAX + 1))).startswith("claims")

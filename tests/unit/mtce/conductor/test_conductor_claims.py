# SPDX-License-Identifier: Apache-2.0
"""Reports of claimed addresses reach the hosts that they concern; others, and wrong ones, change nothing."""
import pytest

from flock.core.errors import InvalidInput
from mtce.contract.records import AddressClaim, ClaimReport

UUID = "2f1c1d7e-0000-4000-8000-000000000001"
CONTROLLER, OTHER = "00000000-0000-4000-8000-0000000000c0", "00000000-0000-4000-8000-0000000000a1"
MAC = "02:00:00:00:00:66"


def put(bench, uuid, hostname, last, personality="worker"):
    reply = bench.hosts.put_host(host=bench.host(
        uuid=uuid, hostname=hostname, personality=personality, subfunctions=personality, bm_type="none", bm_ip=None,
        bm_username=None, bm_secret=None, mgmt_ip=f"192.168.204.{last}", cluster_host_ip=f"192.168.206.{last}",
        mgmt_mac=f"08:00:27:00:01:{last:02d}"))
    assert reply.status == "pass", reply


@pytest.fixture
def cloud(bench):
    put(bench, CONTROLLER, "controller-0", 2, "controller")
    put(bench, UUID, "worker-0", 10)
    put(bench, OTHER, "worker-1", 11)
    return bench


def claimed(bench):
    bench.settle()
    return {entry.view.hostname for entry in bench.loop.roster.all() if entry.view.claimed_ms is not None}


def report(bench, uuid, *claims):
    bench.agents.addresses_claimed(report=ClaimReport(uuid, list(claims)))


def test_a_report_of_the_controller_concerns_all(cloud):
    report(cloud, CONTROLLER, AddressClaim("192.168.204.1", MAC, "mgmt"))
    assert claimed(cloud) == {"controller-0", "worker-0", "worker-1"}


def test_a_report_of_a_worker_concerns_itself(cloud):
    report(cloud, UUID, AddressClaim("192.168.204.11", MAC, "mgmt"))
    assert claimed(cloud) == {"worker-0"}


def test_a_host_that_mtce_does_not_have_concerns_nobody(cloud):
    report(cloud, "00000000-0000-4000-8000-0000000000ff", AddressClaim("192.168.204.1", MAC, "mgmt"))
    assert claimed(cloud) == set()


def test_a_wrong_report_is_refused_as_a_whole_and_names_the_field(cloud):
    with pytest.raises(InvalidInput, match="mac"):
        report(cloud, CONTROLLER, AddressClaim("192.168.204.1", MAC, "mgmt"),
               AddressClaim("192.168.204.1", "junk", "mgmt"))
    assert claimed(cloud) == set()


def test_repeated_reports_write_nothing(cloud):
    report(cloud, CONTROLLER, AddressClaim("192.168.204.1", MAC, "mgmt"))
    cloud.settle()
    revisions = {entry.view.hostname: entry.stored.revision for entry in cloud.loop.roster.all()}
    for _ in range(5):
        report(cloud, CONTROLLER, AddressClaim("192.168.204.1", MAC, "mgmt"))
    cloud.settle()
    assert {entry.view.hostname: entry.stored.revision for entry in cloud.loop.roster.all()} == revisions

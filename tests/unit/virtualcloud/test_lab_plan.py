# SPDX-License-Identifier: Apache-2.0
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.virtualcloud import plan
from devstack.virtualcloud.errors import EXIT_USAGE, NotAvailable

indexes = st.integers(1, plan.HOSTS_MAX)


def test_networks_have_distinct_names_interfaces_and_numbers():
    for field in ("name", "leg", "number"):
        values = [getattr(item, field) for item in plan.NETWORKS]
        assert len(set(values)) == len(values)


@given(indexes, indexes, st.sampled_from(["controller", "worker", "storage"]))
def test_macs_and_ports_never_clash(one, other, role):
    first, second = plan.legs(one, role), plan.legs(other, role)
    macs = [leg.mac for leg in first] + [plan.bmc_mac(one)]
    assert len(set(macs)) == len(macs)
    if one != other:
        assert not set(macs) & {leg.mac for leg in second}
        assert not {leg.port for leg in first} & {leg.port for leg in second}
    assert all(len(leg.port) <= 15 and int(leg.mac[:2], 16) & 3 == 2 for leg in first), "local, unicast, kernel's limit"


@pytest.mark.parametrize(("role", "all_in_one", "absent"), [
    ("controller", False, {"data0"}), ("controller", True, set()), ("worker", False, {"bmc"}),
    ("storage", False, {"bmc", "data0"}),
])
def test_cabling_follows_the_role(role, all_in_one, absent):
    everything = {item.name for item in plan.NETWORKS}
    assert {leg.network for leg in plan.legs(1, role, all_in_one)} == everything - absent


def test_bmc_addresses_follow_the_number():
    assert plan.bmc_address(1) == "10.10.20.101"
    assert plan.bmc_address(plan.HOSTS_MAX) == "10.10.20.200"
    assert plan.with_prefix_length("bmc", "10.10.20.101") == "10.10.20.101/24"


@pytest.mark.parametrize(("taken", "free"), [([], 1), ([1, 2], 3), ([2, 3], 1), ([1, 3], 2)])
def test_lowest_free_number_is_given(taken, free):
    assert plan.free_index(taken) == free


def test_a_full_lab_refuses():
    with pytest.raises(NotAvailable):
        plan.free_index(range(1, plan.HOSTS_MAX + 1))


def test_clouds_have_their_machines():
    assert plan.cloud_hosts("aio-sx", 5, 5) == ("controller-0",)
    assert plan.cloud_hosts("aio-dx", 5, 5) == ("controller-0", "controller-1")
    assert plan.cloud_hosts("standard", 2, 1) == ("controller-0", "worker-0", "worker-1", "storage-0")


@pytest.mark.parametrize(("kind", "workers"), [("dc", 1), ("standard", -1), ("standard", 100), ("x", 1)])
def test_clouds_that_cannot_be(kind, workers):
    with pytest.raises(NotAvailable) as refused:
        plan.cloud_hosts(kind, workers, 0)
    assert refused.value.status == EXIT_USAGE


@pytest.mark.parametrize("name", ["", "-a", "a-", "A0", "a_b", "x" * 33, "switch", "outside", "bmc", "a/b", "a b"])
def test_bad_host_names(name):
    with pytest.raises(NotAvailable):
        plan.check_host_name(name)


def test_names_tell_the_role():
    assert [plan.role_of(name) for name in ("controller-0", "worker-3", "storage-0", "box-1")] == [
        "controller", "worker", "storage", "worker"]


def test_networks_are_found_by_name_and_interface():
    assert plan.network("cluster-host") is plan.network("cluster0")
    with pytest.raises(NotAvailable, match="no network"):
        plan.network("wan")


def test_published_ports():
    assert plan.published_ports(["5000", "16385:6385"]) == {5000: 5000, 16385: 6385}
    for bad in ("x", "0", "70000", "1:x", ""):
        with pytest.raises(NotAvailable):
            plan.published_ports([bad])


def test_faults_become_rules_in_both_directions():
    text = plan.faults_text({"h2.mgmt0": 30}, {"10.10.20.102": 100, "10.10.20.103": 10})
    assert text.startswith("table bridge faults\ndelete table bridge faults\n")
    assert 'iifname "h2.mgmt0" numgen random mod 100 < 30 drop' in text
    assert 'oifname "h2.mgmt0" numgen random mod 100 < 30 drop' in text
    assert "ip daddr 10.10.20.102 drop" in text and "arp saddr ip 10.10.20.102 drop" in text
    assert "ip saddr 10.10.20.103 numgen random mod 100 < 10 drop" in text


def test_no_faults_no_rules():
    assert "drop" not in plan.faults_text({}, {})

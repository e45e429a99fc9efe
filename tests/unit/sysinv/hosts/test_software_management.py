# SPDX-License-Identifier: Apache-2.0
from sysinv.hosts.softwaremanagement import NoSoftware


def test_a_system_without_software_management_says_nothing_of_what_hosts_run():
    """None leaves the check out; an empty list would say that all hosts are current."""
    assert NoSoftware().outdated_hosts() is None

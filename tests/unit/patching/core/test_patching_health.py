# SPDX-License-Identifier: Apache-2.0
"""The precheck and its words."""
from __future__ import annotations

from typing import Any

import pytest

from flock.core.records import replace
from patching.core.model import Host
from patching.core.precheck import ActiveAlarm, Facts, Kubernetes, Limits, report

HOSTS = (Host(1, "controller-0", "controller"), Host(2, "controller-1", "controller"), Host(3, "compute-0", "worker"))
FINE = Facts(HOSTS, "10.0.1", storage_healthy=True, kubernetes=Kubernetes(), supported_from=("10.0.1",),
             containers_free_gib=50, system_free_gib=50)


def test_a_healthy_system_is_told_line_by_line() -> None:
    found = report(FINE, is_major=False, relaxed=False)
    assert found.is_healthy
    assert found.text == (
        "System Health:\nAll hosts are provisioned: [OK]\nAll hosts are unlocked/enabled: [OK]\n"
        "All hosts have current configurations: [OK]\nAll hosts are patch current: [OK]\nNo alarms: [OK]\n"
        "All required releases are deployed: [OK]\nCeph Storage Healthy: [OK]\nAll kubernetes nodes are ready: [OK]\n"
        "All kubernetes control plane pods are ready: [OK]\nNo kubernetes upgrade is in progress: [OK]\n")
    assert report(FINE, is_major=True, relaxed=False).is_healthy
    assert len(report(FINE, is_major=True, relaxed=False).checks) == len(found.checks) + 6


@pytest.mark.parametrize(("fields", "is_major", "lines"), [
    ({"unprovisioned": ("b", "a")}, False, ["All hosts are provisioned: [Fail]", "Unprovisioned hosts: a, b"]),
    ({"hosts": (*HOSTS, Host(4, "compute-1", "worker", "locked", "disabled", "online"))}, False,
     ["All hosts are unlocked/enabled: [Fail]", "Locked or disabled hosts: compute-1"]),
    ({"outdated_configuration": ("compute-0",)}, False, ["Hosts with out of date configurations: compute-0"]),
    ({"outdated_software": ("compute-0",)}, False, ["Hosts with other software: compute-0"]),
    ({"unmet": ("starlingx-10.0.1",)}, False, ["Required releases: starlingx-10.0.1"]),
    ({"storage_healthy": False}, False, ["Ceph Storage Healthy: [Fail]", "See 'ceph -s'."]),
    ({"kubernetes": Kubernetes(("compute-0",), ("coredns",), "upgrading-kubelets")}, False,
     ["Kubernetes nodes not ready: compute-0", "Pods not ready: coredns", "The upgrade is upgrading-kubelets."]),
    ({"kubernetes": Kubernetes(is_version_supported=False)}, True, ["Upgrade Kubernetes first."]),
    ({"active": "controller-1"}, True, ["Active controller is controller-0: [Fail]",
                                        "Swact: system host-swact controller-1."]),
    ({"supported_from": ("9.0.0",)}, True, ["It can be reached from 9.0.0, not from 10.0.1."]),
    ({"supported_from": ()}, True, ["It can be reached from no release, not from 10.0.1."]),
    ({"containers_free_gib": 39}, True, ["39 GiB are free."]), ({"system_free_gib": 1}, True, ["1 GiB are free."]),
    ({"certificates_missing": ("system-local-ca",)}, True, ["Missing certificates: system-local-ca"]),
])
def test_each_failure_says_what_is_wrong_and_what_to_do(fields: dict[str, Any], is_major: bool,
                                                        lines: list[str]) -> None:
    found = report(replace(FINE, **fields), is_major=is_major, relaxed=False)
    assert not found.is_healthy
    assert set(lines) <= set(found.text.splitlines())


def test_only_alarms_that_count_fail_the_check() -> None:
    minor = ActiveAlarm("500.200", "certificate=a", affects_management=False, is_certificate_expiry=True)
    major = ActiveAlarm("200.006", "host=compute-0")
    strict = report(replace(FINE, alarms=(minor,)), is_major=False, relaxed=False)
    assert not strict.is_healthy
    assert ('[1] alarms found, [0] of which are management affecting and [1] are certificate expiration alarms. '
            'Use "fm alarm-list" for details') in strict.text
    assert "force lets a patch be deployed" in strict.text
    assert report(replace(FINE, alarms=(minor,)), is_major=False, relaxed=True).is_healthy
    assert not report(replace(FINE, alarms=(minor, major)), is_major=False, relaxed=True).is_healthy
    assert report(replace(FINE, alarms=(major,)), is_major=False, relaxed=False, ignored=("200.006",)).is_healthy


def test_what_a_cloud_lacks_is_not_checked_and_said() -> None:
    found = report(replace(FINE, storage_healthy=None, kubernetes=None, containers_free_gib=None), is_major=True,
                   relaxed=False, limits=Limits(system_free_gib=0))
    assert found.is_healthy
    assert found.text.endswith("Not checked, since this cloud has none: storage cluster, Kubernetes\n")
    assert "GiB" not in found.text

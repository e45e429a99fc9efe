# SPDX-License-Identifier: Apache-2.0
"""The checks of the system's health, case by case."""
from __future__ import annotations

from typing import Any

import pytest

from flock.core.records import replace
from sysinv.model.health import ActiveAlarm, Facts, HostFacts, Kind, Question, report

DISKS = frozenset({"/dev/sda", "/dev/disk/by-path/p0"})
C0 = HostFacts(1, "controller-0", "controller", "unlocked", "enabled", "provisioned", True, "/dev/sda",
               "/dev/disk/by-path/p0", DISKS)
C1 = replace(C0, id=2, name="controller-1")
FINE = Facts((C0, C1), "controller-0", (), ())
WARNING = ActiveAlarm("500.200", "certificate=a", affects_management=False)
MAJOR = ActiveAlarm("200.006", "host=controller-1")


def lines(facts: Facts, kind: Kind = Kind.SYSTEM, **asked: Any) -> list[str]:
    return report(facts, Question(kind, **asked)).text.splitlines()


def test_a_healthy_system() -> None:
    assert lines(FINE) == [
        "System Health:", "All hosts are provisioned: [OK]", "All hosts are unlocked/enabled: [OK]",
        "All hosts have current configurations: [OK]", "All hosts are patch current: [OK]", "No alarms: [OK]",
        "Not checked, since this cloud has none: virtual infrastructure manager, storage cluster, Kubernetes"]
    assert lines(FINE, Kind.UPGRADE)[6:] == [
        "Active controller is controller-0: [OK]", "Platform Issuer and expected certificates are healthy: [OK]",
        "Boot Device and Root file system Device: [OK]", lines(FINE)[-1] + ", applications, instances"]
    assert lines(replace(FINE, hosts=(C0,)), Kind.UPGRADE)[-1].endswith("applications, platform-backup partition")
    assert lines(replace(FINE, outdated_software=None))[-1].endswith("Kubernetes, software management")


@pytest.mark.parametrize(("change", "expected"), [
    ({"administrative": "locked"}, ["All hosts are unlocked/enabled: [Fail]", "Locked or disabled hosts: controller-1",
                                    "Unlock them: system host-unlock."]),
    ({"operational": "disabled"}, ["All hosts are unlocked/enabled: [Fail]",
                                   "Locked or disabled hosts: controller-1"]),
    ({"invprovision": "inventoried"}, ["All hosts are provisioned: [Fail]", "1 Unprovisioned hosts",
                                       "Unlock or delete them: controller-1"]),
    ({"invprovision": None}, ["1 Unprovisioned hosts"]), ({"invprovision": "upgrading"}, []),
    ({"is_config_current": False}, ["All hosts have current configurations: [Fail]",
                                    "Hosts with out of date configurations: controller-1"]),
    ({"boot_device": "/dev/nvme0n1"}, ["Boot Device and Root file system Device: [Fail]",
                                       "Hosts without such a device: controller-1"]),
    ({"rootfs_device": "/dev/nvme0n1"}, ["Hosts without such a device: controller-1"]),
    ({"boot_device": "/dev/nvme0n1", "personality": "worker"}, []),
    ({"boot_device": "/dev/nvme0n1", "disks": frozenset()}, [])])
def test_what_is_wrong_with_a_host(change: dict[str, Any], expected: list[str]) -> None:
    found = report(replace(FINE, hosts=(C0, replace(C1, **change))), Question(Kind.UPGRADE))
    assert found.is_healthy is not bool(expected)
    assert set(expected) <= set(found.text.splitlines())


def test_the_text_of_alarms() -> None:
    facts = replace(FINE, alarms=(WARNING, MAJOR))
    assert ("[2] alarms found, [1] of which are management affecting and [1] are certificate expiration alarms. "
            'Use "fm alarm-list" for details') in lines(facts)


@pytest.mark.parametrize(("alarms", "asked", "is_healthy"), [
    ((WARNING,), {}, False), ((WARNING,), {"relaxed": True}, True), ((WARNING, MAJOR), {"relaxed": True}, False),
    ((MAJOR,), {"ignored": frozenset({"200.006"})}, True), ((MAJOR,), {"ignored": frozenset({"200.007"})}, False),
    ("fault management is away", {"relaxed": True}, False)])
def test_only_alarms_that_count_fail_the_check(alarms: Any, asked: dict[str, Any], is_healthy: bool) -> None:
    assert report(replace(FINE, alarms=alarms), Question(Kind.KUBE_UPGRADE, **asked)).is_healthy is is_healthy


@pytest.mark.parametrize(("change", "expected"), [
    ({"active": "controller-1"}, ["Active controller is controller-0: [Fail]",
                                  "Swact: system host-swact controller-1."]),
    ({"alarms": (ActiveAlarm("500.210", "system.certificate=ca"),)},
     ["Platform Issuer and expected certificates are healthy: [Fail]", "Expired certificates: system.certificate=ca"]),
    ({"alarms": "fm is away"}, ["Platform Issuer and expected certificates are healthy: [Fail]", "fm is away"]),
    ({"outdated_software": ("controller-1",)}, ["All hosts are patch current: [Fail]",
                                                "Hosts not patch current: controller-1"]),
    ({"outdated_software": "software is away"}, ["All hosts are patch current: [Fail]", "software is away"])])
def test_what_is_wrong_with_the_system(change: dict[str, Any], expected: list[str]) -> None:
    assert set(expected) <= set(lines(replace(FINE, **change), Kind.UPGRADE))

# SPDX-License-Identifier: Apache-2.0
"""Boot identity, kernel kind, frequencies and storage names."""
from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from flock.exec import Root
from sysinv.agent.collectors import kernel, platform

MakeRoot = Callable[[Mapping[str, str]], Root]


@pytest.mark.parametrize(("files", "release", "kind"), [
    ({"proc/sys/kernel/osrelease": "5.10.0-6-amd64"}, "5.10.0-6-amd64", "standard"),
    ({"proc/sys/kernel/osrelease": "5.10.0-6-rt-amd64", "sys/kernel/realtime": "1"}, "5.10.0-6-rt-amd64", "lowlatency"),
    ({"proc/sys/kernel/osrelease": "6.12.1-edge", "proc/sys/kernel/version": "#1 SMP PREEMPT_RT Debian 6.12.1"},
     "6.12.1-edge", "lowlatency"),
    ({"proc/version": "Linux version 4.18.0-80.rt9 (build@host) #1 SMP PREEMPT RT"}, "4.18.0-80.rt9", "lowlatency"),
    ({"proc/version": "Linux version 6.6.0-rt15 (build@host) #1 SMP PREEMPT_DYNAMIC"}, "6.6.0-rt15", "standard"),
    ({"proc/sys/kernel/osrelease": "5.15.0-start-1", "sys/kernel/realtime": "0"}, "5.15.0-start-1", "standard")])
def test_kernel(make_root: MakeRoot, files: dict[str, str], release: str, kind: str) -> None:
    assert kernel.collect(make_root(files)) == [kernel.RunningKernel(release, kind)]


def test_kernel_that_does_not_tell_its_release_is_not_reported(make_root: MakeRoot) -> None:
    assert kernel.collect(make_root({})) == []


def test_platform_report(make_root: MakeRoot) -> None:
    root = make_root({
        "proc/sys/kernel/random/boot_id": "3f1c9d7e-0000-4000-8000-000000000001", "proc/uptime": "4711.25 9000.00",
        "proc/sys/kernel/osrelease": "6.1.0-rt", "sys/kernel/realtime": "1",
        "etc/nvme/hostid": "host-id", "etc/nvme/hostnqn": "nqn.2014-08.org:x",
        "etc/iscsi/initiatorname.iscsi": "## comment\nInitiatorName=iqn.1993-08.org.debian:01:abc",
        "sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq": "3500000",
        "sys/devices/system/cpu/cpu1/cpufreq/cpuinfo_max_freq": "2800000",
        "sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_min_freq": "800000",
        "sys/devices/system/cpu/cpu0/cpuidle/state0/name": "POLL",
        "sys/devices/system/cpu/cpu0/cpuidle/state10/name": "C10",
        "sys/devices/system/cpu/cpu0/cpuidle/state2/name": "C1E"})
    (report,) = platform.collect(root, after_install=True, first_report=True)
    assert (report.boot_id, report.uptime_s) == ("3f1c9d7e-0000-4000-8000-000000000001", 4711)
    assert (report.kernel_release, report.kernel_running) == ("6.1.0-rt", "lowlatency")
    assert (report.max_cpu_mhz_allowed, report.min_cpu_mhz_allowed) == ("3500", "800")
    assert report.cstates_available == "POLL,C1E,C10"
    assert report.iscsi_initiator_name == "iqn.1993-08.org.debian:01:abc"
    assert (report.nvme_host_id, report.nvme_host_nqn) == ("host-id", "nqn.2014-08.org:x")
    assert report.after_install
    assert report.first_report


def test_processors_may_be_a_recording_while_the_boot_is_real(
        make_root: MakeRoot, tmp_path_factory: pytest.TempPathFactory) -> None:
    recorded = tmp_path_factory.mktemp("hardware") / "sys/devices/system/cpu/cpu0/cpufreq"
    recorded.mkdir(parents=True)
    (recorded / "cpuinfo_max_freq").write_text("2400000")
    root = make_root({"proc/sys/kernel/random/boot_id": "real",
                      "sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq": "9900000"})
    (report,) = platform.collect(root, Root(recorded.parents[5]))
    assert (report.boot_id, report.max_cpu_mhz_allowed) == ("real", "2400")

# SPDX-License-Identifier: Apache-2.0
"""Identity of this boot and attributes of the host as a whole: kernel, frequencies, C-states, storage names."""
from __future__ import annotations

from flock.exec.root import Root
from flock.exec.uptime import uptime_s
from sysinv.agent.collectors import kernel
from sysinv.agent.collectors.items import Items
from sysinv.resources.host.report import PlatformReport

CPU_DIR = "sys/devices/system/cpu"
ISCSI_INITIATOR = "etc/iscsi/initiatorname.iscsi"


def collect(root: Root, hardware: Root | None = None, *, after_install: bool = False,
            first_report: bool = False) -> Items[PlatformReport]:
    """Return one complete report, or raise: an acknowledged report marks the boot as known to the conductor.

    ``root`` is the running system, ``hardware`` (default: the same) the root with the processors.
    """
    hardware = root if hardware is None else hardware
    running = next(iter(kernel.collect(root)), kernel.RunningKernel("", kernel.STANDARD))
    lowest, highest = frequencies_khz(hardware)
    return Items([PlatformReport(
        boot_id=root.text("proc/sys/kernel/random/boot_id"), uptime_s=uptime_s(root),
        kernel_release=running.release, kernel_running=running.kind, after_install=after_install,
        first_report=first_report, max_cpu_mhz_allowed=_mhz(highest), min_cpu_mhz_allowed=_mhz(lowest),
        cstates_available=",".join(cstates(hardware)) or None, iscsi_initiator_name=iscsi_initiator(root),
        nvme_host_id=root.text("etc/nvme/hostid") or None, nvme_host_nqn=root.text("etc/nvme/hostnqn") or None)])


def frequencies_khz(root: Root) -> tuple[int | None, int | None]:
    """Return the lowest and highest frequency that the hardware supports, over all CPUs."""
    def all_of(name: str) -> list[int]:
        values = (root.int(path) for path in root.glob(f"{CPU_DIR}/cpu[0-9]*/cpufreq/{name}"))
        return [value for value in values if value is not None]

    return min(all_of("cpuinfo_min_freq"), default=None), max(all_of("cpuinfo_max_freq"), default=None)


def cstates(root: Root) -> list[str]:
    """Return the names of the idle states of the first CPU, shallowest first."""
    return [name for path in root.glob(f"{CPU_DIR}/cpu0/cpuidle/state*/name") if (name := root.text(path))]


def iscsi_initiator(root: Root) -> str | None:
    """Return the initiator's name; None when iSCSI is not configured."""
    for line in root.lines(ISCSI_INITIATOR):
        key, _, value = line.strip().partition("=")
        if key == "InitiatorName" and value:
            return value.strip()
    return None


def _mhz(khz: int | None) -> str | None:
    return None if khz is None else str(khz // 1000)

# SPDX-License-Identifier: Apache-2.0
"""Checks whether this machine can run a lab: refuses missing requirements in one line, lists missing features."""

from __future__ import annotations

import shutil
from pathlib import Path

from devstack.virtualcloud import facts
from devstack.virtualcloud.errors import LabError
from devstack.virtualcloud.process import run

PROGRAMS = {
    "systemd-nspawn": "systemd-container", "ip": "iproute2", "nft": "nftables", "nsenter": "util-linux",
    "unshare": "util-linux", "setpriv": "util-linux", "losetup": "mount", "udhcpc": "udhcpc",
    "curl": "curl", "debootstrap": "debootstrap",
}  # fmt: skip
IPMI_PROGRAMS = {"ipmi_sim": "openipmi", "sdrcomp": "openipmi"}
FREE_MIB_MIN = 512
_LINK_KINDS = {"bonding": ("bond",), "802.1q VLAN": ("vlan", "id", "7"), "macvlan": ("macvlan",), "dummy": ("dummy",)}


def check_privilege(system: str, user_id: int) -> None:
    """Raise LabError unless root runs this on Linux."""
    if system != "Linux":
        raise LabError(f"the lab needs Linux; this is {system}")
    if user_id != 0:
        raise LabError("the lab needs root: sudo devstack/lab …")


def missing_programs(programs: dict[str, str]) -> list[str]:
    """Return the Debian packages of missing programs."""
    return sorted({package for program, package in programs.items() if shutil.which(program) is None})


def check_machine(state_dir: Path) -> None:
    """Raise LabError for a machine that cannot run a lab."""
    said = facts.refusal_of_lab(facts.of_this_machine())
    if said:
        raise LabError(said)
    missing = missing_programs(PROGRAMS)
    if missing:
        raise LabError(f"packages are missing: apt-get install {' '.join(missing)}")
    if "overlay" not in Path("/proc/filesystems").read_text(encoding="ascii").split():
        raise LabError("the kernel has no overlayfs (in /proc/filesystems)")
    state_dir.mkdir(parents=True, exist_ok=True)
    free_mib = shutil.disk_usage(state_dir).free // (1024 * 1024)
    if free_mib < FREE_MIB_MIN:
        raise LabError(f"{state_dir} has {free_mib} MiB free; the lab needs {FREE_MIB_MIN}")


async def missing_features(namespace: str) -> list[str]:
    """Return the kernel features of a real host that this kernel lacks, tested in a namespace of the lab."""
    missing = []
    for name, kind in _LINK_KINDS.items():
        below = ["link", "mgmt"] if kind[0] in ("vlan", "macvlan") else []
        added = await run(["ip", "-n", namespace, "link", "add", *below, "name", "probe0", "type", *kind], check=False)
        if added.status != 0:
            missing.append(name)
        await run(["ip", "-n", namespace, "link", "del", "probe0"], check=False)
    added = await run(
        ["tc", "-n", namespace, "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms"], check=False
    )
    if added.status != 0:
        missing.append("netem")
    await run(["tc", "-n", namespace, "qdisc", "del", "dev", "lo", "root"], check=False)
    if not Path("/dev/watchdog").exists():
        missing.append("watchdog devices")
    return missing

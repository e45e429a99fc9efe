# SPDX-License-Identifier: Apache-2.0
"""Can this kind of machine carry a lab? Facts about it, and the one sentence that refuses it.

Run as a program before anything is installed: `python3 -m devstack.virtualcloud.facts system|lab`. It needs the
standard library only and says nothing when the machine will do.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from devstack.virtualcloud.cgroups import Hierarchy, parse_mounts

# The hosts are Debian 12, and the product's virtual environment, which they see, is made by the machine's own Python.
HOSTS_PYTHON = (3, 11)
HOSTS_SYSTEM = "Debian 12"
# A booted host holds 7, the services of the flock and the machine itself some more; all of root's share one allowance.
INOTIFY_MIN = 100


@dataclass(frozen=True, slots=True)
class Facts:
    """What decides: kernel and system by name, the Python of the system, control groups, inotify's limit, its init."""

    kernel: str
    user_id: int
    system: str
    python: tuple[int, int]
    hierarchies: tuple[Hierarchy, ...]
    inotify_instances: int
    bpf: bool


def refusal_of_system(facts: Facts) -> str:
    """Why nothing can be installed here; empty when it can."""
    if facts.kernel != "Linux":
        return f"the lab needs Linux; this is {facts.kernel}"
    if facts.user_id != 0:
        return "root is needed: use sudo"
    if facts.python != HOSTS_PYTHON:
        have, want = (".".join(map(str, version)) for version in (facts.python, HOSTS_PYTHON))
        return (
            f"{facts.system} has Python {have}, but the hosts of the lab are {HOSTS_SYSTEM} and run the code that is "
            f"installed here with Python {want}: use a machine or container with {HOSTS_SYSTEM}"
        )
    return ""


def refusal_of_lab(facts: Facts) -> str:
    """Why no host can run here; empty when it can. Version 1, mixed and pure version 2 of control groups will do."""
    system = refusal_of_system(facts)
    if system:
        return system
    if not facts.hierarchies:
        return "the kernel has no control groups mounted below /sys/fs/cgroup"
    denies = any("devices" in item.controllers for item in facts.hierarchies)
    if not denies and not (facts.bpf and any(item.unified for item in facts.hierarchies)):
        return (
            "this kernel cannot keep the hosts of the lab from this machine's disks: it has neither the device "
            "controller of control groups version 1 nor version 2 with BPF"
        )
    if 0 < facts.inotify_instances < INOTIFY_MIN:
        return (
            f"fs.inotify.max_user_instances is {facts.inotify_instances}, the hosts of the lab need {INOTIFY_MIN}: "
            "sysctl fs.inotify.max_user_instances=1024"
        )
    return ""


def system_name(os_release: str) -> str:
    """`Ubuntu 24.04` from the text of /etc/os-release."""
    pairs = (line.partition("=") for line in os_release.splitlines())
    values = {key: value.strip().strip("\"'") for key, _, value in pairs}
    name = values.get("NAME", "this system").removesuffix(" GNU/Linux")
    return f"{name} {values.get('VERSION_ID', '')}".strip()


def of_this_machine() -> Facts:
    """The facts; what cannot be read is taken for absent."""
    return Facts(
        kernel=os.uname().sysname,
        user_id=os.geteuid(),
        system=system_name(_text("/etc/os-release")),
        python=(sys.version_info.major, sys.version_info.minor),
        hierarchies=parse_mounts(_text("/proc/mounts")),
        inotify_instances=int(_text("/proc/sys/fs/inotify/max_user_instances") or 0),
        bpf=Path("/proc/sys/kernel/unprivileged_bpf_disabled").exists(),
    )


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def main(arguments: list[str]) -> int:
    """Exit status 1 and one sentence on standard error for a machine that will not do."""
    check = refusal_of_system if arguments == ["system"] else refusal_of_lab
    said = check(of_this_machine())
    if said:
        sys.stderr.write(f"{said[0].upper()}{said[1:]}.\n")
    return 1 if said else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

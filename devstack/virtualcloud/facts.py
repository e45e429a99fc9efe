# SPDX-License-Identifier: Apache-2.0
"""Facts that decide whether a lab can run on this machine, and the sentence that refuses it.

Run as a program before anything is installed: `python3 -m devstack.virtualcloud.facts system|lab`. It needs the
standard library only and prints nothing when the machine is suitable.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from devstack.virtualcloud.cgroups import Hierarchy, parse_mounts

# The hosts are Debian 12, and use the product's virtual environment, which the machine's Python created.
HOSTS_PYTHON = (3, 11)
HOSTS_SYSTEM = "Debian 12"
# A booted host uses 7, the services of the flock and this machine more; one limit holds for all processes of root.
INOTIFY_MIN = 100


@dataclass(frozen=True, slots=True)
class Facts:
    """The deciding facts: names of kernel and system, the system's Python, control groups, inotify's limit, init."""

    kernel: str
    user_id: int
    system: str
    python: tuple[int, int]
    hierarchies: tuple[Hierarchy, ...]
    inotify_instances: int
    bpf: bool


def refusal_of_system(facts: Facts) -> str:
    """Return why nothing can be installed here; empty when it can."""
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
    """Return why no host can run here; empty when it can. Accepts version 1, mixed and version 2 of control groups."""
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
    """Return `Ubuntu 24.04` from the text of /etc/os-release."""
    pairs = (line.partition("=") for line in os_release.splitlines())
    values = {key: value.strip().strip("\"'") for key, _, value in pairs}
    name = values.get("NAME", "this system").removesuffix(" GNU/Linux")
    return f"{name} {values.get('VERSION_ID', '')}".strip()


def of_this_machine() -> Facts:
    """Return the facts; a file that cannot be read counts as missing."""
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
    """Return 1 and print one sentence on standard error when the machine is not suitable, else 0."""
    check = refusal_of_system if arguments == ["system"] else refusal_of_lab
    said = check(of_this_machine())
    if said:
        sys.stderr.write(f"{said[0].upper()}{said[1:]}.\n")
    return 1 if said else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

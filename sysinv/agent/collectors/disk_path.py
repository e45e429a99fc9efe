# SPDX-License-Identifier: Apache-2.0
"""Builds udev's ``by-path`` name of a disk from its place in sysfs, for hosts without udev."""
from __future__ import annotations

import re

from flock.exec.root import Root
from sysinv.agent.collectors.pci import ADDRESS

BLOCK = "sys/class/block"
_SCSI = re.compile(r"(\d+):(\d+):(\d+):(\d+)")
_HOST = re.compile(r"host(\d+)")
_ATA = re.compile(r"ata(\d+)")
_NVME = re.compile(r"nvme\d+(?:c\d+)?n(\d+)")


def path_name(root: Root, name: str) -> str | None:
    """Return ``pci-0000:00:1f.2-ata-1``, ``pci-…-scsi-0:2:0:0``, ``pci-…-nvme-1`` or ``pci-…`` (virtio), else None."""
    try:
        parts = root.resolve(f"{BLOCK}/{_own_path(root, name)}").split("/")
    except OSError:
        return None
    pci = [index for index, part in enumerate(parts) if ADDRESS.fullmatch(part)]
    if not pci:
        return None
    base = f"pci-{parts[pci[-1]]}"
    below = parts[pci[-1] + 1:-1]
    if match := _NVME.fullmatch(name):
        return f"{base}-nvme-{root.int(f'{BLOCK}/{name}/nsid') or match[1]}"
    if any(part.startswith("usb") for part in parts):
        return None
    port = next((match for part in below if (match := _ATA.fullmatch(part))), None)
    if port is not None:
        told = root.int(f"{'/'.join(parts[:pci[-1] + 1])}/{port[0]}/ata_port/{port[0]}/port_no")
        return f"{base}-ata-{told if told is not None else port[1]}"
    unit = next((match for part in below if (match := _SCSI.fullmatch(part))), None)
    if unit is None:
        return base
    return f"{base}-scsi-{_host_index(root, parts, unit[1])}:{unit[2]}:{unit[3]}:{unit[4]}"


def _own_path(root: Root, name: str) -> str:
    """Return the first hidden path (``nvme0c1n1``) of an NVMe disk with several controllers, else ``name``."""
    if _NVME.fullmatch(name) is None:
        return name
    subsystem, _, namespace = name.rpartition("n")
    pattern = re.compile(rf"{re.escape(subsystem)}c\d+n{re.escape(namespace)}")
    paths = [other for other in root.listdir(BLOCK) if pattern.fullmatch(other)]
    return paths[0] if paths else name


def _host_index(root: Root, parts: list[str], number: str) -> int:
    """Return a SCSI host's index within its controller, which unlike its number does not depend on driver order."""
    host = f"host{number}"
    if host not in parts:
        return int(number)
    siblings = [int(match[1]) for name in root.listdir("/".join(parts[:parts.index(host)]))
                if (match := _HOST.fullmatch(name))]
    return int(number) - min(siblings, default=int(number))

# SPDX-License-Identifier: Apache-2.0
"""Whole disks from ``/sys/block``, named by udev's database where it exists; partitions only as space taken."""
from __future__ import annotations

import os
import re
from dataclasses import dataclass, field

from flock.exec.root import Root
from sysinv.agent.collectors import rootfs
from sysinv.agent.collectors.disk_path import path_name
from sysinv.resources.disk.report import DiskReport

BLOCK = "sys/class/block"
SECTOR_BYTES = 512
MIB_SECTORS = 2048
# IDE, SCSI, SCSI (more), SCSI (more), and the two ranges from which virtio, NVMe and others take theirs.
MAJORS = frozenset({3, 8, *range(65, 72), *range(128, 136), 252, 253, 254, 259})
# Space that a GPT takes at the start (aligned) and at the end (backup table).
GPT_SECTORS = MIB_SECTORS + 33
SPACE_MARGIN_MIB = 2
GPT_SIGNATURE = b"EFI PART"
RPM_NOT_APPLICABLE, RPM_UNKNOWN = "N/A", "Undetermined"
# The kernel hands out the last majors as they come: software devices get them too. Those are below devices/virtual,
# but for Ceph's; and below it are also NVMe disks that can be reached over several controllers.
VIRTUAL, VIRTUAL_NVME = "sys/devices/virtual/", "sys/devices/virtual/nvme-subsystem/"
_CEPH = re.compile(r"rbd\d+")


@dataclass(frozen=True, slots=True)
class Udev:
    """What udev recorded of a device: its links below ``/dev`` (``disk/by-path/…``) and its properties."""

    links: tuple[str, ...] = ()
    properties: dict[str, str] = field(default_factory=dict)

    def link(self, kind: str, prefix: str = "", but: str = "\0") -> str | None:
        """``/dev/disk/<kind>/…`` whose name starts with ``prefix`` and not with ``but``; the first by name."""
        start = f"disk/{kind}/"
        fitting = (link for link in self.links
                   if link.startswith(start + prefix) and not link.startswith(start + but))
        return next((f"/dev/{link}" for link in sorted(fitting)), None)


def collect(root: Root) -> list[DiskReport]:
    """All disks by name; a machine without disks (a container) has none."""
    boot = rootfs.boot_disk(root)
    return [_report(root, name, udev_record(root, name), name == boot) for name in disk_names(root)]


def disk_names(root: Root) -> list[str]:
    """Names of whole disks with a medium: right major, real hardware, not removable, not hidden (NVMe paths)."""
    names = []
    for name in root.listdir(BLOCK):
        base = f"{BLOCK}/{name}"
        major = root.text(f"{base}/dev").partition(":")[0]
        if root.exists(f"{base}/partition") or not major.isdigit() or int(major) not in MAJORS:
            continue
        if _CEPH.fullmatch(name) or _is_software(root.resolve(base)):
            continue
        if (root.int(f"{base}/size") or 0) > 0 and not root.int(f"{base}/removable") and not root.int(f"{base}/hidden"):
            names.append(name)
    return names


def _is_software(device: str) -> bool:
    return device.startswith(VIRTUAL) and not device.startswith(VIRTUAL_NVME)


def udev_record(root: Root, name: str) -> Udev:
    """udev's database entry of a block device; where there is none, the links that point to it in ``/dev/disk``."""
    lines = root.lines(f"run/udev/data/b{root.text(f'{BLOCK}/{name}/dev')}")
    links = [line[2:] for line in lines if line.startswith("S:")]
    if not links:
        links = [f"disk/{kind}/{link}" for kind in ("by-path", "by-id") for link in root.listdir(f"dev/disk/{kind}")
                 if root.link_name(f"dev/disk/{kind}/{link}") == name]
    pairs = (line[2:].partition("=") for line in lines if line.startswith("E:"))
    return Udev(tuple(links), {key: value for key, _, value in pairs})


def _report(root: Root, name: str, udev: Udev, is_rootfs: bool) -> DiskReport:
    base = f"{BLOCK}/{name}"
    major, _, minor = root.text(f"{base}/dev").partition(":")
    sectors = root.int(f"{base}/size") or 0
    device_type = _device_type(root, name, udev)
    wwn_link = udev.link("by-id", "wwn-") or udev.link("by-id", "nvme-eui.")
    derived = path_name(root, name)
    return DiskReport(
        device_node=f"/dev/{name}", device_num=os.makedev(int(major), int(minor)), device_type=device_type,
        device_id=udev.link("by-id", but="wwn-"),
        device_path=udev.link("by-path") or (f"/dev/disk/by-path/{derived}" if derived else f"/dev/{name}"),
        device_wwn=wwn_link, size_mib=sectors // MIB_SECTORS, available_mib=_available_mib(root, name, udev, sectors),
        rpm=_rpm(device_type, udev), serial_id=_serial(root, base, udev), model=_model(root, base, udev),
        is_rootfs=is_rootfs)


def _device_type(root: Root, name: str, udev: Udev) -> str:
    if name.startswith("nvme"):
        return "NVME"
    # udev asked the disk itself; the kernel's default for a disk behind a controller is rotational.
    if udev.properties.get("ID_ATA_ROTATION_RATE_RPM") == "0":
        return "SSD"
    return "HDD" if root.int(f"{BLOCK}/{name}/queue/rotational", 1) else "SSD"


def _rpm(device_type: str, udev: Udev) -> str:
    if device_type != "HDD":
        return RPM_NOT_APPLICABLE
    rate = udev.properties.get("ID_ATA_ROTATION_RATE_RPM", "")
    return rate if rate.isdigit() and int(rate) > 0 else RPM_UNKNOWN


def _serial(root: Root, base: str, udev: Udev) -> str | None:
    for name in ("ID_SCSI_SERIAL", "ID_SERIAL_SHORT", "ID_SERIAL"):
        if udev.properties.get(name):
            return udev.properties[name]
    # virtio has it on the disk, NVMe on its controller, SCSI in the unit serial number page.
    for rel in ("serial", "device/serial"):
        if text := root.text(f"{base}/{rel}"):
            return text
    page = root.raw(f"{base}/device/vpd_pg80", 255)
    return page[4:4 + page[3]].decode(errors="replace").strip("\0 ") or None if page and len(page) > 4 else None


def _model(root: Root, base: str, udev: Udev) -> str | None:
    told = udev.properties.get("ID_MODEL", "").replace("_", " ") or root.text(f"{base}/device/model")
    return " ".join(told.split()) or None


def _available_mib(root: Root, name: str, udev: Udev, sectors: int) -> int:
    """Space outside partitions less a margin; 0 without a GPT and for a disk that is a physical volume as a whole."""
    if udev.properties.get("ID_FS_TYPE") == "LVM2_member" or root.listdir(f"{BLOCK}/{name}/holders"):
        return 0
    if not _has_gpt(root, name, udev):
        return 0
    partitions = [f"{BLOCK}/{name}/{part}" for part in root.listdir(f"{BLOCK}/{name}")
                  if root.exists(f"{BLOCK}/{name}/{part}/partition")]
    taken = sum(root.int(f"{partition}/size") or 0 for partition in partitions)
    return max((sectors - GPT_SECTORS - taken) // MIB_SECTORS - SPACE_MARGIN_MIB, 0)


def _has_gpt(root: Root, name: str, udev: Udev) -> bool:
    if "ID_PART_TABLE_TYPE" in udev.properties:
        return udev.properties["ID_PART_TABLE_TYPE"] == "gpt"
    block_bytes = root.int(f"{BLOCK}/{name}/queue/logical_block_size") or SECTOR_BYTES
    return root.raw(f"dev/{name}", len(GPT_SIGNATURE), offset=block_bytes) == GPT_SIGNATURE

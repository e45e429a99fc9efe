# SPDX-License-Identifier: Apache-2.0
"""Whole disks from ``/sys/block``, named by udev's database if it exists; partitions count only as used space."""
from __future__ import annotations

import os

from flock.exec.root import Root, number
from sysinv.agent.collectors import rootfs
from sysinv.agent.collectors.block import device_number, is_disk
from sysinv.agent.collectors.disk_path import path_name
from sysinv.agent.collectors.items import Items, each
from sysinv.agent.collectors.udev import BLOCK, Udev, links_by_device, udev_record
from sysinv.resources.disk.report import DiskReport

SECTOR_BYTES = 512
MIB_SECTORS = 2048
# Space that a GPT takes at the start (aligned) and at the end (backup table).
GPT_SECTORS = MIB_SECTORS + 33
SPACE_MARGIN_MIB = 2
GPT_SIGNATURE = b"EFI PART"
RPM_NOT_APPLICABLE, RPM_UNKNOWN = "N/A", "Undetermined"


def collect(root: Root) -> Items[DiskReport]:
    """Return all disks by name; none on a machine without disks (a container)."""
    booted = rootfs.boot_disks(root)
    boot = next(iter(booted), None)
    links_of = links_by_device(root)

    def report(name: str) -> DiskReport | None:
        if not is_listed(root, name, boot):
            return None
        return _report(root, name, udev_record(root, name, links_of), name == boot)

    return each(root.listdir(BLOCK), report, booted)


def is_listed(root: Root, name: str, boot: str | None) -> bool:
    """Return whether to list a device: whole disks, but removable media only if the system runs from them."""
    return is_disk(root, name) and (name == boot or not root.int(f"{BLOCK}/{name}/removable"))


def _report(root: Root, name: str, udev: Udev, is_rootfs: bool) -> DiskReport:
    base = f"{BLOCK}/{name}"
    sectors = root.int(f"{base}/size") or 0
    device_type = _device_type(root, name, udev)
    wwn_link = udev.link("by-id", "wwn-") or udev.link("by-id", "nvme-eui.")
    return DiskReport(
        device_node=node(name), device_num=os.makedev(*(device_number(root, name) or (0, 0))), device_type=device_type,
        device_id=udev.link("by-id", but="wwn-"),
        device_path=stable_path(root, name, udev), device_wwn=wwn_link,
        size_mib=sectors // MIB_SECTORS, available_mib=_available_mib(root, name, udev, sectors),
        rpm=_rpm(device_type, udev), serial_id=serial(root, base, udev), model=_model(root, base, udev),
        is_rootfs=is_rootfs)


def node(name: str) -> str:
    """Return the path of the device file: ``/dev/cciss/c0d0`` for ``cciss!c0d0``."""
    return "/dev/" + name.replace("!", "/")


def stable_path(root: Root, name: str, udev: Udev) -> str:
    """Return a name that is equal at each boot: by place, or for maps and arrays, which have no place, by identity."""
    if (told := udev.link("by-path")) is not None:
        return told
    if (derived := path_name(root, name)) is not None:
        return f"/dev/disk/by-path/{derived}"
    if mapped := root.text(f"{BLOCK}/{name}/dm/name"):
        return udev.link("by-id", "wwn-") or f"/dev/mapper/{mapped}"
    if root.exists(f"{BLOCK}/{name}/md"):
        return udev.link("by-id") or node(name)
    return node(name)


def _device_type(root: Root, name: str, udev: Udev) -> str:
    if name.startswith("nvme"):
        return "NVME"
    # udev queries the disk; the kernel's default for a disk behind a controller is rotational.
    if udev.properties.get("ID_ATA_ROTATION_RATE_RPM") == "0":
        return "SSD"
    return "HDD" if root.int(f"{BLOCK}/{name}/queue/rotational", 1) else "SSD"


def _rpm(device_type: str, udev: Udev) -> str:
    if device_type != "HDD":
        return RPM_NOT_APPLICABLE
    rate = udev.properties.get("ID_ATA_ROTATION_RATE_RPM", "")
    return rate if (number(rate) or 0) > 0 else RPM_UNKNOWN


def serial(root: Root, base: str, udev: Udev) -> str | None:
    """Return the serial number of the disk at ``base`` in sysfs; None when nothing provides one."""
    for name in ("ID_SCSI_SERIAL", "ID_SERIAL_SHORT", "ID_SERIAL"):
        if udev.properties.get(name):
            return udev.properties[name]
    # virtio has the serial number at the disk, NVMe at its controller, SCSI in the unit serial number page.
    for rel in ("serial", "device/serial"):
        if text := root.text(f"{base}/{rel}"):
            return text
    page = root.raw(f"{base}/device/vpd_pg80", 255)
    return page[4:4 + page[3]].decode(errors="replace").strip("\0 ") or None if page and len(page) > 4 else None


def _model(root: Root, base: str, udev: Udev) -> str | None:
    told = udev.properties.get("ID_MODEL", "").replace("_", " ") or root.text(f"{base}/device/model")
    return " ".join(told.split()) or None


def _available_mib(root: Root, name: str, udev: Udev, sectors: int) -> int:
    """Return the space outside partitions less a margin; 0 without a GPT, or if the whole disk is a physical volume."""
    if udev.properties.get("ID_FS_TYPE") == "LVM2_member" or root.listdir(f"{BLOCK}/{name}/holders"):
        return 0
    if not has_gpt(root, name, udev):
        return 0
    partitions = [f"{BLOCK}/{name}/{part}" for part in root.listdir(f"{BLOCK}/{name}")
                  if root.exists(f"{BLOCK}/{name}/{part}/partition")]
    taken = sum(root.int(f"{partition}/size") or 0 for partition in partitions)
    return max((sectors - GPT_SECTORS - taken) // MIB_SECTORS - SPACE_MARGIN_MIB, 0)


def has_gpt(root: Root, name: str, udev: Udev) -> bool:
    """Return whether the disk has a GPT, by udev's record or else by its signature."""
    if "ID_PART_TABLE_TYPE" in udev.properties:
        return udev.properties["ID_PART_TABLE_TYPE"] == "gpt"
    block_bytes = root.int(f"{BLOCK}/{name}/queue/logical_block_size") or SECTOR_BYTES
    return root.raw(node(name), len(GPT_SIGNATURE), offset=block_bytes) == GPT_SIGNATURE

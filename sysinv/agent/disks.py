# SPDX-License-Identifier: Apache-2.0
"""Carries out orders on this host's disks, with sfdisk and LVM. An order that is done already changes nothing.

It only opens the disk that the order names by path and serial number. On the disk of the root file system it adds
partitions and changes those for LVM, and nothing else.
"""
from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

from flock.core.text import storable
from flock.exec.process import Completed
from flock.exec.root import Root
from sysinv.agent import volumes
from sysinv.agent.collectors import disk, partition, rootfs
from sysinv.agent.collectors.udev import BLOCK, links_by_device, udev_record
from sysinv.agent.parttable import MIB_BYTES, DiskRefused, PartTable, check_for_lvm, edit, new_table, read_table
from sysinv.contract.enums import StorageChange
from sysinv.contract.records import StorageOrder

# ``flock.exec.run`` or a recording of it.
Run = Callable[..., Completed]
TIMEOUT_S = 60.0
TEXT_MAX = 255
NO_TABLE = "does not contain a recognized partition table"
_QUIET = ("--quiet", "--lock=yes", "--no-reread", "--no-tell-kernel")


def carry_out(root: Root, order: StorageOrder, run: Run) -> None:
    """Carry out one order; DiskRefused or an error of the program when it cannot be."""
    boot = rootfs.boot_disks(root)
    name = _disk(root, order, boot)
    device = _device(root, name)
    if name in boot:
        _check_root_disk(device, order, run)
    if order.change in (StorageChange.EXTEND, StorageChange.REDUCE):
        _change_group(root, name, order, run)
        return
    table = _table(device, run)
    change = new_table(table, order) if order.change == StorageChange.WIPE else edit(table, order)
    if change is not None:
        _check_unused(root, name, table, order)
        if order.change == StorageChange.WIPE and not order.skip_format:
            _erase(device, table)
        run(["sfdisk", *_QUIET, *change.before, str(device), *change.after], timeout_s=TIMEOUT_S, input=change.script)
    # Also for an order that was done before: this process may have been killed before it told the kernel.
    if stat.S_ISBLK(device.stat().st_mode):
        tell_kernel(root, name, device, run, order.part_guid)


def _change_group(root: Root, name: str, order: StorageOrder, run: Run) -> None:
    """Let the whole disk, or the partition that the order names, join or leave a volume group."""
    holder = name if not order.part_guid else _partition(root, name, order.part_guid, run)
    device = _device(root, holder)

    def check_unused() -> None:
        if holder == name and partition.names(root, name):
            raise DiskRefused(detail=f"Disk {order.device_path} has partitions.")
        if partition.in_use(root, holder):
            raise DiskRefused(detail=f"{disk.node(holder)} is in use.")

    if order.change == StorageChange.EXTEND:
        volumes.extend(device, order.vg_name, check_unused, run)
    else:
        volumes.reduce(device, order.vg_name, run)


def _partition(root: Root, name: str, guid: str, run: Run) -> str:
    """Return the kernel's name of the partition with that GUID."""
    table = _table(_device(root, name), run)
    part = table.with_guid(guid) if table is not None else None
    found = next((one for one in partition.names(root, name) if part is not None
                  and root.int(f"{BLOCK}/{name}/{one}/partition") == part.number), None)
    if found is None:
        raise DiskRefused(detail=f"{disk.node(name)} does not have the partition that the order names.")
    return found


def tell_kernel(root: Root, name: str, device: Path, run: Run, guid: str = "") -> None:
    """Tell the kernel which partitions of a disk are gone, and about the one with that GUID, without it about all.

    ``partx`` removes and adds every partition that it updates, so those that the order does not name are left alone.
    """
    table = _table(device, run)
    parts = table.parts if table is not None else ()
    known = [root.int(f"{BLOCK}/{name}/{one}/partition") for one in partition.names(root, name)
             if not partition.in_use(root, one)]
    for number in known:
        if number is not None and number not in {part.number for part in parts}:
            run(["partx", "--delete", "--nr", str(number), str(device)], timeout_s=TIMEOUT_S)
    if not guid and parts:
        run(["partx", "--update", str(device)], timeout_s=TIMEOUT_S)
    for part in parts:
        if guid and part.guid == guid:
            run(["partx", "--update", "--nr", str(part.number), str(device)], timeout_s=TIMEOUT_S)


def _disk(root: Root, order: StorageOrder, boot: Sequence[str]) -> str:
    """Return the name of the disk that the order names; ``boot`` are the disks that hold the root file system."""
    if not boot:
        raise DiskRefused(detail="The disk of the root file system is not known, so no disk is changed.")
    links_of = links_by_device(root)
    found = []
    for name in root.listdir(BLOCK):
        if disk.is_listed(root, name, boot[0]):
            udev = udev_record(root, name, links_of)
            path, serial = disk.stable_path(root, name, udev), disk.serial(root, f"{BLOCK}/{name}", udev)
            # The conductor has both as they can be stored.
            same_serial = order.serial_id in (None, storable(serial or "", TEXT_MAX))
            if storable(path, TEXT_MAX) == order.device_path and same_serial:
                found.append(name)
    if len(found) != 1:
        raise DiskRefused(detail=f"{len(found)} disks are at {order.device_path} with serial number {order.serial_id}.")
    return found[0]


def _check_root_disk(device: Path, order: StorageOrder, run: Run) -> None:
    """Refuse all on the disk of the root file system but to add a partition there, or to change one for LVM."""
    if order.change == StorageChange.WIPE or not order.part_guid:
        raise DiskRefused(detail=f"Disk {order.device_path} holds the root file system.")
    check_for_lvm(_table(device, run), order)


def _device(root: Root, name: str) -> Path:
    try:
        return root.path / root.resolve(disk.node(name).lstrip("/"))
    except OSError as error:
        raise DiskRefused(detail=f"{disk.node(name)} cannot be used: {error}") from error


def _table(device: Path, run: Run) -> PartTable | None:
    told = run(["sfdisk", "--json", str(device)], timeout_s=TIMEOUT_S, check=False)
    if told.rc == 0:
        return read_table(told.out)
    if NO_TABLE in told.err:
        return None
    raise DiskRefused(detail=f"The partition table cannot be read: {told.first_error_line()}")


def _check_unused(root: Root, name: str, table: PartTable | None, order: StorageOrder) -> None:
    """Refuse to take away what is in use: a partition, or for a wipe the disk with all that it has."""
    if order.change == StorageChange.WIPE:
        wanted = [name, *partition.names(root, name)]
    else:
        part = table.with_guid(order.part_guid) if table is not None else None
        wanted = [] if part is None else [one for one in partition.names(root, name)
                                          if root.int(f"{BLOCK}/{name}/{one}/partition") == part.number]
        # A disk that is used as a whole has no room for partitions, whatever its table says.
        wanted.append(name)
    for one in wanted:
        if partition.in_use(root, one):
            raise DiskRefused(detail=f"{disk.node(one)} is in use.")


def _erase(device: Path, table: PartTable | None) -> None:
    """Overwrite both ends of the partitions and of the disk, where file systems and volumes have their signatures."""
    places = [(part.start * table.sector_bytes, part.end * table.sector_bytes) for part in table.parts] if table else []
    with device.open("r+b", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        for start, end in (*places, (0, size)):
            length = min(MIB_BYTES, max(end - start, 0))
            for offset in (start, end - length):
                file.seek(offset)
                file.write(bytes(length))
        os.fsync(file.fileno())

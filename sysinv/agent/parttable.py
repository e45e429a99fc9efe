# SPDX-License-Identifier: Apache-2.0
"""Pure decisions about a partition table: what an order changes in it, as input of sfdisk, if it is not done yet."""
from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, ClassVar

from flock.core.errors import Refused
from sysinv.contract.enums import StorageChange
from sysinv.contract.records import StorageOrder
from sysinv.resources.partition.rules import LVM_GUID

MIB_BYTES = 2**20
GPT = "gpt"
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SECTOR_BYTES = (512, 1024, 2048, 4096)


class DiskRefused(Refused):
    """An order that cannot be carried out on this host's disks; ``detail`` is the sentence for the operator."""

    code: ClassVar[str] = "sysinv.agent.disk_refused"


@dataclass(frozen=True, slots=True)
class Part:
    """A partition in a table; places in sectors, the GUIDs in lower case."""

    number: int
    start: int
    sectors: int
    guid: str
    type_guid: str = ""

    @property
    def end(self) -> int:
        """The first sector behind it."""
        return self.start + self.sectors


@dataclass(frozen=True, slots=True)
class PartTable:
    """A partition table: its kind and identity, the sectors that partitions may have, and the partitions."""

    label: str
    guid: str
    first: int
    last: int
    sector_bytes: int
    parts: tuple[Part, ...] = ()

    def with_guid(self, guid: str) -> Part | None:
        """Return the partition with that GUID."""
        return next((part for part in self.parts if part.guid == guid), None)

    @property
    def end(self) -> int:
        """The first sector behind all partitions."""
        return max([self.first, *(part.end for part in self.parts)])


@dataclass(frozen=True, slots=True)
class Edit:
    """One call of sfdisk: arguments before and after the device, and its input."""

    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    script: str | None = None


def read_table(text: str) -> PartTable:
    """Return the table from ``sfdisk --json``; DiskRefused when it cannot be understood."""
    try:
        told = json.loads(text)["partitiontable"]
        sector_bytes = int(told.get("sectorsize", _SECTOR_BYTES[0]))
        if sector_bytes not in _SECTOR_BYTES:
            raise ValueError(f"sectors of {sector_bytes} bytes")
        parts = tuple(_part(told["device"], one) for one in told.get("partitions", ()))
        return PartTable(str(told["label"]), str(told.get("id", "")).lower(), int(told.get("firstlba", 0)),
                         int(told.get("lastlba", 0)), sector_bytes, parts)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DiskRefused(detail=f"The partition table cannot be read: {error}") from error


def edit(table: PartTable | None, order: StorageOrder) -> Edit | None:
    """Return what carries out an order about a partition, None when that is done already; DiskRefused.

    ``table`` is that of the disk, None for a disk without any.
    """
    if _GUID.fullmatch(order.part_guid) is None:
        raise DiskRefused(detail="The order does not name a partition.")
    if table is None or table.label != GPT:
        if order.change == StorageChange.DELETE:
            return None
        raise DiskRefused(detail="The disk has no GPT. Wipe it first.")
    part = table.with_guid(order.part_guid)
    if order.change == StorageChange.CREATE:
        return None if part is not None else _create(table, order)
    if order.change == StorageChange.GROW:
        return _grow(table, part, order)
    if order.change == StorageChange.DELETE:
        return None if part is None else _delete(table, part)
    raise DiskRefused(detail=f"An order to {order.change[:20]!a} a partition is not known.")


def check_for_lvm(table: PartTable | None, order: StorageOrder) -> None:
    """DiskRefused when the partition of the order exists with a type other than the one for LVM."""
    part = table.with_guid(order.part_guid) if table is not None else None
    if part is not None and part.type_guid != LVM_GUID:
        raise DiskRefused(detail="The partition is not one for LVM, and its disk holds the root file system.")


def new_table(table: PartTable | None, order: StorageOrder) -> Edit | None:
    """Return what gives the disk a new, empty GPT; None when the disk has the one of this order already."""
    if table is not None and table.label == GPT and table.guid == order.order_uuid:
        return None
    if _GUID.fullmatch(order.order_uuid) is None:
        raise DiskRefused(detail="The order has no identity.")
    return Edit(before=("--wipe", "always"), script=f"label: gpt\nlabel-id: {order.order_uuid}\n")


def _create(table: PartTable, order: StorageOrder) -> Edit:
    if _GUID.fullmatch(order.type_guid) is None:
        raise DiskRefused(detail="The order names no type of partition.")
    align = MIB_BYTES // table.sector_bytes
    start = -(-table.end // align) * align
    sectors = _sectors(table, order)
    if start + sectors - 1 > table.last:
        raise DiskRefused(detail=f"There is no room for {order.size_mib} MiB behind the last partition.")
    # What an earlier partition left here must not come back to life, for example as a physical volume.
    return Edit(before=("--append", "--wipe-partitions", "always"),
                script=f"start={start}, size={sectors}, type={order.type_guid}, uuid={order.part_guid}\n")


def _grow(table: PartTable, part: Part | None, order: StorageOrder) -> Edit | None:
    if part is None:
        raise DiskRefused(detail="The partition that is to grow does not exist.")
    sectors = _sectors(table, order)
    if part.sectors >= sectors:
        return None
    _check_last(table, part)
    if part.start + sectors - 1 > table.last:
        raise DiskRefused(detail=f"There is no room for {order.size_mib} MiB at the place of the partition.")
    return Edit(before=("--wipe-partitions", "never", "--partno", str(part.number)),
                script=f"start={part.start}, size={sectors}\n")


def _delete(table: PartTable, part: Part) -> Edit:
    _check_last(table, part)
    return Edit(before=("--delete",), after=(str(part.number),))


def _sectors(table: PartTable, order: StorageOrder) -> int:
    if order.size_mib <= 0:
        raise DiskRefused(detail="The order names no size.")
    return order.size_mib * (MIB_BYTES // table.sector_bytes)


def _check_last(table: PartTable, part: Part) -> None:
    if any(other.start > part.start for other in table.parts):
        raise DiskRefused(detail="The partition is not the last on its disk.")


def _part(device: str, told: dict[str, Any]) -> Part:
    number = re.fullmatch(r"p?([0-9]{1,4})", str(told["node"]).removeprefix(device))
    if number is None:
        raise ValueError("a partition without number")
    return Part(int(number[1]), int(told["start"]), int(told["size"]), str(told.get("uuid", "")).lower(),
                str(told.get("type", "")).lower())

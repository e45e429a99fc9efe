# SPDX-License-Identifier: Apache-2.0
"""``host-disk-list`` and ``host-disk-show``."""
from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable

from flock.cli.columns import Column, Row, columns
from flock.cli.commands import ListCommand, ShowCommand
from sysinv.client.hosts import Hosts, one_of


def _gib(field: str) -> Callable[[Row], object]:
    """A size in MiB shown in GiB with three decimals, rounded down: nobody shall plan with space that is not there."""
    def show(disk: Row) -> object:
        mib = disk.get(field)
        return f"{mib * 1000 // 1024 / 1000:.3f}" if isinstance(mib, (int, float)) else mib
    return show


_SIZE = Column("size_mib", "size_gib", _gib("size_mib"))
_AVAILABLE = Column("available_mib", "available_gib", _gib("available_mib"))


class DiskList(ListCommand):
    """List the disks of a host."""

    api_name = "platform"
    columns = (*columns("uuid", "device_node", "device_num", "device_type"), _SIZE, _AVAILABLE,
               *columns("rpm", "serial_id", "device_path"))
    sort_by = ("device_node",)
    examples = ("system host-disk-list worker-0",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("host", help="id, uuid or hostname")

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        return Hosts(self.client).children(args.host, "idisks")


class DiskShow(ShowCommand):
    """Show one disk of a host."""

    api_name = "platform"
    fields = (*columns("uuid", "device_node", "device_num", "device_type", "device_path", "device_wwn"),
              _SIZE, _AVAILABLE,
              *columns("rpm", "serial_id", "capabilities", "ihost_uuid", "istor_uuid", "ipv_uuid", "created_at",
                       "updated_at"))
    examples = ("system host-disk-show worker-0 /dev/sda",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("host", help="id, uuid or hostname")
        parser.add_argument("disk", metavar="disk", help="uuid, device node or device path")

    def item(self, args: argparse.Namespace) -> Row:
        disks = Hosts(self.client).children(args.host, "idisks")
        return one_of(disks, args.disk, "uuid", "device_node", "device_path", what="disk")


COMMANDS = {"host-disk-list": DiskList, "host-disk-show": DiskShow}
OSC_COMMANDS = {"platform host disk list": DiskList, "platform host disk show": DiskShow}

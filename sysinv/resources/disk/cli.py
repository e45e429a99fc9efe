# SPDX-License-Identifier: Apache-2.0
"""``host-disk-list`` and ``host-disk-show``."""
from __future__ import annotations

from collections.abc import Callable

from flock.cli.columns import Row
from sysinv.client.hostchild import HostChildList, HostChildShow
from sysinv.client.osc import as_plugin
from sysinv.resources.disk.fields import Disk


def _gib(field: str) -> Callable[[Row], object]:
    """Return a formatter of MiB as GiB with three decimals, rounded down: never shows more space than exists."""
    def show(disk: Row) -> object:
        mib = disk.get(field)
        return f"{mib * 1000 // 1024 / 1000:.3f}" if isinstance(mib, (int, float)) else mib
    return show


_SIZES = {"size_mib": _gib("size_mib"), "available_mib": _gib("available_mib")}


class DiskList(HostChildList):
    """List the disks of a host."""

    resource = Disk
    shown = ("uuid", "device_node", "device_num", "device_type", "size_mib", "available_mib", "rpm", "serial_id",
             "device_path")
    shows = _SIZES
    sort_by = ("device_node",)
    examples = ("system host-disk-list worker-0",)


class DiskShow(HostChildShow):
    """Show one disk of a host."""

    resource = Disk
    shown = ("uuid", "device_node", "device_num", "device_type", "device_path", "device_wwn", "size_mib",
             "available_mib", "rpm", "serial_id", "capabilities", "ihost_uuid", "istor_uuid", "ipv_uuid", "created_at",
             "updated_at")
    shows = _SIZES
    noun = "disk"
    found_by = {"uuid": "uuid", "device_node": "device node", "device_path": "device path"}
    examples = ("system host-disk-show worker-0 /dev/sda",)


COMMANDS = {"host-disk-list": DiskList, "host-disk-show": DiskShow}
OSC_COMMANDS = as_plugin(COMMANDS)

# SPDX-License-Identifier: Apache-2.0
"""What the commands for disks, partitions, volume groups and physical volumes share: finding a device, sizes in GiB."""
from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence

from flock.cli.columns import Row
from flock.cli.commands import assignments
from flock.cli.errors import UsageError
from sysinv.client.hosts import Api, Hosts, Item, one_of

GIB_MIB = 1024
# What names a disk or partition.
DEVICE = ("uuid", "device_node", "device_path")
_GIB_MAX = 2**31 // GIB_MIB - 1


def gib(field: str) -> Callable[[Row], object]:
    """Return a formatter of MiB as GiB with three decimals, rounded down: never shows more space than exists."""
    def show(row: Row) -> object:
        mib = row.get(field)
        return f"{mib * 1000 // GIB_MIB / 1000:.3f}" if isinstance(mib, (int, float)) else mib
    return show


def gib_of_bytes(field: str) -> Callable[[Row], object]:
    """Return a formatter of bytes as GiB with three decimals, rounded down."""
    def show(row: Row) -> object:
        size = row.get(field)
        return f"{size * 1000 // 2**30 / 1000:.3f}" if isinstance(size, (int, float)) else size
    return show


def whole_gib(text: str) -> int:
    """argparse type: whole GiB above zero; returns MiB."""
    if re.fullmatch(r"[0-9]{1,7}", text) is None or not 0 < int(text) <= _GIB_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of whole GiB from 1 to {_GIB_MAX}")
    return int(text) * GIB_MIB


def named_values(pairs: Sequence[str]) -> dict[str, str]:
    """Return ``name=value`` arguments as a dict. Raises UsageError."""
    try:
        return assignments(pairs)
    except argparse.ArgumentTypeError as problem:
        raise UsageError(str(problem)) from None


class Storage:
    """Finds disks and what is on them."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def find(self, host: str, collection: str, ref: str, what: str, fields: Sequence[str] = DEVICE) -> Item:
        """Return the item of a host that has ``ref`` in one of ``fields``.

        Raises HostNotFound, and CliError when none or several have it.
        """
        return one_of(Hosts(self._api).children(host, collection), ref, *fields, what=what)

    def disk_or_partition(self, host: str, ref: str) -> Item:
        """Return a disk of a host, else a partition. Raises HostNotFound, CliError."""
        hosts = Hosts(self._api)
        found = [*hosts.children(host, "idisks"), *hosts.children(host, "partitions")]
        return one_of(found, ref, *DEVICE, what="disk or partition")

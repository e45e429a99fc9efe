# SPDX-License-Identifier: Apache-2.0
"""``ceph-mon-list``, ``-show``, ``-add``, ``-modify`` and ``-delete``."""
from __future__ import annotations

import argparse
from collections.abc import Iterable

from flock.cli.columns import Row, columns
from flock.cli.commands import ActionCommand, ListCommand, ShowCommand
from flock.cli.errors import CliError
from sysinv.client.collection import Collection
from sysinv.client.hosts import Hosts, listed
from sysinv.client.osc import as_plugin
from sysinv.client.storage import named_values
from sysinv.resources.cephmon.fields import CephMon

_PATH = CephMon.envelope
_FIELDS = columns("uuid", "ceph_mon_gib", "created_at", "updated_at", "state", "task", "hostname", "ihost_uuid",
                  "device_path")


class MonitorList(ListCommand):
    """List the monitors of the Ceph cluster."""

    api_name = "platform"
    columns = columns("uuid", "ceph_mon_gib", "hostname", "state", "task")
    sort_by = ("hostname",)
    examples = ("system ceph-mon-list",)

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        return Collection(self.client, _PATH).all()


class MonitorShow(ShowCommand):
    """Show the monitor of a host."""

    api_name = "platform"
    fields = _FIELDS
    examples = ("system ceph-mon-show controller-0",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("host", help="id, uuid or hostname")

    def item(self, args: argparse.Namespace) -> Row:
        found = Hosts(self.client).children(args.host, _PATH)
        if not found:
            raise CliError(f"Host {args.host} has no monitor.")
        return found[0]


class MonitorAdd(MonitorList):
    """Give a worker, or storage-0, a monitor, which it makes at its unlock, and list all monitors."""

    examples = ("system ceph-mon-add worker-0",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--ceph-mon-gib", metavar="GIB", type=int, help="size, 20 to 40 GiB")
        parser.add_argument("host", help="id, uuid or hostname")

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        values = {"ihost_uuid": Hosts(self.client).get(args.host)["uuid"]}
        if args.ceph_mon_gib is not None:
            values["ceph_mon_gib"] = args.ceph_mon_gib
        return listed(self.client.post(f"/v1/{_PATH}", values), _PATH)


class MonitorModify(MonitorShow):
    """Change the size of the monitors of all controllers."""

    examples = ("system ceph-mon-modify controller-0 ceph_mon_gib=30",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        super().arguments(parser)
        parser.add_argument("changes", metavar="name=value", nargs="+", help="ceph_mon_gib=20 to 40")

    def item(self, args: argparse.Namespace) -> Row:
        changes = named_values(args.changes)
        return Collection(self.client, _PATH).update(str(super().item(args)["uuid"]), changes)


class MonitorDelete(ActionCommand):
    """Delete the monitor of a host that did not make it, or could not."""

    api_name = "platform"
    examples = ("system ceph-mon-delete worker-0",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("host", help="id, uuid or hostname")

    def act(self, args: argparse.Namespace) -> str:
        Collection(self.client, _PATH).delete(str(Hosts(self.client).get(args.host)["uuid"]))
        return f"Deleted ceph monitor of host {args.host}"


COMMANDS = {"ceph-mon-list": MonitorList, "ceph-mon-show": MonitorShow, "ceph-mon-add": MonitorAdd,
            "ceph-mon-modify": MonitorModify, "ceph-mon-delete": MonitorDelete}
OSC_COMMANDS = as_plugin(COMMANDS)

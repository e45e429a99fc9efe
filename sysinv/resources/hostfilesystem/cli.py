# SPDX-License-Identifier: Apache-2.0
"""``host-fs-list``, ``-show``, ``-add``, ``-modify`` and ``-delete``."""
from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from typing import ClassVar

from flock.cli.client import segment
from flock.cli.columns import Row
from flock.cli.commands import ActionCommand, ShowCommand, json_patch
from flock.cli.errors import UsageError
from sysinv.client.collection import Collection
from sysinv.client.filesystems import patches, sizes
from sysinv.client.hostchild import HostChildList, HostChildShow
from sysinv.client.hosts import Hosts, one_of
from sysinv.client.osc import as_plugin
from sysinv.resources.hostfilesystem.fields import HostFilesystem

_COLLECTION = HostFilesystem.envelope
_NOUN = "file system"
_FOUND_BY = {"name": "name", "uuid": "uuid"}


class FilesystemList(HostChildList):
    """List the file systems of a host."""

    resource = HostFilesystem
    shown = ("uuid", "name", "size", "logical_volume", "state", "capabilities")
    sort_by = ("name",)
    examples: ClassVar[Sequence[str]] = ("system host-fs-list worker-0",)


class FilesystemShow(HostChildShow):
    """Show one file system of a host: its size in GiB, and what its host reports, in MiB."""

    resource = HostFilesystem
    noun = _NOUN
    found_by = _FOUND_BY
    examples = ("system host-fs-show worker-0 scratch",)


class FilesystemAdd(ShowCommand):
    """Add a file system to a host. A locked host makes it at its unlock, another one at once."""

    api_name = "platform"
    fields = FilesystemShow.fields
    examples = ("system host-fs-add worker-0 instances=100", "system host-fs-add controller-0 image-conversion=20")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("host", help="id, uuid or hostname")
        parser.add_argument("wanted", metavar="name=size",
                            help="image-conversion, instances or ceph, and its size in whole GiB")

    def item(self, args: argparse.Namespace) -> Row:
        (name, size), = sizes([args.wanted]).items()
        host = Hosts(self.client).get(args.host)
        return Collection(self.client, _COLLECTION).create({"ihost_uuid": host["uuid"], "name": name, "size": size})


class FilesystemModify(FilesystemList):
    """Enlarge file systems of a host, all or none, or give one its functions."""

    examples: ClassVar[Sequence[str]] = ("system host-fs-modify worker-0 scratch=20 docker=60",
                                         "system host-fs-modify controller-0 ceph --functions=monitor")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        super().arguments(parser)
        parser.add_argument("wanted", metavar="name=size", nargs="+",
                            help="file system and its new size in whole GiB; only its name with --functions")
        parser.add_argument("--functions", help="what the file system is for: monitor, or nothing")

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        body = patches(sizes(args.wanted)) if args.functions is None else [_functions(args.wanted, args.functions)]
        host = Hosts(self.client).get(args.host)
        self.client.put(f"/v1/ihosts/{segment(str(host['uuid']))}/{_COLLECTION}/update_many", body)
        return super().rows(args)


class FilesystemDelete(ActionCommand):
    """Delete a file system that was added, with all that it holds."""

    api_name = "platform"
    examples = ("system host-fs-delete worker-0 instances",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("host", help="id, uuid or hostname")
        parser.add_argument("item", metavar="name", help="name or uuid of the file system")
        parser.add_argument("--force", action="store_true", help="delete it in any state")

    def act(self, args: argparse.Namespace) -> str:
        found = one_of(Hosts(self.client).children(args.host, _COLLECTION), args.item, *_FOUND_BY, what=_NOUN)
        self.client.delete(f"/v1/{_COLLECTION}/{segment(str(found['uuid']))}{'?force=true' if args.force else ''}")
        return f"File system {found['name']} was deleted or is being deleted."


def _functions(names: list[str], functions: str) -> list[dict[str, object]]:
    if len(names) != 1 or "=" in names[0]:
        raise UsageError("--functions is for one file system, given by its name without a size")
    listed = [one for one in functions.split(",") if one]
    return list(json_patch({"name": names[0], "capabilities": json.dumps({"functions": listed})}))


COMMANDS = {"host-fs-list": FilesystemList, "host-fs-show": FilesystemShow, "host-fs-add": FilesystemAdd,
            "host-fs-modify": FilesystemModify, "host-fs-delete": FilesystemDelete}
OSC_COMMANDS = as_plugin(COMMANDS)

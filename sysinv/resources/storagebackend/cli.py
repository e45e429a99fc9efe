# SPDX-License-Identifier: Apache-2.0
"""``storage-backend-list``, ``-show``, ``-add``, ``-modify`` and ``-delete``."""
from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from flock.cli.columns import Column, Row, columns
from flock.cli.commands import ActionCommand, ListCommand, ShowCommand
from flock.cli.errors import UsageError
from flock.wire.resource import Resource, labels
from sysinv.client.collection import Collection
from sysinv.client.hosts import one_of
from sysinv.client.osc import as_plugin
from sysinv.client.storage import named_values
from sysinv.contract.enums import BackendType
from sysinv.resources.storagebackend.fields import (
    CephBackend,
    ExternalBackend,
    ExternalCephBackend,
    FileBackend,
    LvmBackend,
    RookBackend,
)
from sysinv.resources.storagebackend.rules import POOLS

_ALL = "storage_backend"
_RESOURCES: dict[str, type[Resource]] = {
    BackendType.CEPH: CephBackend, BackendType.ROOK: RookBackend, BackendType.CEPH_EXTERNAL: ExternalCephBackend,
    BackendType.LVM: LvmBackend, BackendType.FILE: FileBackend, BackendType.EXTERNAL: ExternalBackend}
# Attributes that are fields of their own; all others are capabilities.
_FIELDS = frozenset({*POOLS, "object_gateway", "network"})


def _values(args: argparse.Namespace) -> dict[str, Any]:
    """The values of options and of ``name=value`` arguments, as the API takes them."""
    given = named_values(args.attributes)
    values: dict[str, Any] = {name: value for name, value in given.items() if name in _FIELDS}
    for name in ("services", "ceph_conf"):
        if getattr(args, name) is not None:
            values[name] = getattr(args, name)
    told = {name: value for name, value in given.items() if name not in _FIELDS}
    return {**values, "capabilities": told} if told else values


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-s", "--services", help="services that use the back end, separated by commas")
    parser.add_argument("-c", "--ceph_conf", metavar="FILE", help="name of the configuration of an external cluster")


class BackendList(ListCommand):
    """List the storage back ends."""

    api_name = "platform"
    columns = columns("uuid", "name", "backend", "state", "task", "services", "capabilities")
    sort_by = ("name",)
    examples = ("system storage-backend-list",)

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        return Collection(self.client, _ALL).all_of("storage_backends")


class BackendShow(ShowCommand):
    """Show one storage back end with all that its type has."""

    api_name = "platform"
    examples: ClassVar[Sequence[str]] = ("system storage-backend-show ceph-store",)

    def fields_for(self, args: argparse.Namespace, item: Row) -> tuple[Column, ...]:
        return tuple(Column(name) for name in labels(_RESOURCES[item["backend"]]) if name != "tier_id")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("backend", help="name or uuid")

    def found(self, args: argparse.Namespace) -> Row:
        """Return the back end as all types are listed. Raises CliError."""
        return one_of(Collection(self.client, _ALL).all_of("storage_backends"), args.backend, "name", "uuid",
                      what="storage backend")

    def item(self, args: argparse.Namespace) -> Row:
        found = self.found(args)
        return self.of_type(found).get(str(found["uuid"]))

    def of_type(self, found: Row) -> Collection:
        """Return the client of the collection of its type."""
        return Collection(self.client, str(_RESOURCES[found["backend"]].envelope))


class BackendAdd(BackendShow):
    """Add a storage back end. A Ceph back end cannot be removed any more when it has been configured."""

    examples = ("system storage-backend-add ceph --confirmed",
                "system storage-backend-add -s rbd-provisioner --confirmed ceph replication=3",
                "system storage-backend-add --confirmed ceph-rook deployment_model=open",
                "system storage-backend-add file --confirmed")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("backend", choices=[one.value for one in BackendType], help="type of the back end")
        parser.add_argument("attributes", metavar="name=value", nargs="*", help="further fields and capabilities")
        parser.add_argument("-n", "--name", help="name, needed for a second one of a type")
        parser.add_argument("-t", "--tier_uuid", metavar="UUID", help="storage tier of a second ceph back end")
        _arguments(parser)
        parser.add_argument("--confirmed", action="store_true", help="confirm that this cannot be undone")

    def item(self, args: argparse.Namespace) -> Row:
        values = {**_values(args), "confirmed": args.confirmed}
        for name in ("name", "tier_uuid"):
            if getattr(args, name) is not None:
                values[name] = getattr(args, name)
        return self.of_type({"backend": args.backend}).create(values)


class BackendModify(BackendShow):
    """Change a storage back end; one whose configuration failed is configured again."""

    examples = ("system storage-backend-modify ceph-store -s rbd-provisioner",
                "system storage-backend-modify ceph-store replication=3 min_replication=2")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        super().arguments(parser)
        parser.add_argument("attributes", metavar="name=value", nargs="*", help="fields and capabilities to change")
        _arguments(parser)

    def item(self, args: argparse.Namespace) -> Row:
        values = _values(args)
        if not values:
            raise UsageError("Give services with -s, or fields and capabilities as name=value.")
        found = self.found(args)
        return self.of_type(found).update(str(found["uuid"]), values)


class BackendDelete(ActionCommand):
    """Delete a storage back end that nothing uses; a Ceph back end only before it has ever been configured."""

    api_name = "platform"
    examples = ("system storage-backend-delete file-store",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("backend", help="name or uuid")

    def act(self, args: argparse.Namespace) -> str:
        known = Collection(self.client, _ALL)
        found = one_of(known.all_of("storage_backends"), args.backend, "name", "uuid", what="storage backend")
        known.delete(str(found["uuid"]))
        return f"Deleted storage backend: {found['name']}"


COMMANDS = {"storage-backend-list": BackendList, "storage-backend-show": BackendShow, "storage-backend-add": BackendAdd,
            "storage-backend-modify": BackendModify, "storage-backend-delete": BackendDelete}
OSC_COMMANDS = as_plugin(COMMANDS)

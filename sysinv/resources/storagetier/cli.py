# SPDX-License-Identifier: Apache-2.0
"""``storage-tier-list``, ``-show``, ``-add``, ``-modify`` and ``-delete``."""
from __future__ import annotations

import argparse
from collections.abc import Iterable

from flock.cli.columns import Column, Row, columns
from flock.cli.commands import ActionCommand, FlockCommand, ListCommand, ShowCommand
from sysinv.client.collection import Collection
from sysinv.client.hosts import Item, listed, one_of
from sysinv.client.osc import as_plugin
from sysinv.resources.storagetier.fields import StorageTier

_PATH = StorageTier.envelope


def _arguments(parser: argparse.ArgumentParser, tier: str = "") -> None:
    parser.add_argument("cluster", help="name or uuid of the cluster")
    if tier:
        parser.add_argument("tier", help=tier)


def _cluster(command: FlockCommand, ref: str) -> Item:
    return one_of(Collection(command.client, "clusters").all(), ref, "name", "uuid", what="cluster")


def _tiers(command: FlockCommand, ref: str) -> list[Item]:
    uuid = _cluster(command, ref)["uuid"]
    return listed(command.client.get(f"/v1/clusters/{uuid}/{_PATH}"), _PATH)


def _tier(command: FlockCommand, args: argparse.Namespace) -> Item:
    return one_of(_tiers(command, args.cluster), args.tier, "name", "uuid", what="storage tier")


class TierList(ListCommand):
    """List the tiers of a storage cluster."""

    api_name = "platform"
    columns = columns("uuid", "name", "status", "backend_using")
    sort_by = ("name",)
    examples = ("system storage-tier-list ceph_cluster",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        _arguments(parser)

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        return _tiers(self, args.cluster)


class TierShow(ShowCommand):
    """Show one tier of a storage cluster with the ids of its OSDs."""

    api_name = "platform"
    fields = (*columns("uuid", "name", "type", "status", "backend_uuid", "cluster_uuid"), Column("stors", "OSDs"),
              *columns("created_at", "updated_at"))
    examples = ("system storage-tier-show ceph_cluster storage",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        _arguments(parser, "name or uuid of the tier")

    def item(self, args: argparse.Namespace) -> Row:
        return _tier(self, args)


class TierAdd(TierShow):
    """Add a tier to a storage cluster."""

    examples = ("system storage-tier-add ceph_cluster gold",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        _arguments(parser, "name of the new tier")

    def item(self, args: argparse.Namespace) -> Row:
        return Collection(self.client, _PATH).create({
            "cluster_uuid": _cluster(self, args.cluster)["uuid"], "name": args.tier})


class TierModify(TierShow):
    """Rename a tier that nothing uses."""

    examples = ("system storage-tier-modify ceph_cluster gold -n silver",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        super().arguments(parser)
        parser.add_argument("-n", "--name", required=True, help="new name")

    def item(self, args: argparse.Namespace) -> Row:
        return Collection(self.client, _PATH).update(str(_tier(self, args)["uuid"]), {"name": args.name})


class TierDelete(ActionCommand):
    """Delete a tier that nothing uses."""

    api_name = "platform"
    examples = ("system storage-tier-delete ceph_cluster gold",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        _arguments(parser, "name or uuid of the tier")

    def act(self, args: argparse.Namespace) -> str:
        found = _tier(self, args)
        Collection(self.client, _PATH).delete(str(found["uuid"]))
        return f"Deleted storage tier: {found['name']}"


COMMANDS = {"storage-tier-list": TierList, "storage-tier-show": TierShow, "storage-tier-add": TierAdd,
            "storage-tier-modify": TierModify, "storage-tier-delete": TierDelete}
OSC_COMMANDS = as_plugin(COMMANDS)

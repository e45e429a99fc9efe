# SPDX-License-Identifier: Apache-2.0
"""``cluster-list`` and ``cluster-show``."""
from __future__ import annotations

import argparse
from collections.abc import Iterable

from flock.cli.columns import Column, Row, columns
from flock.cli.commands import ListCommand, ShowCommand
from sysinv.client.collection import Collection
from sysinv.client.hosts import one_of
from sysinv.client.osc import as_plugin
from sysinv.resources.cluster.fields import Cluster

_PATH = Cluster.envelope


def _groups(row: Row) -> object:
    return [f"{group['name']}:{group['hosts']}" for group in row.get("peers") or ()]


def _tiers(row: Row) -> object:
    return [f"{tier['name']} ({tier['status']})" for tier in row.get("tiers") or ()]


class ClusterList(ListCommand):
    """List the storage clusters."""

    api_name = "platform"
    columns = columns("uuid", "cluster_uuid", "type", "name", "deployment_model")
    sort_by = ("name",)
    examples = ("system cluster-list",)

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        return Collection(self.client, _PATH).all()


class ClusterShow(ShowCommand):
    """Show one storage cluster with its replication groups and tiers."""

    api_name = "platform"
    fields = (*columns("uuid", "cluster_uuid", "type", "name"), Column("peers", "replication_groups", _groups),
              Column("tiers", "storage_tiers", _tiers), Column("deployment_model"))
    examples = ("system cluster-show ceph_cluster",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("cluster", help="name or uuid")

    def item(self, args: argparse.Namespace) -> Row:
        return one_of(Collection(self.client, _PATH).all(), args.cluster, "name", "uuid", what="cluster")


COMMANDS = {"cluster-list": ClusterList, "cluster-show": ClusterShow}
OSC_COMMANDS = as_plugin(COMMANDS)

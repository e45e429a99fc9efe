# SPDX-License-Identifier: Apache-2.0
"""Commands that list and show services, controllers and groups; the base of those of ``smc`` and ``system``."""
from __future__ import annotations

import argparse
import socket
from collections.abc import Iterable, Sequence
from typing import ClassVar

from flock.cli.client import segment
from flock.cli.columns import Column, Row, columns
from flock.cli.commands import ListCommand, ShowCommand
from flock.cli.errors import CliError


def _state(row: Row) -> str:
    """The state, with the status where there is one."""
    return f"{row['state']}-{row['status']}" if row.get("status") else str(row["state"])


def _hostname(row: Row) -> str:
    return str(row.get("node_name") or socket.gethostname())


_SERVICE = (*columns("id", "name=service_name"), Column("node_name", "hostname", _hostname),
            Column("state", "state", _state))


class Listed(ListCommand):
    """``path``: of the collection; ``envelope``: the key of its list."""

    path: ClassVar[str]
    envelope: ClassVar[str]
    sort_by: ClassVar[Sequence[str]] = ("name",)

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        found: list[Row] = self.client.get(self.path)[self.envelope]
        return found


class Shown(ShowCommand):
    """``path``: of the collection. sm-api answers null, and sysinv 404, when there is no such element."""

    path: ClassVar[str]
    noun: ClassVar[str]
    argument: ClassVar[str]

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("ident", metavar=f"<{self.argument}>", help=f"{self.argument} of the {self.noun.lower()}")

    def item(self, args: argparse.Namespace) -> Row:
        found: Row | None = self.client.get(f"{self.path}/{segment(args.ident)}")
        if found is None:
            raise CliError(f"{self.noun} {args.ident} could not be found")
        return found


class ServiceList(Listed):
    """List the services of the active controller."""

    columns = _SERVICE

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        return [row for row in super().rows(args) if row["state"] != "initial"]


class ServiceShow(Shown):
    """Show one service."""

    fields, noun, argument = _SERVICE, "Service", "service id or name"


class NodeList(Listed):
    """List the controllers as service management sees them."""

    columns = columns("id", "name", "administrative_state=administrative", "operational_state=operational",
                      "availability_status=availability", "ready_state")


class NodeShow(Shown):
    """Show one controller as service management sees it."""

    fields = columns("id", "name", "administrative_state", "operational_state", "availability_status", "ready_state")
    noun, argument = "Service node", "node id"


class GroupList(Listed):
    """List the groups of services on each controller."""

    columns = (*columns("uuid", "service_group_name", "node_name=hostname"), Column("state", "state", _state))
    sort_by = ("service_group_name", "node_name")


class GroupShow(Shown):
    """Show one group of services on one controller."""

    fields = (*columns("uuid", "name", "node_name=hostname", "service_group_name"), Column("state", "state", _state))
    noun, argument = "Service Group", "group uuid"

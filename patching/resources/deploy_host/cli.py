# SPDX-License-Identifier: Apache-2.0
"""``deploy host``, ``deploy host-rollback``, ``deploy host-list``, ``install-local``."""
from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any, ClassVar

from flock.cli.columns import Column, Row, columns
from flock.cli.commands import ListCommand
from flock.cli.wait import Verdict
from patching.client.software import Software
from patching.client.telling import API_NAME, Order, verdict


class HostList(ListCommand):
    """List the hosts of the deployment, in the order in which they are deployed."""

    api_name = API_NAME
    centred_from = 2
    when_empty = "No deploy in progress"
    columns = (*columns("hostname=Host", "software_release=From Release", "target_release=To Release",
                        "reboot_required=RR"),
               Column("host_state", "State", lambda row: f"deploy-host-{row.get('host_state', '')}"))
    examples = ("software deploy host-list", "software deploy host-list -f json", "software deploy host-list --watch")

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        return Software(self.client).hosts()

    def ordered(self, args: argparse.Namespace) -> bool:
        return True


class _Host(Order):
    """An order that names a host."""

    back: ClassVar[bool] = False
    dangerous: ClassVar[bool] = True
    waits: ClassVar[bool] = True
    reaches: ClassVar[tuple[str, ...]] = ()
    fails: ClassVar[tuple[str, ...]] = ()

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("host", metavar="host", help="name of a host")
        parser.add_argument("-f", "--force", action="store_true", help="accepted for compatibility; it changes nothing")

    def order(self, args: argparse.Namespace) -> dict[str, Any]:
        return self.software.host(args.host, self.back, args.force)

    def afterwards(self, args: argparse.Namespace) -> None:
        if args.wait:
            self.wait_for(f"host {args.host}", lambda: self._row(args.host), self._judge, args)

    def _row(self, hostname: str) -> Row:
        return next((row for row in self.software.hosts() if row.get("hostname") == hostname), {})

    def _judge(self, row: Row) -> Verdict:
        return verdict(str(row.get("host_state", "")), self.reaches, self.fails, str(row.get("error") or ""))


class Host(_Host):
    """Install the deployment on a host."""

    reaches, fails = ("deployed",), ("failed",)
    examples = ("software deploy host controller-0", "software deploy host controller-0 --wait")


class HostRollback(_Host):
    """Give a host back what it ran before."""

    back = True
    reaches, fails = ("rollback-deployed",), ("rollback-failed",)
    examples = ("software deploy host-rollback controller-0 --wait",)


class InstallLocal(Order):
    """Install on this host what the system runs."""

    examples = ("software install-local",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--delete", action="store_true", help="undo it")

    def order(self, args: argparse.Namespace) -> dict[str, Any]:
        return self.software.install_local(args.delete)


COMMANDS = {"deploy host": Host, "deploy host-rollback": HostRollback, "deploy host-list": HostList,
            "install-local": InstallLocal}
OSC_COMMANDS = {"platform deploy host": Host, "platform deploy host list": HostList,
                "platform deploy host rollback": HostRollback}

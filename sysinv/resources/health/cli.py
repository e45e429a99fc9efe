# SPDX-License-Identifier: Apache-2.0
"""``health-query`` and its variants: whether the system is fit for changes."""
from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import ClassVar

from flock.cli.columns import Row, columns
from flock.cli.commands import FlockCommand, ListCommand, write_objects
from flock.cli.errors import UsageError
from sysinv.client.health import KINDS, Health, Wanted


class HealthQuery(FlockCommand):
    """Check the health of the system."""

    api_name = "platform"
    kind: ClassVar[str] = "system"
    examples: ClassVar[Sequence[str]] = ("system health-query", "system health-query -f json")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("-f", "--format", choices=("text", "json", "yaml"), default="text",
                            help="output format, defaults to %(default)s")

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        health = Health(self.client, _wanted(self.kind, parsed_args))
        if parsed_args.format == "text":
            self.stdout.write(health.text())
        else:
            write_objects(health.checks(), parsed_args.format, self.stdout)
        return 0


class UpgradeQuery(HealthQuery):
    """Check whether the system is fit for a new major release."""

    kind = "upgrade"
    examples: ClassVar[Sequence[str]] = ("system health-query-upgrade", "system health-query-upgrade --relaxed")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        super().arguments(parser)
        _alarm_arguments(parser)


class KubeUpgradeQuery(UpgradeQuery):
    """Check whether the system is fit for an upgrade of Kubernetes or a software deployment."""

    kind = "kube-upgrade"
    examples = ("system health-query-kube-upgrade", "system health-query-kube-upgrade --rootca",
                "system health-query-kube-upgrade --alarm-ignore-list 900.401,750.006")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        super().arguments(parser)
        parser.add_argument("--rootca", action="store_true", help="certificates of Kubernetes are to be renewed")


class HealthShow(ListCommand):
    """List the checks of the system's health."""

    api_name = "platform"
    columns = columns("check=Check", "ok=OK", "detail=Detail", "advice=Advice")
    examples = ("openstack platform health show", "openstack platform health show --kind upgrade -f json")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--kind", choices=KINDS, default="system", help="what the system has to be fit for")
        _alarm_arguments(parser)

    def ordered(self, args: argparse.Namespace) -> bool:
        return True

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        if args.kind == "system" and (args.relaxed or args.alarm_ignore_list):
            raise UsageError("Alarms can be ignored only for --kind upgrade or kube-upgrade.")
        return Health(self.client, _wanted(args.kind, args)).checks()


def _alarm_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--relaxed", action="store_true", help="alarms that do not affect management do not count")
    parser.add_argument("--alarm-ignore-list", "--alarm_ignore_list", metavar="IDS", default="",
                        help="ids of alarms that do not count, separated by commas")


def _wanted(kind: str, args: argparse.Namespace) -> Wanted:
    return Wanted(kind, getattr(args, "relaxed", False), getattr(args, "alarm_ignore_list", ""),
                  getattr(args, "rootca", False))


COMMANDS = {"health-query": HealthQuery, "health-query-upgrade": UpgradeQuery,
            "health-query-kube-upgrade": KubeUpgradeQuery}
OSC_COMMANDS = {"platform health show": HealthShow}

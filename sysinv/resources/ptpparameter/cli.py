# SPDX-License-Identifier: Apache-2.0
"""``ptp-parameter-list``, ``-show`` and ``-modify``; the commands of their owners add and remove parameters."""
from __future__ import annotations

import argparse
from collections.abc import Iterable

from flock.cli.columns import Row, columns
from flock.cli.commands import ListCommand
from sysinv.client.collection import Collection
from sysinv.client.hostchild import ItemShow
from sysinv.client.osc import as_plugin
from sysinv.client.ptp import instances, interfaces
from sysinv.resources.ptpparameter.fields import LIST, PtpParameter


class PtpParameterList(ListCommand):
    """List the PTP parameters: all, or those of one PTP instance or PTP interface."""

    api_name = "platform"
    columns = columns("uuid", "section", "name", "value")
    sort_by = ("section", "name", "value")
    examples = ("system ptp-parameter-list", "system ptp-parameter-list --instance ptp1")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        one = parser.add_mutually_exclusive_group()
        one.add_argument("--instance", help="name, id or uuid of a PTP instance")
        one.add_argument("--interface", help="name, id or uuid of a PTP interface")

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        if args.instance:
            return instances(self.client).parameters(args.instance)
        if args.interface:
            return interfaces(self.client).parameters(args.interface)
        return Collection(self.client, LIST).all()


class PtpParameterShow(ItemShow):
    """Show one PTP parameter and the uuids of its owners."""

    resource = PtpParameter
    noun = "PTP parameter"
    fields = columns("uuid", "section", "name", "value", "owners", "created_at", "updated_at")
    examples = ("system ptp-parameter-show 5b1e51ea-0c0a-4f2e-8f31-6a2e30c0a4b7",)


class PtpParameterModify(PtpParameterShow):
    """Give a PTP parameter another value, for all its owners."""

    examples = ("system ptp-parameter-modify 5b1e51ea-0c0a-4f2e-8f31-6a2e30c0a4b7 25",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        super().arguments(parser)
        parser.add_argument("value", help="new value")

    def item(self, args: argparse.Namespace) -> Row:
        return Collection(self.client, LIST).update(args.item, {"value": args.value})


COMMANDS = {"ptp-parameter-list": PtpParameterList, "ptp-parameter-show": PtpParameterShow,
            "ptp-parameter-modify": PtpParameterModify}
OSC_COMMANDS = as_plugin(COMMANDS)

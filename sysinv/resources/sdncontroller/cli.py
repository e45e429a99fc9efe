# SPDX-License-Identifier: Apache-2.0
"""``sdn-controller-list``, ``-show``, ``-add``, ``-modify`` and ``-delete``."""
from __future__ import annotations

import argparse
from collections.abc import Iterable

from flock.cli.columns import Row, columns
from flock.cli.commands import ActionCommand, ListCommand, ShowCommand
from flock.cli.errors import UsageError
from sysinv.client import hosts
from sysinv.client.collection import Collection
from sysinv.client.osc import as_plugin
from sysinv.resources.sdncontroller.rules import STATES, TRANSPORTS

_COLLECTION = "sdn_controller"
_FIELDS = columns("uuid", "state=administrative state", "ip_address=ip address", "port=remote port",
                  "transport=transport mode")


def _options(parser: argparse.ArgumentParser, *, required: bool) -> None:
    parser.add_argument("-a", "--ip_address", required=required, help="IP address or host name of the controller")
    parser.add_argument("-p", "--port", required=required, help="port of the controller")
    parser.add_argument("-t", "--transport", choices=TRANSPORTS, help="transport of the channel (default: TCP)")
    parser.add_argument("-s", "--state", choices=STATES, help="administrative state (default: enabled)")


def _given(args: argparse.Namespace) -> dict[str, str]:
    names = ("ip_address", "port", "transport", "state")
    return {name: getattr(args, name) for name in names if getattr(args, name) is not None}


class SdnControllerList(ListCommand):
    """List the SDN controllers."""

    api_name = "platform"
    columns = _FIELDS[:4]
    sort_by = ("uuid",)
    examples = ("system sdn-controller-list",)

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        return hosts.listed(self.client.get("/v1/sdn_controller"), "sdn_controllers")


class SdnControllerShow(ShowCommand):
    """Show one SDN controller."""

    api_name = "platform"
    fields = _FIELDS
    examples = ("system sdn-controller-show 5b1e51ea-0c0a-4f2e-8f31-6a2e30c0a4b7",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("uuid", help="uuid of the SDN controller")

    def item(self, args: argparse.Namespace) -> Row:
        return Collection(self.client, _COLLECTION).get(args.uuid)


class SdnControllerAdd(ShowCommand):
    """Add an SDN controller. It is stored; no virtual switch of this release asks it."""

    api_name = "platform"
    fields = _FIELDS
    examples = ("system sdn-controller-add -a 10.10.10.20 -p 6653",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        _options(parser, required=True)

    def item(self, args: argparse.Namespace) -> Row:
        return Collection(self.client, _COLLECTION).create(_given(args))


class SdnControllerModify(ShowCommand):
    """Change an SDN controller: what is not given stays."""

    api_name = "platform"
    fields = _FIELDS
    examples = ("system sdn-controller-modify 5b1e51ea-0c0a-4f2e-8f31-6a2e30c0a4b7 -s disabled",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("uuid", help="uuid of the SDN controller")
        _options(parser, required=False)

    def item(self, args: argparse.Namespace) -> Row:
        changes = _given(args)
        if not changes:
            raise UsageError("Nothing to change: give at least one option.")
        return Collection(self.client, _COLLECTION).update(args.uuid, changes)


class SdnControllerDelete(ActionCommand):
    """Delete an SDN controller."""

    api_name = "platform"
    examples = ("system sdn-controller-delete 5b1e51ea-0c0a-4f2e-8f31-6a2e30c0a4b7",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("uuid", help="uuid of the SDN controller")

    def act(self, args: argparse.Namespace) -> str:
        Collection(self.client, _COLLECTION).delete(args.uuid)
        return f"Deleted SDN controller: uuid {args.uuid}"


COMMANDS = {"sdn-controller-list": SdnControllerList, "sdn-controller-show": SdnControllerShow,
            "sdn-controller-add": SdnControllerAdd, "sdn-controller-modify": SdnControllerModify,
            "sdn-controller-delete": SdnControllerDelete}
OSC_COMMANDS = as_plugin(COMMANDS)

# SPDX-License-Identifier: Apache-2.0
"""``drbdsync-show`` and ``drbdsync-modify``."""
from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from flock.cli import table
from flock.cli.columns import cell_text, columns
from sysinv.client.hosts import Hosts
from sysinv.client.osc import as_plugin
from sysinv.client.single import SettingsOptions, SettingsShow

_CONTROLLER = ("id", "hostname", "personality", "administrative", "operational", "availability", "config_status")


class DrbdSyncShow(SettingsShow):
    """Show DRBD's settings and the controllers. The platform directory is mirrored without DRBD: nothing reads them."""

    path, envelope = "drbdconfig", "drbdconfigs"
    fields = columns("uuid", "isystem_uuid", "created_at", "updated_at", "link_util", "num_parallel", "rtt_ms")
    examples = ("system drbdsync-show",)

    def produce_output(self, parsed_args: argparse.Namespace, column_names: Sequence[Any], data: Any) -> int:
        status = super().produce_output(parsed_args, column_names, data)
        if parsed_args.formatter == "table":
            rows = sorted((host for host in Hosts(self.client).all() if host.get("personality") == "controller"),
                          key=lambda host: str(host.get("id")))
            cells = [[cell_text(host.get(name)) for name in _CONTROLLER] for host in rows]
            self.stdout.write("\n" + table.render(_CONTROLLER, cells) + "\n")
        return status


class DrbdSyncModify(SettingsOptions):
    """Change DRBD's settings. The platform directory is mirrored without DRBD: nothing reads them."""

    path, envelope = "drbdconfig", "drbdconfigs"
    fields = DrbdSyncShow.fields
    changeable = ("link_util", "rtt_ms")
    examples = ("system drbdsync-modify --util 60",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--util", dest="link_util", help="percentage of the link, 5 to 80")
        parser.add_argument("--rtt_ms", help="round-trip time in ms, 0.2 to 20")
        super().arguments(parser)


COMMANDS = {"drbdsync-show": DrbdSyncShow, "drbdsync-modify": DrbdSyncModify}
OSC_COMMANDS = as_plugin(COMMANDS)

# SPDX-License-Identifier: Apache-2.0
"""``remotelogging-show`` and ``remotelogging-modify``."""
from __future__ import annotations

import argparse

from flock.cli.columns import columns
from sysinv.client.osc import as_plugin
from sysinv.client.single import SettingsOptions, SettingsShow
from sysinv.resources.remotelogging.rules import TRANSPORTS

_FIELDS = columns("uuid", "ip_address", "enabled", "transport", "port", "created_at", "updated_at")


class RemoteLoggingShow(SettingsShow):
    """Show the server to which all hosts send their logs."""

    path, envelope = "remotelogging", "remoteloggings"
    fields = _FIELDS
    examples = ("system remotelogging-show",)


class RemoteLoggingModify(SettingsOptions):
    """Change the server to which all hosts send their logs."""

    path, envelope = "remotelogging", "remoteloggings"
    fields = _FIELDS
    changeable = ("ip_address", "enabled", "transport", "port", "key_file")
    examples = ("system remotelogging-modify --ip_address 10.10.10.99 --transport tcp --enabled true",
                "system remotelogging-modify --enabled false")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--ip_address", help="IP address of the log server")
        parser.add_argument("--enabled", metavar="{true,false}", help="whether hosts send their logs")
        parser.add_argument("--transport", choices=TRANSPORTS, help="transport of the messages")
        parser.add_argument("--port", help="port of the log server")
        parser.add_argument("--key_file", help="PEM file of each host with key and certificate, for tls")
        super().arguments(parser)


COMMANDS = {"remotelogging-show": RemoteLoggingShow, "remotelogging-modify": RemoteLoggingModify}
OSC_COMMANDS = as_plugin(COMMANDS)

# SPDX-License-Identifier: Apache-2.0
"""``ptp-show`` and ``ptp-modify``."""
from __future__ import annotations

import argparse

from flock.cli.columns import Row, columns
from flock.cli.errors import UsageError
from sysinv.client.collection import Collection
from sysinv.client.osc import as_plugin
from sysinv.client.single import SettingsShow
from sysinv.resources.ptp.rules import CHANGEABLE, MECHANISMS, MODES, TRANSPORTS

_CHOICES = {"mode": (MODES, "who makes the time stamps"), "transport": (TRANSPORTS, "transport of the messages"),
            "mechanism": (MECHANISMS, "how delays are measured")}


class PtpShow(SettingsShow):
    """Show the PTP settings of the system, which PTP instances have replaced: they configure no host."""

    path, envelope = "ptp", "ptps"
    fields = columns("uuid", "mode", "transport", "mechanism", "isystem_uuid", "created_at", "updated_at")
    examples = ("system ptp-show",)


class PtpModify(PtpShow):
    """Change the PTP settings of the system, which PTP instances have replaced: they configure no host."""

    examples = ("system ptp-modify --mode hardware --transport l2 --mechanism e2e",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        for name, (choices, text) in _CHOICES.items():
            parser.add_argument(f"--{name}", choices=choices, help=text)

    def item(self, args: argparse.Namespace) -> Row:
        changes = {name: getattr(args, name) for name in CHANGEABLE if getattr(args, name) is not None}
        if not changes:
            raise UsageError("Nothing to change: give at least one option.")
        return Collection(self.client, "ptp").update(str(self.known()["uuid"]), changes)


COMMANDS = {"ptp-show": PtpShow, "ptp-modify": PtpModify}
OSC_COMMANDS = as_plugin(COMMANDS)

# SPDX-License-Identifier: Apache-2.0
"""``dns-show`` and ``dns-modify``."""
from __future__ import annotations

from flock.cli.columns import columns
from sysinv.client.osc import as_plugin
from sysinv.client.single import SettingsModify, SettingsShow

_FIELDS = columns("uuid", "nameservers", "isystem_uuid", "created_at", "updated_at")


class DnsShow(SettingsShow):
    """Show the DNS servers of the system."""

    path, envelope = "idns", "idnss"
    fields = _FIELDS
    examples = ("system dns-show",)


class DnsModify(SettingsModify):
    """Change the DNS servers of the system: up to three, separated by commas."""

    path, envelope = "idns", "idnss"
    fields = _FIELDS
    changeable = ("nameservers",)
    examples = ("system dns-modify nameservers=8.8.8.8,8.8.4.4", "system dns-modify nameservers=")


COMMANDS = {"dns-show": DnsShow, "dns-modify": DnsModify}
OSC_COMMANDS = as_plugin(COMMANDS)

# SPDX-License-Identifier: Apache-2.0
"""``ntp-show`` and ``ntp-modify``."""
from __future__ import annotations

from flock.cli.columns import columns
from sysinv.client.osc import as_plugin
from sysinv.client.single import SettingsModify, SettingsShow

_FIELDS = columns("uuid", "ntpservers", "isystem_uuid", "created_at", "updated_at")


class NtpShow(SettingsShow):
    """Show the NTP servers of the system."""

    path, envelope = "intp", "intps"
    fields = _FIELDS
    examples = ("system ntp-show",)


class NtpModify(SettingsModify):
    """Change the NTP servers of the system: up to three, separated by commas."""

    path, envelope = "intp", "intps"
    fields = _FIELDS
    changeable = ("ntpservers",)
    examples = ("system ntp-modify ntpservers=0.pool.ntp.org,1.pool.ntp.org", "system ntp-modify ntpservers=NC")


COMMANDS = {"ntp-show": NtpShow, "ntp-modify": NtpModify}
OSC_COMMANDS = as_plugin(COMMANDS)

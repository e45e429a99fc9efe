# SPDX-License-Identifier: Apache-2.0
"""``host-config-history`` and ``host-config-diff``."""
from __future__ import annotations

from sysinv.client.hostchild import HostChildList
from sysinv.client.osc import as_plugin
from sysinv.resources.configuration.fields import ConfigDifference, ConfigOrder


class ConfigHistory(HostChildList):
    """List the changes of configuration that a host was given, and what came of them."""

    resource = ConfigOrder
    shown = ("created_at", "reason", "state", "reboot_required", "changed", "error")
    sort_by = ("created_at",)
    examples = ("system host-config-history worker-0", "system host-config-history worker-0 -c reason -c state")


class ConfigDiff(HostChildList):
    """List the values that an unlock of a host would change. Passwords and keys are not compared."""

    resource = ConfigDifference
    shown = ("key", "applied", "wanted")
    sort_by = ("key",)
    examples = ("system host-config-diff worker-0",)


COMMANDS = {"host-config-history": ConfigHistory, "host-config-diff": ConfigDiff}
OSC_COMMANDS = as_plugin(COMMANDS)

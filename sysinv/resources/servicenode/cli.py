# SPDX-License-Identifier: Apache-2.0
"""``servicenode-list`` and ``servicenode-show``."""
from __future__ import annotations

from sm.client import commands
from sysinv.client.osc import as_plugin


class ServiceNodeList(commands.NodeList):
    """List the controllers as service management sees them."""

    api_name, path, envelope = "platform", "/v1/servicenodes", "nodes"
    examples = ("system servicenode-list",)


class ServiceNodeShow(commands.NodeShow):
    """Show one controller as service management sees it."""

    api_name, path = "platform", "/v1/servicenodes"
    examples = ("system servicenode-show 1",)


COMMANDS = {"servicenode-list": ServiceNodeList, "servicenode-show": ServiceNodeShow}
OSC_COMMANDS = as_plugin(COMMANDS)

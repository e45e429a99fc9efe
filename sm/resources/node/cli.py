# SPDX-License-Identifier: Apache-2.0
"""``servicenode-list`` and ``servicenode-show`` of ``smc``."""
from __future__ import annotations

from sm.client import commands


class NodeList(commands.NodeList):
    """List the controllers."""

    api_name, path, envelope = "smapi", "/v1/nodes", "nodes"
    examples = ("smc servicenode-list",)


class NodeShow(commands.NodeShow):
    """Show one controller."""

    api_name, path = "smapi", "/v1/nodes"
    examples = ("smc servicenode-show 1",)


COMMANDS = {"servicenode-list": NodeList, "servicenode-show": NodeShow}

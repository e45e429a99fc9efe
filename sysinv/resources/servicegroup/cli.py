# SPDX-License-Identifier: Apache-2.0
"""``servicegroup-list`` and ``servicegroup-show``."""
from __future__ import annotations

from sm.client import commands
from sysinv.client.osc import as_plugin


class ServiceGroupList(commands.GroupList):
    """List the groups of services on each controller."""

    api_name, path, envelope = "platform", "/v1/servicegroup", "sm_servicegroup"
    examples = ("system servicegroup-list",)


class ServiceGroupShow(commands.GroupShow):
    """Show one group of services on one controller."""

    api_name, path = "platform", "/v1/servicegroup"
    examples = ("system servicegroup-show 6f0c2f6a-35b9-4e4f-9c38-6f2d3f0b7d11",)


COMMANDS = {"servicegroup-list": ServiceGroupList, "servicegroup-show": ServiceGroupShow}
OSC_COMMANDS = as_plugin(COMMANDS)

# SPDX-License-Identifier: Apache-2.0
"""``servicegroup-list`` and ``servicegroup-show`` of ``smc``."""
from __future__ import annotations

from sm.client import commands


class GroupList(commands.GroupList):
    """List the groups of services on each controller."""

    api_name, path, envelope = "smapi", "/v1/service_groups", "service_groups"
    examples = ("smc servicegroup-list",)


class GroupShow(commands.GroupShow):
    """Show one group of services on one controller."""

    api_name, path = "smapi", "/v1/service_groups"
    examples = ("smc servicegroup-show 6f0c2f6a-35b9-4e4f-9c38-6f2d3f0b7d11",)


COMMANDS = {"servicegroup-list": GroupList, "servicegroup-show": GroupShow}

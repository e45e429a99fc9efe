# SPDX-License-Identifier: Apache-2.0
"""``service-list`` and ``service-show``."""
from __future__ import annotations

from sm.client import commands
from sysinv.client.osc import as_plugin


class ServiceList(commands.ServiceList):
    """List the services of the active controller."""

    api_name, path, envelope = "platform", "/v1/services", "services"
    examples = ("system service-list",)


class ServiceShow(commands.ServiceShow):
    """Show one service of the active controller."""

    api_name, path = "platform", "/v1/services"
    examples = ("system service-show vim",)


COMMANDS = {"service-list": ServiceList, "service-show": ServiceShow}
OSC_COMMANDS = as_plugin(COMMANDS)

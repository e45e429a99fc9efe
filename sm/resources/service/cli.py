# SPDX-License-Identifier: Apache-2.0
"""``service-list`` and ``service-show`` of ``smc``."""
from __future__ import annotations

from sm.client import commands


class ServiceList(commands.ServiceList):
    """List the services of the controller."""

    api_name, path, envelope = "smapi", "/v1/services", "services"
    examples = ("smc service-list",)


class ServiceShow(commands.ServiceShow):
    """Show one service."""

    api_name, path = "smapi", "/v1/services"
    examples = ("smc service-show postgres",)


COMMANDS = {"service-list": ServiceList, "service-show": ServiceShow}

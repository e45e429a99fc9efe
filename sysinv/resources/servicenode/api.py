# SPDX-License-Identifier: Apache-2.0
"""Routes of ``servicenodes``."""
from __future__ import annotations

from sysinv.api.services import policy, routes
from sysinv.resources.servicenode.fields import Node

ROUTES = routes("servicenodes", Node, "nodes", "Service node")
POLICY = policy("servicenodes")

# SPDX-License-Identifier: Apache-2.0
"""Routes of ``services``."""
from __future__ import annotations

from sysinv.api.services import policy, routes
from sysinv.resources.service.fields import Service

ROUTES = routes("services", Service, "services", "Service", lambda manager: {"node_name": manager.hostname})
POLICY = policy("services")

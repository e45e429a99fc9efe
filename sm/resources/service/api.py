# SPDX-License-Identifier: Apache-2.0
"""Routes of ``services``."""
from __future__ import annotations

from sm.api.daemon import services
from sm.api.lists import policy, routes
from sm.resources.service.fields import Service

ROUTES = routes(Service, services, ("name", "id"))
POLICY = policy(Service)

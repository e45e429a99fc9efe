# SPDX-License-Identifier: Apache-2.0
"""Routes of ``servicegroup``."""
from __future__ import annotations

from sysinv.api.services import policy, routes
from sysinv.resources.servicegroup.fields import ServiceGroup

ROUTES = routes("servicegroup", ServiceGroup, "sm_sda", "Service Group")
POLICY = policy("servicegroup")

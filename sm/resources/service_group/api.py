# SPDX-License-Identifier: Apache-2.0
"""Routes of ``service_groups`` and ``sm_sda``."""
from __future__ import annotations

from sm.api.daemon import service_groups
from sm.api.lists import policy, routes
from sm.resources.service_group.fields import ServiceGroup, ServiceGroupAssignment

ROUTES = {**routes(ServiceGroup, service_groups, ("uuid",)),
          **routes(ServiceGroupAssignment, service_groups, ("uuid",))}
POLICY = (*policy(ServiceGroup), *policy(ServiceGroupAssignment))

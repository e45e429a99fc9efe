# SPDX-License-Identifier: Apache-2.0
"""``service_groups`` and ``sm_sda``: the groups, one element for each group on each controller."""
from __future__ import annotations

from sm.contract.lists import ServiceGroup

__all__ = ["ServiceGroup", "ServiceGroupAssignment"]


class ServiceGroupAssignment(ServiceGroup):
    """The same, under the name that sysinv asks for."""

    envelope = "sm_sda"

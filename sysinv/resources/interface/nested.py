# SPDX-License-Identifier: Apache-2.0
"""Read routes of the collections below an interface."""
from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from flock.auth.policy import READER, Rule
from sysinv.api.inventory import ChildItems, Inventory
from sysinv.resources.interface.table import INTERFACES


def of_interface(inventory: Inventory, column: sa.ColumnElement[Any]) -> ChildItems:
    """``/v1/iinterfaces/<uuid>/<collection>``; ``column`` has the row id of the interface."""
    return ChildItems(inventory, "Interface", "iinterfaces", INTERFACES, column)


def path_below(inventory: Inventory) -> str:
    """Return the path of a collection below an interface."""
    return f"/v1/iinterfaces/{{uuid}}/{inventory.collection}"


def rule_below(inventory: Inventory) -> Rule:
    """Return the policy of that path."""
    return Rule(f"sysinv_api:{inventory.noun}:get", READER, "GET", path_below(inventory))

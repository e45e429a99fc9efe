# SPDX-License-Identifier: Apache-2.0
"""Routes of ``nodes``."""
from __future__ import annotations

from sm.api.daemon import nodes
from sm.api.lists import policy, routes
from sm.resources.node.fields import Node

ROUTES = routes(Node, nodes, ("id", "name"))
POLICY = policy(Node)

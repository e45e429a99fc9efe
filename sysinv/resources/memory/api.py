# SPDX-License-Identifier: Apache-2.0
"""Routes of ``imemorys``."""
from __future__ import annotations

from typing import Any

from flock.api.call import Call
from flock.api.describe import describes, patch_of
from flock.auth.policy import CONFIGURATOR, Rule
from flock.wire.render import render
from sysinv.api.changes import plain_changes
from sysinv.api.inventory import Inventory, OneItem, read_policy, read_routes
from sysinv.resources.memory.fields import Memory
from sysinv.resources.memory.rules import CHANGEABLE
from sysinv.resources.memory.service import MemoryService
from sysinv.resources.memory.store import QUERY
from sysinv.resources.memory.table import I_IMEMORY

INVENTORY = Inventory("memory", Memory, QUERY, I_IMEMORY, I_IMEMORY.c.forihostid)
_NOT_NULL = ("platform_reserved_mib", "vm_pending_as_percentage", "vswitch_hugepages_size_mib")


class MemoryController(OneItem):
    """``/v1/imemorys/<uuid>``."""

    @describes(body=patch_of(Memory, CHANGEABLE, operations=("replace", "remove")), answers={200: Memory},
               errors=(409,))
    def patch(self, call: Call) -> dict[str, Any]:
        """Change reserve and huge pages."""
        operations = call.patch(allowed=CHANGEABLE, mandatory=_NOT_NULL)
        changes = plain_changes(Memory, operations)
        return render(Memory, call.deps(MemoryService).modify(call.args["uuid"], changes), call.base_url)


ROUTES = read_routes(INVENTORY) | {"/v1/imemorys/{uuid}": MemoryController(INVENTORY)}
POLICY = (
    *read_policy(INVENTORY),
    Rule("sysinv_api:memory:modify", CONFIGURATOR, "PATCH", "/v1/imemorys/{uuid}"),
)

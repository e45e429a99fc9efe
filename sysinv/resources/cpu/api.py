# SPDX-License-Identifier: Apache-2.0
"""Routes of ``icpus``, including two lists that installers read without a token."""
from __future__ import annotations

import contextlib
from typing import Any

from flock.api.call import Call
from flock.api.describe import View, ViewPage, describes
from flock.api.reply import Reply
from flock.auth.policy import ANYONE, CONFIGURATOR, Rule
from flock.core import ids
from flock.db import Database
from flock.wire.render import render_many
from sysinv.api.inventory import Inventory, read_policy, read_routes
from sysinv.contract.enums import CpuFunction
from sysinv.contract.errors import HostNotFound
from sysinv.db.lookup import host_row
from sysinv.resources.cpu import store
from sysinv.resources.cpu.fields import Cpu
from sysinv.resources.cpu.rules import REQUESTS_MAX
from sysinv.resources.cpu.service import CpuService
from sysinv.resources.cpu.table import I_ICPU

INVENTORY = Inventory("cpu", Cpu, store.QUERY, I_ICPU, I_ICPU.c.forihostid)


class CpuListController:
    """``…/icpus/platform_cpu_list`` and ``…/vswitch_cpu_list``: a JSON string of CPU ids.

    They need no token, so they know a host only by its uuid, which cannot be guessed. The reply for anything else is
    that for a host without such CPUs: a stranger must not learn names of hosts here.
    """

    def __init__(self, function: CpuFunction, siblings: bool) -> None:
        self._function = function
        self._siblings = siblings

    @describes(answers={200: {"type": "string", "pattern": "^([0-9]+(,[0-9]+)*)?$"}})
    def get(self, call: Call) -> Reply:
        """The CPU ids separated by commas."""
        found: list[tuple[int, int]] = []
        if ids.is_uuid(call.args["host"]):
            with call.deps(Database).reader() as conn, contextlib.suppress(HostNotFound):
                found = store.ids_with_function(conn, host_row(conn, call.args["host"])["id"], self._function)
        return Reply(",".join(str(cpu) for cpu, thread in found if self._siblings or thread == 0))


class CpusModifyController:
    """``/v1/ihosts/<host>/state/host_cpus_modify``."""

    @describes(body={"type": "array", "minItems": 1, "maxItems": REQUESTS_MAX, "items": {"type": "object"}},
               answers={200: ViewPage((View(Cpu),))}, errors=(409,))
    def put(self, call: Call) -> dict[str, Any]:
        """Change the functions of a locked host's cores."""
        rows = call.deps(CpuService).modify(call.args["host"], call.json())
        return {"icpus": render_many(Cpu, rows, call.base_url)}


ROUTES = read_routes(INVENTORY) | {
    "/v1/ihosts/{host}/state/host_cpus_modify": CpusModifyController,
    "/v1/ihosts/{host}/icpus/platform_cpu_list": CpuListController(CpuFunction.PLATFORM, True),
    "/v1/ihosts/{host}/icpus/vswitch_cpu_list": CpuListController(CpuFunction.VSWITCH, False),
}
POLICY = (
    *read_policy(INVENTORY),
    Rule("sysinv_api:cpu:modify", CONFIGURATOR, "PUT", "/v1/ihosts/{host}/state/host_cpus_modify"),
    Rule("sysinv_api:cpu:list", ANYONE, "GET", "/v1/ihosts/{host}/icpus/platform_cpu_list"),
    Rule("sysinv_api:cpu:list", ANYONE, "GET", "/v1/ihosts/{host}/icpus/vswitch_cpu_list"),
)

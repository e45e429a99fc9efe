# SPDX-License-Identifier: Apache-2.0
"""Routes of ``kernel``: one for each host."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flock.api.call import Call
from flock.api.describe import View, describes, patch_of
from flock.auth.policy import OPERATOR, READER, Rule
from flock.db import Database
from flock.wire.render import links, render
from flock.wire.schema import LINKS
from sysinv.api.changes import plain_changes
from sysinv.hosts.work import Work
from sysinv.resources.kernel.fields import Kernel
from sysinv.resources.kernel.rules import CHANGEABLE
from sysinv.resources.kernel.service import KernelService

PATH = "/v1/ihosts/{host}/kernel"
ANSWER = View(Kernel, name="HostKernel", extra={"links": LINKS})


class KernelController:
    """``/v1/ihosts/<host>/kernel``."""

    @describes(answers={200: ANSWER})
    def get(self, call: Call) -> dict[str, Any]:
        """The kernel of one host."""
        return _body(_service(call).get(call.args["host"]), call.base_url)

    @describes(body=patch_of(Kernel, CHANGEABLE), answers={200: ANSWER}, errors=(409,))
    def patch(self, call: Call) -> dict[str, Any]:
        """Provision another kernel."""
        changes = plain_changes(Kernel, call.patch(allowed=CHANGEABLE, mandatory=CHANGEABLE))
        return _body(_service(call).modify(call.args["host"], changes["kernel_provisioned"]), call.base_url)


def _service(call: Call) -> KernelService:
    return KernelService(call.deps(Database), call.deps(Work))


def _body(row: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    return {**render(Kernel, row), "links": links(base_url, f"ihosts/{row['ihost_uuid']}", "kernel")}


ROUTES = {PATH: KernelController}
POLICY = (
    Rule("sysinv_api:kernel:get", READER, "GET", PATH),
    Rule("sysinv_api:kernel:modify", OPERATOR, "PATCH", PATH),
)

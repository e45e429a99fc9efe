# SPDX-License-Identifier: Apache-2.0
"""Routes of ``isystems``."""
from __future__ import annotations

from typing import Any

from flock.api.call import Call
from flock.api.describe import View, ViewPage, describes, paging, patch_of
from flock.auth.policy import ANYONE, CONFIGURATOR, READER, Rule
from flock.wire.paging import envelope
from flock.wire.render import links, render, render_many
from flock.wire.schema import LINKS
from sysinv.api.changes import plain_changes
from sysinv.api.inventory import REFUSED, NotPermitted
from sysinv.db.lookup import sort_keys
from sysinv.resources.host.fields import Host
from sysinv.resources.host.service import HostService
from sysinv.resources.host.table import I_HOST
from sysinv.resources.system.fields import System, SystemChange
from sysinv.resources.system.rules import CHANGEABLE
from sysinv.resources.system.service import SystemService

HOST_SORT_KEYS = sort_keys(Host, I_HOST)
MEMBER = View(System, name="SystemMember", extra={"ihosts": LINKS})


class SystemsController:
    """``/v1/isystems``."""

    @describes(query=paging(), answers={200: ViewPage((View(System),))})
    def get(self, call: Call) -> dict[str, Any]:
        """The system, in a list."""
        call.query.page()
        return envelope("isystems", render_many(System, call.deps(SystemService).all(), call.base_url))


class WritableSystemsController(SystemsController):
    """``/v1/isystems`` refuses further systems."""

    @REFUSED
    def post(self, call: Call) -> None:
        """Refused."""
        raise NotPermitted()


class SystemController:
    """``/v1/isystems/<uuid>``."""

    @describes(answers={200: MEMBER})
    def get(self, call: Call) -> dict[str, Any]:
        """The system."""
        return _member(call.deps(SystemService).get(call.args["uuid"]), call.base_url)

    @describes(body=patch_of(SystemChange, CHANGEABLE, operations=("replace", "remove"), empty_values=True),
               answers={200: MEMBER}, errors=(409,))
    def patch(self, call: Call) -> dict[str, Any]:
        """Change attributes."""
        operations = call.patch(allowed=CHANGEABLE, allow_empty=True, mandatory=("name", "timezone"))
        changes = plain_changes(SystemChange, operations)
        return _member(call.deps(SystemService).change(call.args["uuid"], changes), call.base_url)

    @REFUSED
    def delete(self, call: Call) -> None:
        """Refused."""
        raise NotPermitted()


class SystemHostsController:
    """``/v1/isystems/<uuid>/ihosts``."""

    @describes(query=paging(HOST_SORT_KEYS), answers={200: ViewPage((View(Host),))})
    def get(self, call: Call) -> dict[str, Any]:
        """The hosts of the system."""
        call.deps(SystemService).get(call.args["uuid"])
        page = call.query.page(sort_keys=HOST_SORT_KEYS)
        rows = call.deps(HostService).page(None, page)
        return envelope("ihosts", render_many(Host, rows, call.base_url), page=page, base_url=call.base_url)


class ManagementVlanController:
    """``/v1/isystems/mgmtvlan``, without token."""

    @describes(answers={200: {"type": "integer"}})
    def get(self, call: Call) -> int:
        """VLAN id of the management network; untagged here."""
        return 0


class RegionController:
    """``/v1/isystems/region_id``, without token."""

    @describes(answers={200: {"type": "object", "required": ["region_name"], "properties": {
        "region_name": {"type": ["string", "null"]}}}})
    def get(self, call: Call) -> dict[str, Any]:
        """Name of the region."""
        systems = call.deps(SystemService).all()
        return {"region_name": systems[0]["region_name"] if systems else None}


def _member(row: dict[str, Any], base_url: str) -> dict[str, Any]:
    body = render(System, row, base_url)
    body["ihosts"] = links(base_url, f"isystems/{row['uuid']}", "ihosts")
    return body


ROUTES = {
    "/v1/isystems": WritableSystemsController, "/v1/isystems/detail": SystemsController,
    "/v1/isystems/mgmtvlan": ManagementVlanController, "/v1/isystems/region_id": RegionController,
    "/v1/isystems/{uuid}": SystemController, "/v1/isystems/{uuid}/ihosts": SystemHostsController,
}
POLICY = (
    *(Rule("sysinv_api:system:get", READER, "GET", path) for path in (
        "/v1/isystems", "/v1/isystems/detail", "/v1/isystems/{uuid}", "/v1/isystems/{uuid}/ihosts")),
    Rule("sysinv_api:system:bootstrap", ANYONE, "GET", "/v1/isystems/mgmtvlan"),
    Rule("sysinv_api:system:bootstrap", ANYONE, "GET", "/v1/isystems/region_id"),
    Rule("sysinv_api:system:add", CONFIGURATOR, "POST", "/v1/isystems"),
    Rule("sysinv_api:system:modify", CONFIGURATOR, "PATCH", "/v1/isystems/{uuid}"),
    Rule("sysinv_api:system:delete", CONFIGURATOR, "DELETE", "/v1/isystems/{uuid}"),
)

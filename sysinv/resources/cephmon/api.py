# SPDX-License-Identifier: Apache-2.0
"""Routes of ``ceph_mon``."""
from __future__ import annotations

from typing import Any

from flock.api.call import Call
from flock.api.describe import View, ViewPage, describes, patch_of
from flock.auth.policy import CONFIGURATOR, READER, Rule
from flock.wire.paging import envelope
from flock.wire.render import render, render_many
from flock.wire.resource import given
from sysinv.api.changes import plain_changes
from sysinv.api.inventory import AllItems, Inventory, OneItem, read_policy, read_routes
from sysinv.resources.cephmon.fields import CephMon, NewCephMon
from sysinv.resources.cephmon.service import MonitorService
from sysinv.resources.cephmon.store import QUERY
from sysinv.resources.cephmon.table import CEPH_MON

INVENTORY = Inventory("ceph_mon", CephMon, QUERY, CEPH_MON, CEPH_MON.c.forihostid)
_CHANGEABLE = ("ceph_mon_gib",)
_ADDRESSES = "/v1/ceph_mon/ip_addresses"


class MonitorsController(AllItems):
    """``/v1/ceph_mon``."""

    @describes(body=NewCephMon, answers={200: ViewPage((View(CephMon),))}, errors=(404, 409))
    def post(self, call: Call) -> dict[str, Any]:
        """Give a host a monitor, and list all monitors."""
        rows = call.deps(MonitorService).add(given(call.body_as(NewCephMon)))
        return envelope(CephMon.envelope, render_many(CephMon, rows, call.base_url))


class MonitorController(OneItem):
    """``/v1/ceph_mon/<uuid>``; the uuid of a DELETE is that of the host."""

    @describes(body=patch_of(CephMon, _CHANGEABLE), answers={200: CephMon}, errors=(409,))
    def patch(self, call: Call) -> dict[str, Any]:
        """Change the size of the monitors of the controllers."""
        changes = plain_changes(CephMon, call.patch(allowed=_CHANGEABLE, mandatory=_CHANGEABLE))
        row = call.deps(MonitorService).resize(call.args["uuid"], changes["ceph_mon_gib"])
        return render(CephMon, row, call.base_url)

    @describes(errors=(409,))
    def delete(self, call: Call) -> None:
        """Delete the monitor of a host."""
        call.deps(MonitorService).delete(call.args["uuid"])


class AddressesController:
    """``/v1/ceph_mon/ip_addresses``."""

    @describes(answers={200: {"type": "object", "additionalProperties": {"type": "string"}}})
    def get(self, call: Call) -> dict[str, str]:
        """The management addresses of the hosts with monitors, by hostname."""
        return call.deps(MonitorService).addresses()


ROUTES = read_routes(INVENTORY) | {
    "/v1/ceph_mon": MonitorsController(INVENTORY), "/v1/ceph_mon/{uuid}": MonitorController(INVENTORY),
    _ADDRESSES: AddressesController}
POLICY = (
    *read_policy(INVENTORY),
    Rule("sysinv_api:ceph_mon:get", READER, "GET", _ADDRESSES),
    Rule("sysinv_api:ceph_mon:add", CONFIGURATOR, "POST", "/v1/ceph_mon"),
    Rule("sysinv_api:ceph_mon:modify", CONFIGURATOR, "PATCH", "/v1/ceph_mon/{uuid}"),
    Rule("sysinv_api:ceph_mon:delete", CONFIGURATOR, "DELETE", "/v1/ceph_mon/{uuid}"),
)

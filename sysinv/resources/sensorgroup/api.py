# SPDX-License-Identifier: Apache-2.0
"""Routes of ``isensorgroups``, and of the sensors of a group."""
from __future__ import annotations

from typing import Any

from flock.api.call import Call
from flock.api.describe import describes, patch_of
from flock.auth.policy import CONFIGURATOR, READER, Rule
from flock.wire.render import render
from sysinv.api.changes import plain_changes
from sysinv.api.inventory import ChildItems, Inventory, OneItem, read_policy, read_routes
from sysinv.resources.sensor.api import INVENTORY as SENSORS
from sysinv.resources.sensor.table import I_SENSORS
from sysinv.resources.sensorgroup import store
from sysinv.resources.sensorgroup.fields import Relearn, SensorGroup
from sysinv.resources.sensorgroup.rules import GROUP_CHANGEABLE, check_names
from sysinv.resources.sensorgroup.service import SensorService
from sysinv.resources.sensorgroup.table import I_SENSORGROUPS

INVENTORY = Inventory("sensorgroup", SensorGroup, store.QUERY, I_SENSORGROUPS, store.HOST,
                      children={"isensors": "isensorgroups"}, joined=store.joined)
ONE, BELOW, RELEARN = "/v1/isensorgroups/{uuid}", "/v1/isensorgroups/{uuid}/isensors", "/v1/isensorgroups/relearn"


class SensorGroupController(OneItem):
    """``/v1/isensorgroups/<uuid>``."""

    @describes(body=patch_of(SensorGroup, tuple(sorted(GROUP_CHANGEABLE)), operations=("replace",)),
               answers={200: SensorGroup}, errors=(409, 503))
    def patch(self, call: Call) -> dict[str, Any]:
        """Change actions, interval and suppression of a group and its sensors, once mtce has done so."""
        operations = call.patch()
        check_names(operations, GROUP_CHANGEABLE)
        changes = plain_changes(SensorGroup, operations)
        return render(SensorGroup, call.deps(SensorService).change_group(call.args["uuid"], changes), call.base_url)


class RelearnController:
    """``/v1/isensorgroups/relearn``."""

    @describes(body=Relearn, answers={200: Relearn}, errors=(404, 503))
    def post(self, call: Call) -> dict[str, Any]:
        """Begin to build the sensor model of a host anew; ends soon after, with the next reading of its BMC."""
        host = call.deps(SensorService).relearn(call.body_as(Relearn).host_uuid)
        return render(Relearn, {"host_uuid": host}, call.base_url)


ROUTES = read_routes(INVENTORY) | {
    ONE: SensorGroupController(INVENTORY), RELEARN: RelearnController(),
    BELOW: ChildItems(SENSORS, "sensorgroup", "isensorgroups", I_SENSORGROUPS, I_SENSORS.c.sensorgroup_id)}
POLICY = (
    *read_policy(INVENTORY),
    Rule("sysinv_api:sensorgroup:get", READER, "GET", BELOW),
    Rule("sysinv_api:sensorgroup:modify", CONFIGURATOR, "PATCH", ONE),
    Rule("sysinv_api:sensorgroup:relearn", CONFIGURATOR, "POST", RELEARN),
)

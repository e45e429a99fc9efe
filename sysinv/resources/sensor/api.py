# SPDX-License-Identifier: Apache-2.0
"""Routes of ``isensors``."""
from __future__ import annotations

from typing import Any

from flock.api.call import Call
from flock.api.describe import describes, patch_of
from flock.auth.policy import CONFIGURATOR, Rule
from flock.wire.render import render
from sysinv.api.changes import plain_changes
from sysinv.api.inventory import Inventory, OneItem, read_policy, read_routes
from sysinv.resources.sensor import store
from sysinv.resources.sensor.fields import Sensor
from sysinv.resources.sensor.table import I_SENSORS
from sysinv.resources.sensorgroup.rules import SENSOR_CHANGEABLE, check_names
from sysinv.resources.sensorgroup.service import SensorService

INVENTORY = Inventory("sensor", Sensor, store.QUERY, I_SENSORS, store.HOST, joined=store.joined)
ONE = "/v1/isensors/{uuid}"


class SensorController(OneItem):
    """``/v1/isensors/<uuid>``."""

    @describes(body=patch_of(Sensor, tuple(sorted(SENSOR_CHANGEABLE)), operations=("replace",)),
               answers={200: Sensor}, errors=(409, 503))
    def patch(self, call: Call) -> dict[str, Any]:
        """Suppress a sensor, or end that, once mtce has done so."""
        operations = call.patch()
        check_names(operations, SENSOR_CHANGEABLE)
        changes = plain_changes(Sensor, operations)
        return render(Sensor, call.deps(SensorService).change_sensor(call.args["uuid"], changes), call.base_url)


ROUTES = read_routes(INVENTORY) | {ONE: SensorController(INVENTORY)}
POLICY = (*read_policy(INVENTORY), Rule("sysinv_api:sensor:modify", CONFIGURATOR, "PATCH", ONE))

# SPDX-License-Identifier: Apache-2.0
"""``host-sensor-list``, ``host-sensor-show`` and ``host-sensor-modify``."""
from __future__ import annotations

from sysinv.client.hostchild import HostChildAttributes, HostChildList, HostChildShow
from sysinv.client.osc import as_plugin
from sysinv.resources.sensor.fields import Sensor


class SensorList(HostChildList):
    """List the sensors of a host's board management controller."""

    resource = Sensor
    shown = ("uuid", "sensorname", "sensortype", "state", "status")
    sort_by = ("sensorname",)
    examples = ("system host-sensor-list worker-0",)


class SensorShow(HostChildShow):
    """Show one sensor of a host."""

    resource = Sensor
    noun = "sensor"
    found_by = {"uuid": "uuid", "sensorname": "name of the sensor"}
    examples = ("system host-sensor-show worker-0 fan_1",)


class SensorModify(HostChildAttributes):
    """Suppress a sensor of a host, so that nothing follows from its readings, or end that."""

    resource, noun, found_by = Sensor, SensorShow.noun, SensorShow.found_by
    changeable = ("suppress",)
    examples = ("system host-sensor-modify worker-0 fan_1 suppress=True",)


COMMANDS = {"host-sensor-list": SensorList, "host-sensor-show": SensorShow, "host-sensor-modify": SensorModify}
OSC_COMMANDS = as_plugin(COMMANDS)

# SPDX-License-Identifier: Apache-2.0
"""``host-sensorgroup-list``, ``-show``, ``-modify`` and ``-relearn``."""
from __future__ import annotations

import argparse

from flock.cli.commands import ActionCommand
from sysinv.client.hostchild import HostChildAttributes, HostChildList, HostChildShow
from sysinv.client.hosts import Hosts
from sysinv.client.osc import as_plugin
from sysinv.resources.sensorgroup.fields import SensorGroup


class SensorGroupList(HostChildList):
    """List the groups of a host's sensors."""

    resource = SensorGroup
    shown = ("uuid", "sensorgroupname", "sensortype", "sensors", "audit_interval_group", "state")
    sort_by = ("sensorgroupname",)
    examples = ("system host-sensorgroup-list worker-0",)


class SensorGroupShow(HostChildShow):
    """Show one group of a host's sensors."""

    resource = SensorGroup
    noun = "sensorgroup"
    found_by = {"uuid": "uuid", "sensorgroupname": "name of the group"}
    examples = ('system host-sensorgroup-show worker-0 "server fans"',)


class SensorGroupModify(HostChildAttributes):
    """Change what follows from the readings of a group of sensors, and how often the host's sensors are read."""

    resource, noun, found_by = SensorGroup, SensorGroupShow.noun, SensorGroupShow.found_by
    changeable = ("audit_interval_group", "actions_critical_group", "actions_major_group", "actions_minor_group",
                  "suppress")
    examples = ('system host-sensorgroup-modify worker-0 "server fans" actions_critical_group=reset',
                'system host-sensorgroup-modify worker-0 "server fans" audit_interval_group=60 suppress=False')


class SensorGroupRelearn(ActionCommand):
    """Build the sensor model of a host anew, from the sensors that its board management controller shows now."""

    api_name = "platform"
    examples = ("system host-sensorgroup-relearn worker-0",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("host", help="id, uuid or hostname")

    def act(self, args: argparse.Namespace) -> str:
        host = Hosts(self.client).get(args.host)
        self.client.post("/v1/isensorgroups/relearn", {"host_uuid": host["uuid"]})
        return (f"{host.get('hostname') or host['uuid']}: the sensor model is being relearnt. Actions and interval of "
                "its groups stay; see host-sensorgroup-list within two minutes.")


COMMANDS = {"host-sensorgroup-list": SensorGroupList, "host-sensorgroup-show": SensorGroupShow,
            "host-sensorgroup-modify": SensorGroupModify, "host-sensorgroup-relearn": SensorGroupRelearn}
OSC_COMMANDS = as_plugin(COMMANDS)

# SPDX-License-Identifier: Apache-2.0
"""The other services as sysinv sees them: sm-api, fault management, software management."""
from __future__ import annotations

from types import SimpleNamespace

from flock.core.errors import FlockError
from fm.contract.fault import Fault
from sm.client.rest import Row
from sm.contract.nodecommand import NodeAction


class EmulatedManager:
    """Has one service, one group on each of two controllers, and refuses what the test says."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, NodeAction]] = []
        self.refusals: dict[NodeAction, str] = {}
        self.fault: Exception | None = None
        states = {"desired_state": "active", "state": "active", "status": "", "condition": ""}
        self.rows: dict[str, list[Row]] = {
            "services": [{"id": 9, "name": "postgres", "desired_state": "enabled-active", "state": "enabled-active",
                          "status": ""}],
            "nodes": [{"id": 1, "name": "controller-0", "administrative_state": "unlocked",
                       "operational_state": "enabled", "availability_status": "available", "ready_state": "enabled"}],
            "sm_sda": [{"id": 1, "uuid": "6f0c2f6a-35b9-4e4f-9c38-6f2d3f0b7d11", "name": "controller",
                        "node_name": "controller-0", "service_group_name": "controller-services", **states}]}

    def all(self, collection: str) -> list[Row]:
        if self.fault is not None:
            raise self.fault
        return self.rows[collection]

    def one(self, collection: str, ident: str) -> Row | None:
        return next((row for row in self.all(collection) if ident in (str(row["id"]), row["name"], row.get("uuid"))),
                    None)

    def refusal(self, hostname: str, check: NodeAction) -> str | None:
        self.asked.append((hostname, check))
        if self.fault is not None:
            raise self.fault
        return self.refusals.get(check)


class EmulatedFaults:
    """The active alarms of fm. ``fault``: what is raised instead."""

    def __init__(self) -> None:
        self.alarms: list[Fault] = []
        self.fault: FlockError | None = None

    def active(self, *, timeout_s: float, entity_instance_id: str | None = None) -> list[Fault]:
        if self.fault is not None:
            raise self.fault
        if entity_instance_id is None:
            return list(self.alarms)
        return [one for one in self.alarms if one.entity_instance_id == entity_instance_id
                or one.entity_instance_id.startswith(f"{entity_instance_id}.")]


class EmulatedSoftware:
    """Software management: hosts that run other software than they should, and whether controllers hold all releases.
    ``fault``: what is raised instead."""

    def __init__(self) -> None:
        self.synced: bool | None = None
        self.outdated: tuple[str, ...] | None = None
        self.fault: FlockError | None = None

    def outdated_hosts(self) -> tuple[str, ...] | None:
        if self.fault is not None:
            raise self.fault
        return self.outdated

    def in_sync(self) -> bool | None:
        if self.fault is not None:
            raise self.fault
        return self.synced


class RaisedAlarms:
    """Raises, clears and lists alarms: the raiser and fault management in one."""

    def __init__(self) -> None:
        self.active: dict[tuple[str, str], dict[str, object]] = {}

    def raise_alarm(self, alarm_id: str, *, entity_instance_id: str, **values: object) -> None:
        self.active[alarm_id, entity_instance_id] = values

    def clear_alarm(self, alarm_id: str, *, entity_instance_id: str, exact: bool = False) -> None:
        self.active.pop((alarm_id, entity_instance_id), None)

    def get_faults(self, *, alarm_id: str, entity_instance_id: str | None, below: bool) -> list[object]:
        return [SimpleNamespace(alarm_id=one, entity_instance_id=entity, reason_text=values["reason_text"])
                for (one, entity), values in self.active.items() if one == alarm_id]

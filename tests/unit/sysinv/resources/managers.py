# SPDX-License-Identifier: Apache-2.0
"""An sm-api as sysinv sees it."""
from __future__ import annotations

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

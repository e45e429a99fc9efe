# SPDX-License-Identifier: Apache-2.0
"""The conductor raises and clears alarms at each change, over the bus, and corrects what fm has."""
from __future__ import annotations

from typing import Any

from flock.rpc import Server
from flock.testing.services.process import wait_for
from fm.contract.fault import Fault
from fm.contract.rpc import FaultOutcome, FaultPage, FaultRequest, FmManager
from tests.functional.patching.conftest import MakeCloud

WAIT_S = 120.0
Key = tuple[str, str]


class Faults:
    """Fault management as far as raisers see it."""

    def __init__(self) -> None:
        self.active: dict[Key, Fault] = {}
        self.history: list[str] = []

    def apply(self, *, requests: list[FaultRequest]) -> list[FaultOutcome]:
        for request in requests:
            if request.fault is not None:
                self.active[request.fault.alarm_id, request.fault.entity_instance_id] = request.fault
                self.history.append(f"+{request.fault.alarm_id}")
            elif request.clear is not None:
                self.active.pop((request.clear.alarm_id, request.clear.entity_instance_id), None)
                self.history.append(f"-{request.clear.alarm_id}")
        return [FaultOutcome(request.request_id, count=1) for request in requests]

    def get_faults(self, *, alarm_id: str | None, entity_instance_id: str | None, below: bool) -> list[Fault]:
        return [fault for key, fault in self.active.items() if alarm_id in (None, key[0])]

    def get_faults_page(self, *, alarm_id: str | None, entity_instance_id: str | None, below: bool,
                        after: int = 0) -> FaultPage:
        return FaultPage(self.get_faults(alarm_id=alarm_id, entity_instance_id=entity_instance_id, below=below))

    def __getattr__(self, name: str) -> Any:
        def unused(**_arguments: Any) -> None:
            raise AssertionError(f"{name} is not asked by raisers")
        return unused

    def ours(self) -> set[Key]:
        return {key for key in self.active if key[0].startswith("900.")}


def test_alarms_follow_a_deployment(make_cloud: MakeCloud) -> None:
    cloud = make_cloud("SX")
    faults = Faults()
    server = Server(cloud.bus(), "fm", {FmManager: faults})
    server.start()
    try:
        cloud.upload(cloud.patch("10.0.1"))
        cloud.agents["controller-0"].mood = "fails"
        cloud.start_release("10.0.1")
        cloud.deploy_host("controller-0")
        deploying, failed = ("900.023", "host=controller"), ("900.021", "host=controller-0")
        wait_for(lambda: {deploying, failed} <= faults.ours(), WAIT_S, f"alarms, not {faults.active.keys()}")
        assert "it was told to fail" in faults.active[failed].reason_text
        assert faults.active[failed].severity == "major" and faults.active[deploying].severity == "minor"

        # Somebody deletes an alarm whose reason lasts: the audit raises it again.
        del faults.active[failed]
        wait_for(lambda: failed in faults.active, WAIT_S, "the alarm to come back")

        cloud.agents["controller-0"].mood = "works"
        cloud.deploy_host("controller-0")
        wait_for(lambda: faults.ours() == {deploying}, WAIT_S, f"one alarm, not {faults.active.keys()}")
        for step, state in (("activate", "activate-done"), ("complete", "completed")):
            cloud.done("POST", f"/v1/deploy/{step}", {})
            cloud.reaches(state)
        cloud.done("DELETE", "/v1/deploy")
        wait_for(lambda: not faults.ours(), WAIT_S, f"no alarm, not {faults.active.keys()}")
    finally:
        server.stop(2)

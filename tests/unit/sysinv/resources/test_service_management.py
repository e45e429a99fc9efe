# SPDX-License-Identifier: Apache-2.0
"""What sysinv passes on of service management, and what it has it check before a swact or a lock."""
from __future__ import annotations

from typing import Any

import pytest

from flock.core.errors import Unavailable
from fm.contract.enums import AlarmState, AlarmType, Severity
from fm.contract.fault import Fault
from sm.contract.nodecommand import NodeAction
from sysinv.contract.enums import OperatorAction
from sysinv.hosts.servicemanagement import NoApi, ServiceManagement

AWAY = Unavailable(service="sm-api", reason="no connection")
SYNCING = "controller-services on controller-1 is not ready to take service, service is syncing data"


@pytest.fixture
def duplex(cloud: Any) -> Any:
    """controller-1 is unlocked and enabled too."""
    cloud.patch(f"/v1/ihosts/{cloud.discover()}", personality="controller")
    cloud.settle()
    cloud.state("controller-1", administrative="unlocked", operational="enabled", availability="available", task="")
    return cloud


def operations(cloud: Any) -> int:
    return len([one for one in cloud.get("/v1/operations").body["operations"] if one["kind"] == "action"])


def test_services_are_those_of_the_active_controller(cloud: Any) -> None:
    service = {"id": 9, "name": "postgres", "desired_state": "enabled-active", "state": "enabled-active", "status": "",
               "node_name": "controller-0"}
    assert cloud.get("/v1/services").body == {"services": [service]}
    assert cloud.get("/v1/services/postgres").body == service


def test_nodes_and_groups(cloud: Any) -> None:
    assert cloud.get("/v1/servicenodes").body == {"nodes": cloud.manager.rows["nodes"]}
    assert cloud.get("/v1/servicenodes/1").body["ready_state"] == "enabled"
    group = {name: value for name, value in cloud.manager.rows["sm_sda"][0].items() if name != "id"}
    assert cloud.get("/v1/servicegroup").body == {"sm_servicegroup": [group]}
    assert list(cloud.get("/v1/servicegroup").body["sm_servicegroup"][0]) == [
        "status", "state", "desired_state", "name", "service_group_name", "node_name", "condition", "uuid"]
    assert cloud.get(f"/v1/servicegroup/{group['uuid']}").body == group


@pytest.mark.parametrize(("path", "text"), [
    ("services/none", "Service none could not be found"), ("servicenodes/7", "Service node 7 could not be found"),
    ("servicegroup/x", "Service Group x could not be found")])
def test_what_is_not_there(cloud: Any, path: str, text: str) -> None:
    reply = cloud.get(f"/v1/{path}")
    assert (reply.status, reply.fault) == (404, text)


def test_a_service_management_that_does_not_answer(duplex: Any) -> None:
    """Nothing is begun that it might have refused, and the error says who does not answer."""
    duplex.manager.fault = AWAY
    assert duplex.get("/v1/services").status == 503
    for host, action in (("controller-0", "swact"), ("controller-1", "lock")):
        reply = duplex.patch(f"/v1/ihosts/{host}", action=action)
        assert reply.status == 503 and "sm-api is not available" in reply.fault
    assert operations(duplex) == 0
    assert duplex.patch("/v1/ihosts/controller-0", action="force-swact").status == 200


def test_a_swact_is_checked(duplex: Any) -> None:
    duplex.manager.refusals[NodeAction.SWACT_PRE_CHECK] = SYNCING
    reply = duplex.patch("/v1/ihosts/controller-0", action="swact")
    assert (reply.status, reply.fault) == (400, SYNCING) and operations(duplex) == 0
    duplex.manager.refusals.clear()
    assert duplex.patch("/v1/ihosts/controller-0", action="swact").status == 200
    assert duplex.manager.asked == [("controller-0", NodeAction.SWACT_PRE_CHECK)] * 2


def degrade(cloud: Any, *alarms: tuple[str, str, Severity]) -> None:
    """controller-1 is degraded while these alarms (id, entity, severity) are active."""
    cloud.state("controller-1", availability="degraded")
    cloud.faults.alarms = [
        Fault(alarm_id, AlarmState.SET, "host", entity, severity, "r", AlarmType.EQUIPMENT, "unknown")
        for alarm_id, entity, severity in alarms]


@pytest.mark.parametrize(("alarm", "refused"), [
    (("100.103", "host=controller-1.memory=total", Severity.CRITICAL), True),
    # Not severe enough to degrade, of another host, of service management, or unknown.
    (("100.103", "host=controller-1.memory=total", Severity.MAJOR), False),
    (("100.103", "host=controller-0.memory=total", Severity.CRITICAL), False),
    (("400.001", "host=controller-1", Severity.CRITICAL), False),
    (("999.999", "host=controller-1", Severity.CRITICAL), False)])
def test_alarms_that_degrade_the_other_controller_refuse_a_swact(
        duplex: Any, alarm: tuple[str, str, Severity], refused: bool) -> None:
    degrade(duplex, alarm)
    reply = duplex.patch("/v1/ihosts/controller-0", action="swact")
    if refused:
        assert (reply.status, reply.fault) == (
            400, "controller-1 has degraded availability status because of alarm 100.103. Standby controller must be "
                 "in available status; repair it first, or force the swact.")
        assert operations(duplex) == 0 and duplex.manager.asked == []
        assert duplex.patch("/v1/ihosts/controller-0", action="force-swact").status == 200
    else:
        assert reply.status == 200


def test_alarms_matter_only_while_the_other_controller_is_degraded(duplex: Any) -> None:
    degrade(duplex, ("100.103", "host=controller-1", Severity.CRITICAL))
    duplex.state("controller-1", availability="available")
    assert duplex.patch("/v1/ihosts/controller-0", action="swact").status == 200


def test_a_fault_management_that_is_away_does_not_hold_up_a_swact(duplex: Any) -> None:
    degrade(duplex, ("100.103", "host=controller-1", Severity.CRITICAL))
    duplex.faults.fault = Unavailable(service="fm-manager", reason="no connection")
    assert duplex.patch("/v1/ihosts/controller-0", action="swact").status == 200


def test_a_swact_to_a_controller_that_lacks_releases_is_refused(duplex: Any) -> None:
    duplex.software.synced = False
    reply = duplex.patch("/v1/ihosts/controller-0", action="swact")
    assert (reply.status, reply.fault) == (400, "Deployment data in both controllers is not in sync.")
    assert duplex.manager.asked == [] and operations(duplex) == 0
    # Software management that is away does not hold up a swact.
    duplex.software.fault = Unavailable(service="patching-api", reason="it answers 503")
    assert duplex.patch("/v1/ihosts/controller-0", action="swact").status == 200


def test_releases_do_not_matter_for_a_lock_or_to_who_forces_a_swact(duplex: Any) -> None:
    duplex.software.synced = False
    assert duplex.patch("/v1/ihosts/controller-1", action="lock").status == 200
    assert duplex.manager.asked == [("controller-1", NodeAction.LOCK_PRE_CHECK)]


def test_a_lock_of_a_controller_is_checked(duplex: Any) -> None:
    duplex.manager.refusals[NodeAction.LOCK_PRE_CHECK] = "controller-1 is the sole provider of some services. (dns)"
    reply = duplex.patch("/v1/ihosts/controller-1", action="lock")
    assert reply.status == 400 and "sole provider" in reply.fault
    assert duplex.patch("/v1/ihosts/controller-1", action="force-lock").status == 200
    assert duplex.manager.asked == [("controller-1", NodeAction.LOCK_PRE_CHECK)]


def test_sysinvs_own_rules_come_first(cloud: Any) -> None:
    assert cloud.patch("/v1/ihosts/controller-0", action="lock").status == 400
    assert "not enabled" in cloud.patch("/v1/ihosts/controller-0", action="swact").fault
    assert cloud.manager.asked == []


def test_the_only_controller_is_not_checked(simplex: Any) -> None:
    assert simplex.patch("/v1/ihosts/controller-0", action="lock").status == 200
    assert simplex.manager.asked == []


def test_other_hosts_are_not_checked(cloud: Any) -> None:
    cloud.patch(f"/v1/ihosts/{cloud.discover()}", personality="worker", hostname="worker-0")
    cloud.settle()
    cloud.state("worker-0", administrative="unlocked", operational="enabled", availability="available", task="")
    assert cloud.patch("/v1/ihosts/worker-0", action="lock").status == 200
    assert cloud.manager.asked == []


def test_a_system_without_service_management() -> None:
    manager = ServiceManagement(NoApi(), "controller-0")
    assert manager.refusal("controller-0", OperatorAction.SWACT) is None
    with pytest.raises(Unavailable):
        manager.api.all("services")
    with pytest.raises(Unavailable):
        manager.api.one("services", "vim")

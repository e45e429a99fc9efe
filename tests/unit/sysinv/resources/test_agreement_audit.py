# SPDX-License-Identifier: Apache-2.0
"""The audit of hosts against an emulated host maintenance: what is told when the two hold different things."""
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flock.core.errors import DeadlineExceeded, Unavailable
from mtce.contract.records import ActionReply, MtceHost
from sysinv.actions.agreement import compare
from sysinv.conductor.agreement import Agreement
from sysinv.db.lookup import host_row
from sysinv.resources.host import store as hosts

MAC = "08:00:27:be:6e:25"
GHOST = MtceHost("9f1c1d7e-0000-4000-8000-000000000009", "ghost", "worker", "worker", "", "192.168.204.99", None,
                 "locked", "disabled", "offline", revision=3)


@pytest.fixture
def agreement(cloud: Any) -> Agreement:
    return Agreement(cloud.db, cloud.mtce, cloud.steps, cloud.operations)


@pytest.fixture
def worker(cloud: Any, agreement: Agreement) -> str:
    """A worker on which both sides agree."""
    uuid = cloud.discover(MAC)
    assert cloud.patch(f"/v1/ihosts/{uuid}", personality="worker", hostname="worker-0").status == 200
    cloud.settle()
    agreement.audit()
    return str(uuid)


def column(cloud: Any, uuid: str, name: str) -> Any:
    with cloud.db.reader() as conn:
        return host_row(conn, uuid)[name]


def test_maintenance_is_given_the_hosts_it_lost(cloud: Any, agreement: Agreement, worker: str) -> None:
    cloud.discover("08:00:27:be:6e:99")
    cloud.mtce.hosts.clear()
    agreement.audit()
    assert {host.hostname for host in cloud.mtce.hosts.values()} == {"controller-0", "worker-0"}
    assert cloud.mtce.hosts[worker].cluster_host_ip


def test_a_record_of_another_revision_is_put_again(cloud: Any, agreement: Agreement, worker: str) -> None:
    told = cloud.mtce.hosts[worker]
    for wrong in (replace(told, revision=0, mgmt_ip="192.168.204.99"), replace(told, state_sequence=-1)):
        cloud.mtce.hosts[worker] = wrong
        agreement.audit()
        assert cloud.mtce.hosts[worker] == told


def test_inventory_from_an_older_copy_counts_on_from_what_maintenance_has(cloud: Any, agreement: Agreement,
                                                                         worker: str) -> None:
    cloud.mtce.hosts[worker] = replace(cloud.mtce.hosts[worker], revision=40, mgmt_ip="192.168.204.99")
    agreement.audit()
    assert cloud.mtce.hosts[worker].revision == 41 == column(cloud, worker, "maintenance_revision")
    assert cloud.mtce.hosts[worker].mgmt_ip == cloud.host(worker)["mgmt_ip"]


def test_a_host_that_inventory_lacks_is_removed_by_the_guarded_deletion(cloud: Any, agreement: Agreement,
                                                                        worker: str) -> None:
    cloud.mtce.hosts[GHOST.uuid] = GHOST
    cloud.mtce.answer = ActionReply("fail", "Host is Unlocked", "Lock the host and then retry")
    agreement.audit()
    assert "ghost, which sysinv does not have: Host is Unlocked" in str(agreement.trouble())
    assert cloud.mtce.deleted == [(GHOST.uuid, 3)] and GHOST.uuid in cloud.mtce.hosts
    cloud.mtce.answer = ActionReply("pass")
    agreement.audit()
    assert set(cloud.mtce.hosts) == {worker, cloud.host("controller-0")["uuid"]} and agreement.trouble() is None
    assert cloud.mtce.actions == [], "nothing is done to a host"


def test_an_empty_inventory_removes_nobody() -> None:
    status = replace_status(hostname="ghost")
    assert compare([], [status], (), ()).remove == ()


def replace_status(**changes: Any) -> Any:
    from mtce.contract.records import HostStatus
    return replace(HostStatus("u", "h", "locked", "disabled", "offline", "disabled", "not-installed", "none", "", "",
                              0), **changes)


def test_states_that_differ_are_asked_for_once_they_had_time_to_arrive(cloud: Any, agreement: Agreement,
                                                                      worker: str) -> None:
    cloud.mtce.hosts[worker] = replace(cloud.mtce.hosts[worker], availability="online")
    agreement.audit()
    assert cloud.mtce.told_again == []
    agreement.audit()
    assert cloud.mtce.told_again == [[worker]]
    cloud.state(worker, availability="online")
    agreement.audit()
    agreement.audit()
    assert cloud.mtce.told_again == [[worker]]


@pytest.mark.parametrize(("field", "value"), [
    ("task", "Booting"), ("action", "reset"), ("administrative", "unlocked"), ("operational", "enabled")])
def test_task_and_action_are_compared_too(field: str, value: str) -> None:
    row = {"uuid": "u", "hostname": "h", "personality": "worker", "maintenance_revision": 1, "mtce_sequence": 0,
           "administrative": "locked", "operational": "disabled", "availability": "offline", "task": None,
           "mtce_action": None, "ihost_action": None}
    same = replace_status(revision=1, sequence=7)
    assert compare([row], [same], (), ()).states == {}
    assert compare([row], [replace(same, **{field: value})], (), ()).states == {"u": 7}
    assert compare([row], [replace(same, **{field: value})], ("u",), ()).states == {}, "the host is being deleted"


def test_an_action_whose_end_was_lost_ends(cloud: Any, agreement: Agreement, worker: str) -> None:
    cloud.state(worker, availability="online")
    cloud.mtce.hosts[worker] = replace(cloud.mtce.hosts[worker], availability="online")
    assert cloud.patch("/v1/ihosts/worker-0", action="reboot").status == 200
    cloud.settle()
    agreement.audit()
    assert cloud.host(worker)["ihost_action"] == "reboot"
    agreement.audit()
    found = cloud.host(worker)
    assert (found["ihost_action"], found["task"]) == (None, None)


@pytest.mark.parametrize("error", [Unavailable(service="bus", reason="test"),
                                   DeadlineExceeded(what="hosts", timeout_s=6)])
def test_maintenance_that_is_away_proves_nothing(cloud: Any, agreement: Agreement, worker: str, error: Exception,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    before = dict(cloud.mtce.hosts)

    def away() -> list[Any]:
        raise error

    monkeypatch.setattr(cloud.mtce, "list_hosts", away)
    agreement.audit()
    assert cloud.mtce.hosts == before and cloud.mtce.deleted == []


def test_a_host_that_is_being_deleted_is_left_alone(cloud: Any, agreement: Agreement, worker: str) -> None:
    cloud.operations.stop()
    assert cloud.delete("/v1/ihosts/worker-0").status == 204
    cloud.mtce.hosts.pop(worker)
    agreement.audit()
    assert worker not in cloud.mtce.hosts


def test_the_revision_counts_only_what_maintenance_is_told(cloud: Any, worker: str) -> None:
    with cloud.db.writer() as conn:
        row = host_row(conn, worker, lock=True)
        hosts.write(conn, row, {"hostname": row["hostname"], "console": "ttyS1"})
    assert column(cloud, worker, "maintenance_revision") == row["maintenance_revision"]


def write(cloud: Any, uuid: str, **values: Any) -> None:
    cloud.db.transact(lambda conn: hosts.write(conn, host_row(conn, uuid), values))


def test_resync_takes_maintenance_states_after_a_forged_number(cloud: Any, agreement: Agreement, worker: str) -> None:
    write(cloud, worker, mtce_sequence=2**53, operational="enabled", availability="available",
          administrative="unlocked", task="Forged", mtce_action="lock", ihost_action="lock")
    cloud.mtce.sequences[worker] = 12
    cloud.mtce.put_host = lambda host: ActionReply("pass")  # mtce never takes states from a record
    agreement.audit()
    assert agreement.trouble() == "the number of worker-0's states is out of range; run system host-resync"
    reply = cloud.post(f"/v1/ihosts/{worker}/resync", {})
    assert reply.status == 200, reply.body
    host = reply.body
    assert (host["administrative"], host["operational"], host["availability"]) == ("locked", "disabled", "offline")
    assert (host["task"], host["mtce_action"], host["ihost_action"]) == (None, None, None)
    assert column(cloud, worker, "mtce_sequence") == 12 and cloud.mtce.resynced == [(worker, 2**53)]
    agreement.audit()
    assert agreement.trouble() is None
    cloud.sequence = 12
    cloud.state(worker, availability="online")
    assert cloud.host(worker)["availability"] == "online", "later updates count again"


def test_resync_keeps_an_update_that_is_newer_than_the_reply(cloud: Any, worker: str) -> None:
    def report(uuid: str) -> None:
        cloud.sequence = 30
        cloud.state(uuid, availability="online")

    cloud.mtce.sequences[worker], cloud.mtce.during_resync = 20, report
    assert cloud.post(f"/v1/ihosts/{worker}/resync", {}).status == 200
    assert column(cloud, worker, "mtce_sequence") == 31 and cloud.host(worker)["availability"] == "online"


def test_resync_of_a_host_that_maintenance_cannot_have_says_so(cloud: Any) -> None:
    uuid = cloud.discover(MAC)
    reply = cloud.post(f"/v1/ihosts/{uuid}/resync", {})
    assert reply.status == 400 and "does not have the host" in reply.fault
    assert cloud.post("/v1/ihosts/nobody/resync", {}).status == 404
    assert cloud.post(f"/v1/ihosts/{uuid}/resync", {}, role="operator").status == 403

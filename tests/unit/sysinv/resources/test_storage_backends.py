# SPDX-License-Identifier: Apache-2.0
"""Storage back ends, clusters and tiers, from the request to what the controllers answer and the alarm."""
from __future__ import annotations

from typing import Any

import pytest

from sysinv.contract.enums import BackendState
from sysinv.db.lookup import host_row
from sysinv.resources.configuration import store as configurations
from sysinv.resources.storagebackend import service
from tests.unit.sysinv.resources import storage
from tests.unit.sysinv.resources.storage import REASON, add, answer, follow, ready

ALARM = ("800.104", "storage_backend=ceph-store")


def backend(cloud: Any, name: str = "ceph-store") -> dict[str, Any]:
    return dict(cloud.get(f"/v1/storage_backend/{name}").body)


def test_a_ceph_backend_comes_with_its_cluster_and_is_made_by_the_controllers(simplex: Any) -> None:
    ready(simplex)
    reply = add(simplex, services="rbd-provisioner")
    assert reply.status == 200, reply.fault
    made = reply.body
    assert {name: made[name] for name in (
        "name", "backend", "state", "task", "services", "capabilities", "object_gateway", "ceph_total_space_gib",
        "tier_name", "network", "kube_pool_gib", "error")} == {
        "name": "ceph-store", "backend": "ceph", "state": "configuring",
        "task": "{'controller-0': 'applying-manifests'}",
        "services": "rbd-provisioner", "capabilities": {"replication": "1", "min_replication": "1"},
        "object_gateway": False, "ceph_total_space_gib": 0, "tier_name": "storage", "network": "mgmt",
        "kube_pool_gib": None, "error": None}
    (cluster,) = simplex.get("/v1/clusters").body["clusters"]
    assert [cluster[name] for name in ("name", "type", "deployment_model", "cluster_uuid", "peers")] == [
        "ceph_cluster", "ceph", "aio-sx", None, []]
    assert [(one["name"], one["status"]) for one in cluster["tiers"]] == [("storage", "in-use")]
    (tier,) = simplex.get(f"/v1/clusters/{cluster['uuid']}/storage_tiers").body["storage_tiers"]
    assert (tier["backend_uuid"], tier["backend_using"], tier["stors"]) == (made["uuid"], "ceph-store", [])
    follow(simplex)
    assert backend(simplex)["state"] == "configuring"
    answer(simplex, error="")
    follow(simplex)
    assert (backend(simplex)["state"], backend(simplex)["task"]) == ("configured", None)
    assert ALARM not in simplex.raised.active


def test_what_no_host_can_make_fails_with_its_reason_and_leaves_hosts_alone(simplex: Any) -> None:
    found = storage.failed(simplex)
    assert (found["state"], found["task"]) == ("configuration-failed", None)
    assert found["error"] == f"controller-0: platform::ceph: {REASON}"
    alarm = simplex.raised.active[ALARM]
    assert alarm["severity"] == "critical" and REASON in str(alarm["reason_text"])
    assert "storage-backend-modify" in str(alarm["proposed_repair_action"])
    host = simplex.host("controller-0")
    assert host["config_applied"] == host["config_target"]
    with simplex.db.reader() as conn:
        assert configurations.all_open(conn) == {}
        assert host_row(conn, "controller-0")["config_status"] is None
    simplex.configurations.alarms()
    assert not [one for one in simplex.raised.active if one[0] == "250.001"]


def test_a_failed_backend_is_configured_again_when_it_is_changed(simplex: Any) -> None:
    storage.failed(simplex)
    again = simplex.patch("/v1/storage_ceph/ceph-store", services="rbd-provisioner").body
    assert (again["state"], again["error"]) == ("configuring", None)
    answer(simplex, error="")
    audits = follow(simplex)
    assert backend(simplex)["state"] == "configured"
    audits.alarms()
    assert ALARM not in simplex.raised.active


def test_a_failed_backend_can_be_deleted_with_all_that_came_with_it(simplex: Any) -> None:
    storage.failed(simplex)
    assert simplex.delete("/v1/storage_backend/ceph-store").status == 204
    follow(simplex)
    assert ALARM not in simplex.raised.active
    for path, key in (("storage_backend", "storage_backends"), ("clusters", "clusters"), ("ceph_mon", "ceph_mon"),
                      ("storage_tiers", "storage_tiers")):
        assert simplex.get(f"/v1/{path}").body[key] == []


def test_a_backend_is_not_deleted_while_it_is_being_configured(simplex: Any) -> None:
    ready(simplex)
    add(simplex)
    refused = simplex.delete("/v1/storage_ceph/ceph-store")
    assert (refused.status, refused.fault) == (
        400, "Storage backend ceph-store is configuring; a ceph backend can only be deleted before it has ever been "
        "configured.")


def test_both_controllers_make_it_and_one_that_fails_is_enough(cloud: Any) -> None:
    storage.controller_1(cloud)
    ready(cloud)
    made = add(cloud).body
    assert made["capabilities"] == {"replication": "2", "min_replication": "1"}
    assert made["task"] == "{'controller-0': 'applying-manifests', 'controller-1': 'applying-manifests'}"
    answer(cloud, error="")
    follow(cloud)
    assert backend(cloud)["task"] == "{'controller-1': 'applying-manifests'}"
    answer(cloud, "controller-1")
    follow(cloud)
    assert backend(cloud)["error"] == f"controller-1: platform::ceph: {REASON}"
    assert cloud.get("/v1/clusters/").body["clusters"][0]["deployment_model"] == "undefined"


def test_before_the_first_unlock_it_waits_and_is_made_after_the_boot(fresh: Any) -> None:
    storage.space(fresh, "controller-0")
    made = add(fresh).body
    assert (made["state"], made["task"]) == ("configuring-on-unlock", None)
    follow(fresh)
    assert backend(fresh)["state"] == "configuring-on-unlock"
    with fresh.db.writer() as conn:
        service.at_unlock(conn, host_row(conn, "controller-0", lock=True), None)
    assert backend(fresh)["state"] == "configuring"
    host = fresh.host("controller-0")["uuid"]
    wanted = fresh.configuration.wanted_configuration(host_uuid=host, certificate_pem="", uptime_s=10)
    # The whole configuration at a boot is not what makes it.
    assert "platform::ceph" in wanted.classes and "platform::ceph" not in wanted.boot_classes
    assert wanted.boot_uuids == []
    answer(fresh)
    follow(fresh)
    assert backend(fresh)["state"] == "configuration-failed"


def test_rules_of_two_backends(simplex: Any) -> None:
    ready(simplex)
    assert "WARNING : THIS OPERATION IS NOT REVERSIBLE AND CANNOT BE CANCELLED" in add(simplex, confirmed=False).fault
    assert simplex.get("/v1/clusters").body["clusters"] == []
    assert add(simplex, name="mine").fault == "The first ceph backend must use the default name: ceph-store."
    add(simplex)
    assert add(simplex, "storage_file").fault == (
        "Storage backend ceph-store is still being configured. Retry when it is configured.")
    answer(simplex)
    follow(simplex)
    assert add(simplex).fault == "The system already has a ceph backend, ceph-store. There can only be one."
    assert add(simplex, "storage_ceph_rook").fault == "Backend ceph-rook is not supported together with ceph."
    assert add(simplex, "storage_external").fault.startswith("Backend external needs the services of another region")
    filed = add(simplex, "storage_file").body
    assert (filed["name"], filed["state"], filed["services"]) == ("file-store", "configured", "glance")
    assert add(simplex, "storage_lvm").body["state"] == "configured"
    outside = add(simplex, "storage_ceph_external", name="far", ceph_conf="far.conf", services="cinder").body
    assert (outside["state"], outside["ceph_conf"]) == ("configured", "far.conf")
    same = add(simplex, "storage_ceph_external", name="far", ceph_conf="far.conf")
    assert (same.status, same.fault) == (409, "A storage backend with name far already exists.")
    assert [one["name"] for one in simplex.get("/v1/storage_backend").body["storage_backends"]] == [
        "ceph-store", "far", "file-store", "lvm-store"]
    assert simplex.get("/v1/storage_file/ceph-store").status == 404
    assert simplex.delete("/v1/storage_file/file-store").status == 204


def test_rook_waits_for_its_application(simplex: Any) -> None:
    made = add(simplex, "storage_ceph_rook").body
    assert (made["name"], made["state"], made["services"]) == (
        "ceph-rook-store", "configuring-with-app", "block,filesystem")
    assert made["capabilities"] == {"deployment_model": "controller", "failure_domain": "osd", "replication": "1",
                                    "min_replication": "1"}
    (cluster,) = simplex.get("/v1/clusters").body["clusters"]
    assert (cluster["name"], cluster["deployment_model"]) == ("ceph_rook_cluster", "controller")
    follow(simplex)
    assert backend(simplex, "ceph-rook-store")["state"] == BackendState.WITH_APP
    assert add(simplex).fault == "Backend ceph is not supported together with ceph-rook."
    changed = simplex.patch("/v1/storage_ceph_rook/ceph-rook-store", capabilities='{"deployment_model": "open"}').body
    assert changed["capabilities"]["deployment_model"] == "open"
    assert simplex.post("/v1/storage_tiers", {"name": "gold", "cluster_uuid": cluster["uuid"]}).fault == (
        "Tiers can only be added to the cluster of a ceph storage backend.")
    assert simplex.delete("/v1/storage_ceph_rook/ceph-rook-store").status == 204


def test_controllers_must_be_able_to_carry_it(cloud: Any) -> None:
    ready(cloud)
    assert add(cloud).fault == "Both controllers must be available or degraded before ceph is added."
    storage.controller_1(cloud)
    storage.space(cloud, "controller-1", 19)
    assert add(cloud).fault == "The monitor needs 20 GiB in cgts-vg of host controller-1, which has 19 GiB free."


def test_tiers_of_the_cluster(simplex: Any) -> None:
    storage.failed(simplex)
    (cluster,) = simplex.get("/v1/clusters").body["clusters"]
    gold = simplex.post("/v1/storage_tiers/", {"name": "gold", "cluster_uuid": cluster["uuid"]}).body
    assert (gold["status"], gold["backend_uuid"], gold["type"]) == ("defined", None, "ceph")
    again = simplex.post("/v1/storage_tiers", {"name": "gold", "cluster_uuid": cluster["uuid"]})
    assert (again.status, again.fault) == (409, "Storage tier gold already exists in cluster ceph_cluster.")
    assert simplex.patch(f"/v1/storage_tiers/{gold['uuid']}", name="silver").body["name"] == "silver"
    assert simplex.patch("/v1/storage_tiers/storage", name="x").fault == (
        "The default storage tier storage can not be renamed.")
    assert simplex.delete("/v1/storage_tiers/storage").fault == "The default storage tier storage can not be deleted."
    second = add(simplex, name="fast", services="cinder", tier_uuid=gold["uuid"]).body
    assert (second["tier_name"], second["state"]) == ("silver", "configuring")
    assert simplex.delete(f"/v1/storage_tiers/{gold['uuid']}").fault == (
        "Storage tier silver can not be deleted while it is in-use.")
    answer(simplex)
    follow(simplex)
    assert add(simplex, name="more", tier_uuid=gold["uuid"]).fault == (
        "Tier silver is used by storage backend fast already.")
    assert simplex.delete("/v1/storage_ceph/ceph-store").fault == (
        "Storage backend ceph-store can not be deleted while its cluster has other tiers.")
    assert simplex.delete("/v1/storage_ceph/fast").status == 204
    assert simplex.delete(f"/v1/storage_tiers/{gold['uuid']}").status == 204
    assert simplex.post("/v1/storage_tiers", {"name": "x", "cluster_uuid": gold["uuid"]}).status == 404


def test_storage_hosts_follow_the_backend(cloud: Any) -> None:
    storage.controller_1(cloud)
    storage.failed(cloud)
    body = {"personality": "storage", "mgmt_mac": "08:00:27:00:00:51"}
    assert cloud.post("/v1/ihosts", {**body, "hostname": "storage-3"}).fault == (
        "Storage name storage-3 not allowed. Expected storage-0.")
    assert cloud.post("/v1/ihosts", body).body["hostname"] == "storage-0"
    assert cloud.post("/v1/ihosts", {**body, "mgmt_mac": "08:00:27:00:00:52"}).body["hostname"] == "storage-1"
    assert cloud.post("/v1/ihosts", {**body, "mgmt_mac": "08:00:27:00:00:53"}).body["hostname"] == "storage-2"
    cloud.settle()
    (cluster,) = cloud.get("/v1/clusters").body["clusters"]
    assert cluster["deployment_model"] == "storage-nodes"
    assert cluster["peers"] == [
        {"name": "group-0", "status": "provisioned", "hosts": ["storage-0", "storage-1"]},
        {"name": "group-1", "status": "provisioning", "hosts": ["storage-2"]}]
    assert cloud.host("storage-1")["peers"] == {"name": "group-0", "hosts": ["storage-0", "storage-1"]}
    listed = cloud.get("/v1/ihosts").body["ihosts"]
    assert {one["hostname"]: one["peers"] and one["peers"]["name"] for one in listed} == {
        "controller-0": None, "controller-1": None, "storage-0": "group-0", "storage-1": "group-0",
        "storage-2": "group-1"}
    assert cloud.patch("/v1/storage_ceph/ceph-store", capabilities='{"replication": "3"}').fault.startswith(
        "replication: it can not be changed while there are storage hosts")
    assert cloud.delete("/v1/storage_ceph/ceph-store").fault == (
        "Storage backend ceph-store can not be deleted while there are storage hosts.")


def test_a_controller_is_not_locked_while_it_makes_its_part(cloud: Any) -> None:
    storage.controller_1(cloud)
    ready(cloud)
    add(cloud)
    assert cloud.patch("/v1/ihosts/controller-1", action="lock").fault.startswith(
        "Rejected: storage backend ceph-store is still being configured.")


@pytest.mark.parametrize("body", [{"name": 7}, {"services": "a;b"}, {"capabilities": 1}, {"surprise": 1},
                                  {"network": "oam"}, {"tier_uuid": "x"}, {"backend": "lvm"}])
def test_odd_bodies_are_refused(simplex: Any, body: dict[str, Any]) -> None:
    assert add(simplex, **body).status == 400
    assert simplex.get("/v1/storage_backend").body["storage_backends"] == []

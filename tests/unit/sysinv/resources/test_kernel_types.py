# SPDX-License-Identifier: Apache-2.0
"""Kernel types: what a host should run follows from its subfunctions, what it runs from its agent's report."""
from __future__ import annotations

import itertools
from dataclasses import asdict
from typing import Any

import pytest

from sysinv.contract.enums import KernelType, Subfunction
from sysinv.model.host import join_subfunctions
from sysinv.resources.host.report import PlatformReport
from sysinv.resources.kernel.rules import provisioned, with_kernel

PATH = "/v1/ihosts/worker-0/kernel"


def worker(cloud: Any, *, inventoried: bool = True, availability: str = "online") -> str:
    uuid = str(cloud.discover())
    assert cloud.patch(f"/v1/ihosts/{uuid}", personality="worker", hostname="worker-0").status == 200
    cloud.settle()
    if inventoried:
        boot = PlatformReport(boot_id="b", uptime_s=1, kernel_release="6.1", kernel_running="standard",
                              after_install=True, first_report=True)
        cloud.inventory.report(host_uuid=uuid, kind="platform", items=[asdict(boot)])
        cloud.inventory.inventory_completed(host_uuid=uuid)
    cloud.state(uuid, availability=availability)
    return uuid


@pytest.mark.parametrize("names", [
    names for count in (1, 2, 3) for names in itertools.combinations(Subfunction, count)])
def test_a_kernel_is_a_subfunction_and_leaves_the_others(names: tuple[Subfunction, ...]) -> None:
    text = join_subfunctions(names)
    for kernel in KernelType:
        changed = with_kernel(text, kernel)
        assert provisioned(changed) is kernel
        assert changed == join_subfunctions(changed.split(",")), "in StarlingX's order"
        assert set(changed.split(",")) - {""} - {"lowlatency"} == set(names) - {"lowlatency"}
    assert with_kernel(text, provisioned(text)) == text


def test_a_host_without_a_role_has_the_standard_kernel(cloud: Any) -> None:
    uuid = cloud.discover()
    body = cloud.get(f"/v1/ihosts/{uuid}/kernel").body
    assert (body["hostname"], body["kernel_provisioned"], body["kernel_running"]) == (None, "standard", None)
    assert cloud.get("/v1/ihosts/nobody/kernel").status == 404
    assert cloud.patch("/v1/ihosts/nobody/kernel", kernel_provisioned="standard").status == 404


def test_another_kernel_is_provisioned(cloud: Any) -> None:
    uuid = worker(cloud)
    token = cloud.boot_file("08:00:27:be:6e:25")
    reply = cloud.patch(PATH, kernel_provisioned="lowlatency", role="operator")
    assert reply.status == 200
    assert reply.body == {
        "ihost_uuid": uuid, "hostname": "worker-0", "kernel_provisioned": "lowlatency", "kernel_running": "standard",
        "links": [{"href": f"http://localhost:80/v1/ihosts/{uuid}/kernel", "rel": "self"},
                  {"href": f"http://localhost:80/ihosts/{uuid}/kernel", "rel": "bookmark"}]}
    for ident in (uuid, "worker-0", cloud.host(uuid)["id"]):
        assert cloud.get(f"/v1/ihosts/{ident}/kernel").body == reply.body
    assert cloud.host("worker-0")["subfunctions"] == "worker,lowlatency"
    cloud.settle()
    assert cloud.mtce.hosts[uuid].subfunctions == "worker,lowlatency"
    assert cloud.boot_file("08:00:27:be:6e:25") == token, "no installation was asked for"
    assert cloud.patch(PATH, kernel_provisioned="standard").body["kernel_provisioned"] == "standard"
    assert cloud.host("worker-0")["subfunctions"] == "worker"


def test_the_same_kernel_is_no_change(cloud: Any) -> None:
    worker(cloud)
    before = cloud.get("/v1/operations").body["operations"]
    assert cloud.patch(PATH, kernel_provisioned="standard").status == 200
    assert cloud.get("/v1/operations").body["operations"] == before


def test_the_running_kernel_is_the_reported_one(cloud: Any) -> None:
    uuid = worker(cloud)
    boot = PlatformReport(boot_id="c", uptime_s=1, kernel_release="6.1-rt", kernel_running="lowlatency",
                          after_install=False, first_report=True)
    cloud.inventory.report(host_uuid=uuid, kind="platform", items=[asdict(boot)])
    body = cloud.get(PATH).body
    assert (body["kernel_provisioned"], body["kernel_running"]) == ("standard", "lowlatency")


@pytest.mark.parametrize(("made", "state", "status", "fault"), [
    ({}, {"administrative": "unlocked"}, 409, "Host must be locked."),
    ({"inventoried": False}, {}, 400, "Host must have completed initial inventory."),
    ({}, {"availability": "offline"}, 400, "Host must not be offline."),
])
def test_when_the_kernel_may_not_change(cloud: Any, made: dict[str, Any], state: dict[str, Any], status: int,
                                        fault: str) -> None:
    uuid = worker(cloud, **made)
    if state:
        cloud.state(uuid, **state)
    reply = cloud.patch(PATH, kernel_provisioned="lowlatency")
    assert (reply.status, reply.fault) == (status, fault)
    assert cloud.host("worker-0")["subfunctions"] == "worker"


def test_only_hosts_with_worker_function_have_another_kernel(fresh: Any) -> None:
    reply = fresh.patch("/v1/ihosts/controller-0/kernel", kernel_provisioned="lowlatency")
    assert (reply.status, reply.fault) == (400, "Can only modify worker nodes.")


@pytest.mark.parametrize("operation", [
    {"op": "replace", "path": "/kernel_provisioned", "value": "fast"},
    {"op": "replace", "path": "/kernel_provisioned", "value": None},
    {"op": "replace", "path": "/kernel_provisioned/x", "value": "standard"},
    {"op": "remove", "path": "/kernel_provisioned"},
    {"op": "add", "path": "/kernel_provisioned", "value": "lowlatency"},
    {"op": "replace", "path": "/kernel_running", "value": "lowlatency"}])
def test_requests_that_are_none(cloud: Any, operation: dict[str, Any]) -> None:
    worker(cloud)
    assert cloud.call("PATCH", PATH, [operation]).status == 400
    assert cloud.get(PATH).body["kernel_provisioned"] == "standard"


def test_an_all_in_one_controller_keeps_its_functions(simplex: Any) -> None:
    uuid = simplex.host("controller-0")["uuid"]
    simplex.inventory.inventory_completed(host_uuid=uuid)
    simplex.state(uuid, administrative="locked", operational="disabled", availability="online")
    assert simplex.patch("/v1/ihosts/controller-0/kernel", kernel_provisioned="lowlatency").status == 200
    assert simplex.host("controller-0")["subfunctions"] == "controller,worker,lowlatency"

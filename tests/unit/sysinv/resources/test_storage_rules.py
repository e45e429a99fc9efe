# SPDX-License-Identifier: Apache-2.0
"""Pure rules of storage: progress, capabilities, models and groups, quotas, deletions, checks before an unlock."""
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flock.core.errors import FlockError
from sysinv.actions.facts import ActionFacts
from sysinv.config.model import OrderState
from sysinv.contract.enums import BackendState, BackendType, StorFunction, StorState
from sysinv.model.system import SystemView
from sysinv.resources.cephmon import rules as monitors
from sysinv.resources.cluster import rules as clusters
from sysinv.resources.cluster.rules import ClusterHosts
from sysinv.resources.osd import rules as osds
from sysinv.resources.osd.checks import StorFacts, osd_refusal
from sysinv.resources.osd.rules import ClusterView, StorView
from sysinv.resources.storagebackend import capabilities, rules
from sysinv.resources.storagebackend.progress import HostResult, progress, task_text, wanted_alarms
from sysinv.resources.storagebackend.rules import BackendView
from tests.unit.sysinv.resources.test_partition_rules import host

STANDARD = SystemView(1, "s", "cloud", "Standard", "duplex", "1")
SIMPLEX, DUPLEX = (replace(STANDARD, system_type="All-in-one", system_mode=mode) for mode in ("simplex", "duplex"))
CEPH = BackendView("ceph-store", BackendType.CEPH, BackendState.CONFIGURED, ("cinder", "rbd-provisioner"),
                   {"replication": "2"}, "storage", total_gib=100)
CLUSTER = ClusterView(BackendType.CEPH, BackendState.CONFIGURED, "aio-sx", 2)
DONE, WAITS, FAILED = (HostResult(f"controller-{n}", state, error) for n, state, error in (
    (0, OrderState.APPLIED, None), (1, OrderState.RETRIED, None), (0, OrderState.FAILED, "no disk")))


@pytest.mark.parametrize(("results", "state", "task", "error"), [
    ((DONE,), "configured", None, None), ((DONE, WAITS), "configuring", {"controller-1": "applying-manifests"}, None),
    ((FAILED, WAITS), "configuration-failed", None, "controller-0: no disk"),
    ((replace(FAILED, error=None),), "configuration-failed", None, "controller-0: failed")])
def test_the_results_of_hosts_tell_how_far_a_backend_is(results: Any, state: str, task: Any, error: Any) -> None:
    found = progress(results)
    assert found is not None and (found.state, found.task, found.error) == (state, task, error)


def test_without_orders_nothing_is_known() -> None:
    assert progress(()) is None and wanted_alarms(()) == {}
    assert task_text(None) is None and task_text("restore") == "restore"
    assert task_text({"b": "y", "a": "x"}) == "{'a': 'x', 'b': 'y'}"


@pytest.mark.parametrize(("backend", "given", "simplex", "stored"), [
    ("ceph", {}, True, {"replication": "1", "min_replication": "1"}),
    ("ceph", {"replication": 3}, False, {"replication": "3", "min_replication": "2"}),
    ("ceph", {"replication": "3", "min_replication": "1"}, True, {"replication": "3", "min_replication": "1"}),
    ("ceph", {"rbd_storageclass_name": "general", "rbd_provisioner_namespaces": "kube-system, default"}, True, {
        "replication": "1", "min_replication": "1", "rbd_storageclass_name": "general",
        "rbd_provisioner_namespaces": "kube-system, default"}),
    ("ceph-rook", {}, False, {"deployment_model": "controller", "failure_domain": "host", "replication": "2",
                              "min_replication": "1"}),
    ("ceph-rook", {"deployment_model": "open", "failure_domain": "osd"}, False, {
        "deployment_model": "open", "failure_domain": "osd", "replication": "2", "min_replication": "1"}),
    ("file", {}, False, {})])
def test_capabilities(backend: str, given: Any, simplex: bool, stored: Any) -> None:
    assert capabilities.checked(BackendType(backend), given, simplex=simplex) == stored


@pytest.mark.parametrize(("backend", "given", "simplex", "words"), [
    ("ceph", {"replication": "1"}, False, "replication must be one of 2, 3, not 1."),
    ("ceph", {"replication": "4"}, True, "replication must be one of 1, 2, 3, not 4."),
    ("ceph", {"min_replication": "2"}, False, "min_replication must be 1 with replication 2, not 2."),
    ("ceph", {"surprise": "x"}, False, "surprise is not known for a ceph backend"),
    ("ceph", {"replication": True}, False, "replication must be a text"),
    ("ceph", {"rbd_storageclass_name": "A b"}, False, "rbd_storageclass_name: A b is not a name of Kubernetes."),
    ("ceph", {"rbd_provisioner_namespaces": "a,"}, False, "is not a name of Kubernetes."),
    ("file", {"x": "y"}, False, "x is not known for a file backend; known: none."),
    ("ceph-rook", {"deployment_model": "x"}, False, "must be one of controller, dedicated, open, not x."),
    ("ceph-rook", {"deployment_model": "dedicated"}, True, "dedicated needs workers"),
    ("ceph-rook", {"failure_domain": "rack"}, False, "failure_domain must be one of osd, host, not rack."),
    ("ceph-rook", {"failure_domain": "host"}, True, "failure_domain must be osd on a simplex system."),
    ("ceph-rook", {"failure_domain": "osd"}, False, "failure_domain must be host with deployment_model controller.")])
def test_capabilities_that_are_refused(backend: str, given: Any, simplex: bool, words: str) -> None:
    with pytest.raises(FlockError) as caught:
        capabilities.checked(BackendType(backend), given, simplex=simplex)
    assert words in str(caught.value)


@pytest.mark.parametrize(("system", "hosts", "model"), [
    (SIMPLEX, ClusterHosts(), "aio-sx"), (DUPLEX, ClusterHosts(), "controller-nodes"),
    (STANDARD, ClusterHosts(), "undefined"), (STANDARD, ClusterHosts(frozenset({"controller"})), "controller-nodes"),
    (STANDARD, ClusterHosts(worker_monitor=True), "controller-nodes"),
    (STANDARD, ClusterHosts(storage_hosts=("storage-0",)), "storage-nodes")])
def test_models(system: SystemView, hosts: ClusterHosts, model: str) -> None:
    assert clusters.ceph_model(system, hosts) == model


def test_groups_and_names_of_storage_hosts() -> None:
    names = ("storage-0", "storage-2", "worker-0", "storage-10")
    assert clusters.next_storage_name(names) == "storage-1" and clusters.next_storage_name(()) == "storage-0"
    assert [(one["name"], one["status"], one["hosts"]) for one in clusters.peers(names, 3)] == [
        ("group-0", "provisioning", ["storage-0", "storage-2"]), ("group-3", "provisioning", ["storage-10"])]
    assert clusters.group_hosts(4, 3) == ("storage-3", "storage-4", "storage-5")


@pytest.mark.parametrize(("changes", "words"), [
    ({"services": "rbd-provisioner"}, "services: cinder can not be removed; services can only be added."),
    ({"services": "cinder,block"}, "Service block is not supported by the ceph backend"),
    ({"services": "cinder,swift"}, "Service swift needs object_gateway=true."),
    ({"cinder_pool_gib": 60, "kube_pool_gib": 39}, "are 99 GiB together; they must equal the 100 GiB of the tier."),
    ({"network": "cluster-host"}, "network: it can only be changed before the backend is configured."),
    ({"capabilities": {"replication": "3"}}, "replication: it can not be changed while there are storage hosts")])
def test_changes_that_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(FlockError) as caught:
        rules.changed(CEPH, changes, storage_hosts=True)
    assert words in str(caught.value)


def test_changes() -> None:
    assert rules.changed(CEPH, {"services": "cinder,swift", "object_gateway": True}, storage_hosts=False) == {
        "services": "cinder,swift", "object_gateway": True}
    assert rules.changed(CEPH, {"cinder_pool_gib": 60, "kube_pool_gib": 40}, storage_hosts=False) == {
        "cinder_pool_gib": 60, "kube_pool_gib": 40}
    with pytest.raises(FlockError, match="object_gateway: it can only be enabled"):
        rules.changed(replace(CEPH, object_gateway=True), {"object_gateway": False}, storage_hosts=False)
    with pytest.raises(FlockError, match="can not be changed while it is configuring"):
        rules.changed(replace(CEPH, state=BackendState.CONFIGURING), {}, storage_hosts=False)
    with pytest.raises(FlockError, match="quotas can only be set when the size of the tier is known"):
        rules.check_quotas({"cinder_pool_gib": 1}, 0)
    with pytest.raises(FlockError, match="Services block and ecblock exclude each other"):
        rules.check_services(BackendType.ROOK, ("block", "ecblock"))
    with pytest.raises(FlockError, match="is configured; a ceph backend can only be deleted"):
        rules.check_delete(CEPH, tiers=0, stors=0, storage_hosts=0)


def stor(**more: Any) -> StorView:
    return StorView(1, "u", StorFunction.OSD, StorState.CONFIGURED, 1000, **more)


def test_osds_that_are_deleted() -> None:
    locked = host(administrative="locked")
    told: dict[str, Any] = {"simplex": True, "in_tier": 2, "force": False}
    assert osds.deleted_state(locked, stor(), CLUSTER, **told) is None
    with pytest.raises(FlockError, match="The only OSD of its tier can not be deleted on a simplex system."):
        osds.deleted_state(locked, stor(), CLUSTER, **{**told, "in_tier": 1})
    with pytest.raises(FlockError, match="while pools have one replica"):
        osds.deleted_state(locked, stor(), replace(CLUSTER, replication=1), **told)
    assert osds.deleted_state(locked, replace(stor(), state=StorState.ON_UNLOCK), CLUSTER, **{
        **told, "in_tier": 0}) is None
    rook = replace(CLUSTER, backend=BackendType.ROOK)
    assert osds.deleted_state(host(), stor(), rook, **told) == "deleting-with-app"
    assert osds.deleted_state(host(), stor(), rook, **{**told, "force": True}) == "force-deleting-with-app"


@pytest.mark.parametrize(("model", "personality", "functions", "fits"), [
    ("controller", "controller", "controller,worker", True), ("controller", "worker", "worker", False),
    ("dedicated", "worker", "worker", True), ("dedicated", "controller", "controller,worker", False),
    ("open", "controller", "controller", True), ("open", "worker", "worker", True),
    ("open", "storage", "storage", False)])
def test_hosts_of_rook(model: str, personality: str, functions: str, fits: bool) -> None:
    rook = replace(CLUSTER, backend=BackendType.ROOK, model=model)
    one = host(personality=personality, subfunctions=functions, administrative="locked")
    if fits:
        osds.check_host(one, rook)
    else:
        with pytest.raises(FlockError, match=f"the storage deployment model is {model}"):
            osds.check_host(one, rook)


def test_a_journal_disk_that_is_full() -> None:
    journal = replace(stor(journal_mib=800, journals=2), function=StorFunction.JOURNAL)
    with pytest.raises(FlockError, match="the journal disk has 198 MiB left, not 400"):
        osds.journal_place((journal,), None, None)
    # What the journal has there already counts for itself.
    assert osds.journal_place((journal,), "u", 500, held_mib=400).size_mib == 500
    assert osds.next_osdid([0, 1, 3]) == 2


@pytest.mark.parametrize(("system", "count", "state", "words"), [
    (SIMPLEX, 1, BackendState.CONFIGURED, "storage tier storage needs at least 2 OSDs on it."),
    (SIMPLEX, 2, BackendState.CONFIGURED, None), (DUPLEX, 0, BackendState.CONFIGURED, "needs at least 1 OSDs"),
    (DUPLEX, 1, BackendState.CONFIGURED, None), (SIMPLEX, 0, BackendState.FAILED, None)])
def test_what_an_all_in_one_controller_needs(system: SystemView, count: int, state: BackendState,
                                             words: str | None) -> None:
    one = host(personality="controller", subfunctions="controller,worker", hostname="controller-0")
    facts = StorFacts(count, (("storage", count),), replace(CLUSTER, state=state))
    found = osd_refusal(ActionFacts(one, system, "controller-0", resources={StorFacts: facts}))
    assert found is None if words is None else words in str(found)


def test_a_monitor_that_is_made_is_neither_deleted_nor_resized() -> None:
    made = monitors.MonitorView("worker-0", "worker", 20, BackendState.CONFIGURED)
    with pytest.raises(FlockError, match="A monitor can only be deleted when it is configuration-failed"):
        monitors.check_delete(made)
    with pytest.raises(FlockError, match="only the monitors of controllers can be resized"):
        monitors.check_resize(made, (), 30)
    with pytest.raises(FlockError, match="its size can only be changed before it is made"):
        monitors.check_resize(replace(made, personality="controller"), (made,), 30)
    with pytest.raises(FlockError, match="The monitor needs 40 GiB in cgts-vg of host worker-0, which has 0 GiB free."):
        rules.check_controllers(DUPLEX, [rules.Controller(host(administrative="locked"))])

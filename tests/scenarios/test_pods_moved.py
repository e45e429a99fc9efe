# SPDX-License-Identifier: Apache-2.0
"""The driver of pods against a real API server, scheduler and controllers, with the rights of the shipped account."""
from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flock.core.errors import Refused, Unavailable
from flock.testing.services.kubernetes import ApiRefused, KubernetesCluster
from flock.testing.services.process import wait_for
from patching.instances.kubernetes import CLOSED_BY_US, Kubernetes
from tests.scenarios.pods import CONTAINERS, NODES, PATHS, Site, make_account

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def cluster(kubernetes: KubernetesCluster) -> Iterator[KubernetesCluster]:
    make_account(kubernetes)
    kubernetes.add_nodes(NODES)
    yield kubernetes
    for name in NODES:
        kubernetes.kill_node(name)


@pytest.fixture
def site(cluster: KubernetesCluster, tmp_path: Path) -> Iterator[Site]:
    made = Site(cluster, tmp_path)
    yield made
    made.end(*NODES)


@pytest.fixture
def driver(site: Site) -> Kubernetes:
    return site.driver()


def is_closed(cluster: KubernetesCluster, name: str) -> tuple[bool, bool]:
    """Whether a node takes no pods, and whether it has our mark."""
    node = cluster.node(name)
    return (bool(node["spec"].get("unschedulable")), CLOSED_BY_US in node["metadata"].get("annotations", {}))


def test_pods_leave_a_closed_node_and_come_up_on_others(site: Site, driver: Kubernetes) -> None:
    site.deploy("web", 6)
    before = site.ready("web", "compute-0")
    assert before
    driver.close_host("compute-0")
    assert is_closed(site.cluster, "compute-0") == (True, True)
    site.drain(driver, "compute-0")
    wait_for(lambda: len(site.ready("web")) == 6, 120, "the pods to be ready elsewhere", 0.2)
    assert not site.ready("web", "compute-0") and not set(before) & set(site.ready("web"))
    driver.open_host("compute-0")
    assert is_closed(site.cluster, "compute-0") == (False, False)
    site.deploy("again", 3, apart=True)
    assert site.ready("again", "compute-0")


def test_a_budget_that_allows_no_disruption_holds_a_pod_and_the_reason_names_it(site: Site, driver: Kubernetes) -> None:
    site.deploy("web", 2)
    site.budget("web", 2)
    found = {one.id: one for one in driver.look().instances.values() if one.id.startswith(site.namespace)}
    assert {group for one in found.values() for group in one.apart} == {f"budget {site.namespace}/web"}
    victim = min(found)
    with pytest.raises(Refused, match=f"pod {victim} cannot be evicted: Cannot evict pod as it would violate the pod's "
                                      "disruption budget. The disruption budget web needs 2 healthy pods and has 2"):
        driver.move(victim)
    assert len(site.ready("web")) == 2
    site.budget("web", 1)
    driver.close_host(found[victim].host)
    driver.move(victim)
    wait_for(lambda: victim.partition("/")[2] not in site.ready("web") and len(site.ready("web")) == 2, 120,
             "the pod to run elsewhere", 0.2)
    assert not set(site.ready("web", found[victim].host)) - {one.partition("/")[2] for one in found}


def test_a_pod_of_two_budgets_is_told_though_the_server_answers_with_success(site: Site, driver: Kubernetes) -> None:
    site.deploy("web", 2)
    site.budget("web", 1)
    site.budget("more", 1, of="web")
    (pod, *_) = sorted(one for one in driver.look().instances if one.startswith(site.namespace))
    with pytest.raises(Refused, match=f"{pod} cannot be evicted: This pod has more than one PodDisruptionBudget"):
        driver.move(pod)
    assert len(site.ready("web")) == 2


def test_pods_of_the_node_itself_stay(site: Site, driver: Kubernetes) -> None:
    site.deploy("agent", 3, kind="DaemonSet")
    site.cluster.run_statically("compute-1", {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "static", "namespace": site.namespace},
        "spec": {"containers": CONTAINERS}})
    site.deploy("web", 3, apart=True)
    driver.close_host("compute-1")
    assert len(site.left(driver, "compute-1")) == 1
    driver.move(site.left(driver, "compute-1")[0])
    wait_for(lambda: not site.left(driver, "compute-1"), 60, "the pod to leave", 0.2)
    assert len(site.ready("agent", "compute-1")) == 1
    assert site.cluster.ask("GET", f"/api/v1/namespaces/{site.namespace}/pods/static-compute-1")["status"]


def test_a_pod_without_controller_is_told_and_kept(site: Site, driver: Kubernetes) -> None:
    site.alone("lonely", "compute-0")
    one = driver.look().instances[f"{site.namespace}/lonely"]
    assert "no controller would start it" in one.stays
    with pytest.raises(Refused, match="lonely cannot be evicted: no controller would start it on another node"):
        driver.move(one.id)
    assert site.ready("lonely") == ["lonely"]


def test_the_cordon_of_somebody_else_stays(site: Site, driver: Kubernetes) -> None:
    path = "/api/v1/nodes/compute-2"
    site.cluster.ask("PATCH", path, {"spec": {"unschedulable": True}})
    driver.close_host("compute-2")
    driver.open_host("compute-2")
    assert is_closed(site.cluster, "compute-2") == (True, False)
    site.cluster.ask("PATCH", path, {"spec": {"unschedulable": None}})
    driver.close_host("compute-2")
    site.cluster.ask("PATCH", path, {"spec": {"unschedulable": None}})
    driver.open_host("compute-2")
    assert is_closed(site.cluster, "compute-2") == (False, False)
    for call in (driver.close_host, driver.open_host):
        call("not-a-node")


def test_another_driver_goes_on_where_one_was_killed(site: Site, driver: Kubernetes) -> None:
    """Everything that a driver must know later is in the cluster."""
    site.deploy("web", 3, kind="StatefulSet", apart=True)
    driver.close_host("compute-0")
    (pod,) = site.left(driver, "compute-0")
    assert {group.partition(" ")[0] for group in driver.look().instances[pod].apart} == {"controller"}
    driver.move(pod)
    second = site.driver()
    second.close_host("compute-0")
    wait_for(lambda: not site.left(second, "compute-0"), 60, "the pod to leave", 0.2)
    assert is_closed(site.cluster, "compute-0") == (True, True)
    # It must not run with another one of its kind, so it waits for the node.
    wait_for(lambda: len(site.ready("web")) == 2, 60, "the other pods", 0.2)
    site.driver().open_host("compute-0")
    wait_for(lambda: len(site.ready("web")) == 3, 120, "the pod to come back", 0.2)
    assert len(site.ready("web", "compute-0")) == 1


def test_the_shipped_account_may_do_nothing_else(site: Site) -> None:
    site.deploy("web", 1)
    (pod,) = site.ready("web")
    pods = f"/api/v1/namespaces/{site.namespace}/pods"
    review = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    allowed = []
    kinds = (("", "nodes"), ("", "pods"), ("", "pods/eviction"), ("", "secrets"), ("", "serviceaccounts/token"),
             ("apps", "deployments"), ("policy", "poddisruptionbudgets"),
             ("rbac.authorization.k8s.io", "clusterrolebindings"))
    verbs = ("get", "list", "watch", "create", "patch", "update", "delete")
    for verb, (group, resource) in itertools.product(verbs, kinds):
        name, _, part = resource.partition("/")
        answer = site.cluster.ask("POST", review, {
            "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": {
                "user": "system:serviceaccount:kube-system:flock-patching", "groups": ["system:authenticated"],
                "resourceAttributes": {"verb": verb, "group": group, "resource": name, "subresource": part}}})
        if answer["status"]["allowed"]:
            allowed.append(f"{verb} {resource}")
    assert sorted(allowed) == ["create pods/eviction", "get nodes", "get pods", "list poddisruptionbudgets",
                               "list pods", "patch nodes"]
    assert site.cluster.ask("GET", f"{pods}/{pod}")


def test_a_token_is_rotated_in_its_file(site: Site, driver: Kubernetes) -> None:
    assert driver.look()
    account = f"{PATHS['ServiceAccount']}/flock-patching"
    site.cluster.ask("DELETE", account)
    with pytest.raises(Refused, match="Unauthorized"):
        wait_for(lambda: driver.look() is None, 60, "the old token to be void", 0.5)
    make_account(site.cluster)
    # The same driver, as it is in a running orchestrator.
    site.token.write_text(site.cluster.token("kube-system", "flock-patching") + "\n")
    wait_for(lambda: looks(driver), 60, "the new token to be known", 0.5)


def looks(driver: Kubernetes) -> bool:
    try:
        driver.look()
    except Refused:
        return False
    return True


def test_an_api_server_that_is_away_or_silent_is_told_in_time(site: Site) -> None:
    driver = site.driver(timeout_s=2)
    driver.look()
    site.cluster.freeze_api()
    try:
        begun = time.monotonic()
        with pytest.raises(Unavailable, match="kubernetes.*cannot be read.*timed out"):
            driver.look()
        assert time.monotonic() - begun < 10
    finally:
        site.cluster.thaw_api()
    driver.look()
    site.cluster.kill_api()
    try:
        begun = time.monotonic()
        with pytest.raises(Unavailable, match="kubernetes.*node compute-0 cannot be read.*refused"):
            driver.close_host("compute-0")
        assert time.monotonic() - begun < 10
    finally:
        site.cluster.start_api()
    driver.close_host("compute-0")
    assert is_closed(site.cluster, "compute-0") == (True, True)
    with pytest.raises(ApiRefused):
        site.cluster.ask("GET", "/api/v1/nodes/not-a-node")

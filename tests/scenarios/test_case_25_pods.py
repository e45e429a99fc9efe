# SPDX-License-Identifier: Apache-2.0
"""Scenario 25 with pods: workers in parallel on a real Kubernetes, whose nodes go down and come back with the hosts."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flock.testing.services.keystone import KeystoneServer
from flock.testing.services.kubernetes import KubernetesCluster
from flock.testing.services.process import wait_for
from flock.testing.services.rabbitmq import RabbitNode
from patching.instances.kubernetes import CLOSED_BY_US
from tests.functional.patching.inventory import Inventory
from tests.functional.patching.neighbours import Neighbours
from tests.functional.patching.orchestrated import ENDED, OrchestratedCloud, stages
from tests.scenarios.pods import NODES, Site, make_account

pytestmark = pytest.mark.timeout(1200)


class PodNeighbours(Neighbours):
    """Hosts that are nodes of a cluster: a locked one is off, as during its reboot."""

    def __init__(self, inventory: Inventory, site: Site) -> None:
        super().__init__(inventory)
        self.site = site

    def running(self, host: str) -> list[str]:
        return [*self.site.ready("web", host), *self.site.ready("pair", host)]

    def acted(self, name: str, action: str) -> None:
        if name in NODES and action == "lock":
            self.site.cluster.kill_node(name)
        elif name in NODES and action == "unlock":
            self.site.cluster.add_nodes([name])
        super().acted(name, action)


class PodCloud(OrchestratedCloud):
    """The cloud whose orchestrator moves pods."""

    def __init__(self, site: Site, *arguments: Any) -> None:
        self.site = site
        super().__init__(*arguments)
        self.orchestrator_options = {"instances": "kubernetes", "kubeconfig": site.kubeconfig}

    def make_neighbours(self) -> Neighbours:
        return PodNeighbours(self.inventory, self.site)

    def closed(self) -> list[str]:
        """Nodes with the mark of our cordon."""
        return [name for name in NODES
                if CLOSED_BY_US in self.site.cluster.node(name)["metadata"].get("annotations", {})]


@pytest.fixture
def cloud(kubernetes: KubernetesCluster, tmp_path: Path, rabbit: RabbitNode,
          keystone: KeystoneServer) -> Iterator[PodCloud]:
    make_account(kubernetes)
    kubernetes.add_nodes(NODES)
    site = Site(kubernetes, tmp_path)
    made = PodCloud(site, "STD", tmp_path / "STD", f"sqlite:///{tmp_path}/test.sqlite", rabbit.new_vhost_url(),
                    keystone)
    try:
        made.begin()
        yield made
    finally:
        made.end()
        site.end(*NODES)
        for name in NODES:
            kubernetes.kill_node(name)


def test_case_25_pods_are_evicted_before_their_host_reboots(cloud: PodCloud) -> None:
    site = cloud.site
    cloud.upload(cloud.patch("10.0.1", reboot_required=True))
    site.deploy("web", 5)
    site.deploy("agent", 3, kind="DaemonSet")
    # Two pods that never go down together, wherever they run.
    site.deploy("pair", 2, apart=True)
    site.budget("pair", 1)
    hosts = {node for node in NODES if site.ready("pair", node)}
    assert len(hosts) == 2
    built = cloud.create(worker_apply_type="parallel", max_parallel_worker_hosts="2",
                         default_instance_action="migrate")
    assert (built["state"], built["build-phase"]["reason"]) == ("ready-to-apply", "")
    together = [set(line.split()[1:]) for line in stages(built) if line.startswith("worker-hosts")]
    assert sorted(map(len, together)) == [1, 2] and hosts not in together
    cloud.percent.clear()
    done = cloud.apply()
    assert done["state"] == "applied", done["apply-phase"]["reason"]
    assert cloud.percent == sorted(cloud.percent)
    assert cloud.neighbours.objections == []
    assert sorted(cloud.actions("lock")) == [f"lock {name}" for name in sorted(cloud.inventory.hosts)]
    assert cloud.closed() == []
    assert {agent.facts.version for agent in cloud.agents.values()} == {"10.0.1"}
    wait_for(lambda: [len(site.ready(name)) for name in ("web", "pair", "agent")] == [5, 2, 3], 120,
             "all pods to run at the end", 0.3)


def test_case_25_a_budget_holds_a_host_up_and_a_killed_orchestrator_goes_on(cloud: PodCloud) -> None:
    site = cloud.site
    cloud.upload(cloud.patch("10.0.1", reboot_required=True))
    site.deploy("web", 3, apart=True)
    site.budget("web", 3)
    site.alone("lonely", "compute-1")
    refused = cloud.create(worker_apply_type="serial", default_instance_action="migrate")
    assert refused["state"] == "build-failed"
    assert refused["build-phase"]["reason"] == (
        "these instances cannot be moved, because no controller would start it on another node: delete it, or move it "
        f"yourself: {site.namespace}/lonely on compute-1")
    assert cloud.delete().status_code == 204
    site.cluster.ask("DELETE", f"/api/v1/namespaces/{site.namespace}/pods/lonely")
    wait_for(lambda: "lonely" not in {pod["metadata"]["name"] for pod in site.cluster.pods(site.namespace)}, 60,
             "the pod to go", 0.2)
    cloud.create(worker_apply_type="serial", default_instance_action="migrate")
    assert cloud.act("apply-all").status_code == 202
    # Between cordon and drain: the budget does not let the pod go, which the strategy tells.
    held = cloud.when(lambda now: "The disruption budget web needs 3 healthy pods" in str(now))
    assert held["state"] == "applying" and cloud.closed() == ["compute-0"]
    cloud.kill_orchestrator()
    assert len(site.ready("web")) == 3
    site.budget("web", 2)
    cloud.start_orchestrator()
    done = cloud.when(lambda now: now["state"] in ENDED)
    assert done["state"] == "applied", done["apply-phase"]["reason"]
    assert cloud.neighbours.objections == [] and cloud.closed() == []
    wait_for(lambda: len(site.ready("web")) == 3, 120, "all pods to run at the end", 0.3)

# SPDX-License-Identifier: Apache-2.0
"""What operators run on a Kubernetes: deployments, budgets, pods of all kinds; and the account of the orchestrator."""
from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import yaml

from flock.testing.services.kubernetes import Json, KubernetesCluster, is_up
from flock.testing.services.process import wait_for
from patching.instances.kubernetes import Kubernetes

ACCOUNT = Path(__file__).resolve().parents[2] / "etc/patching/kubernetes-account.yaml"
PATHS = {"ServiceAccount": "/api/v1/namespaces/kube-system/serviceaccounts",
         "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
         "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"}
NODES = ("compute-0", "compute-1", "compute-2")
CONTAINERS = [{"name": "main", "image": "registry.invalid/main:1"}]


def make_account(cluster: KubernetesCluster) -> None:
    """Make the account of the manifest that is shipped."""
    for one in yaml.safe_load_all(ACCOUNT.read_text()):
        if not cluster.ask("GET", f"{PATHS[one['kind']]}/{one['metadata']['name']}", may_miss=True):
            cluster.ask("POST", PATHS[one["kind"]], one)


class Site:
    """A namespace with what runs in it, and the driver with the shipped account."""

    def __init__(self, cluster: KubernetesCluster, folder: Path) -> None:
        self.cluster, self.folder = cluster, folder
        self.namespace = f"app-{uuid.uuid4().hex[:6]}"
        cluster.ask("POST", "/api/v1/namespaces", {"metadata": {"name": self.namespace}})
        wait_for(lambda: cluster.ask("GET", f"/api/v1/namespaces/{self.namespace}/serviceaccounts/default",
                                     may_miss=True).get("secrets"), 60, "the account of pods", 0.2)
        self.token = folder / "token"
        self.token.write_text(cluster.token("kube-system", "flock-patching"))
        self.kubeconfig = cluster.kubeconfig(folder / "kubeconfig", token_file=self.token)

    def driver(self, timeout_s: float = 30.0) -> Kubernetes:
        return Kubernetes(str(self.kubeconfig), timeout_s)

    def deploy(self, name: str, replicas: int, *, kind: str = "Deployment", apart: bool = False) -> None:
        """Returns when all pods are ready."""
        labels = {"app": name}
        spec: Json = {"containers": CONTAINERS, "terminationGracePeriodSeconds": 1}
        if apart:
            spec["affinity"] = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
                {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": labels}}]}}
        made: Json = {"metadata": {"name": name}, "spec": {
            "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": spec}}}
        if kind != "DaemonSet":
            made["spec"]["replicas"] = replicas
        if kind == "StatefulSet":
            made["spec"]["serviceName"] = name
        self.cluster.ask("POST", f"/apis/apps/v1/namespaces/{self.namespace}/{kind.lower()}s", made)
        wait_for(lambda: len(self.ready(name)) == replicas, 120, f"{replicas} pods of {name}", 0.2)

    def alone(self, name: str, node: str, **meta: Any) -> None:
        """A pod that no controller has made."""
        self.cluster.ask("POST", f"/api/v1/namespaces/{self.namespace}/pods", {
            "metadata": {"name": name, "labels": {"app": name}, **meta},
            "spec": {"containers": CONTAINERS, "nodeName": node, "terminationGracePeriodSeconds": 1}})
        wait_for(lambda: self.ready(name), 60, f"pod {name}", 0.2)

    def budget(self, name: str, available: int, of: str = "") -> None:
        """A disruption budget for the pods of ``of`` or else of ``name``; returns when it has counted them."""
        of = of or name
        path = f"/apis/policy/v1beta1/namespaces/{self.namespace}/poddisruptionbudgets"
        if self.cluster.ask("GET", f"{path}/{name}", may_miss=True):
            self.cluster.ask("PATCH", f"{path}/{name}", {"spec": {"minAvailable": available}})
        else:
            self.cluster.ask("POST", path, {"metadata": {"name": name}, "spec": {
                "minAvailable": available, "selector": {"matchLabels": {"app": of}}}})

        def is_counted() -> bool:
            found = self.cluster.ask("GET", f"{path}/{name}")
            status = found.get("status", {})
            return (status.get("observedGeneration"), status.get("desiredHealthy")) == (
                found["metadata"]["generation"], available) and status.get("currentHealthy") == len(self.ready(of))

        wait_for(is_counted, 60, f"budget {name}", 0.2)

    def ready(self, name: str, node: str = "") -> list[str]:
        """Names of the ready pods of ``name``, on a node or on any."""
        return sorted(pod["metadata"]["name"] for pod in self.cluster.pods(self.namespace)
                      if pod["metadata"].get("labels", {}).get("app") == name and is_up(pod)
                      and node in ("", pod["spec"].get("nodeName")))

    def left(self, driver: Kubernetes, node: str) -> list[str]:
        """What the driver still finds of this namespace on a node."""
        return sorted(one.id for one in driver.look().instances.values()
                      if one.host == node and one.id.startswith(f"{self.namespace}/"))

    def drain(self, driver: Kubernetes, node: str) -> None:
        """Move everything away, as the steps of a strategy do."""
        def is_empty() -> bool:
            here = self.left(driver, node)
            for name in here:
                driver.move(name)
            return not here

        wait_for(is_empty, 120, f"{node} to be empty", 0.3)

    def end(self, *nodes: str) -> None:
        """Remove everything, and lift all cordons."""
        self.cluster.ask("DELETE", f"/api/v1/namespaces/{self.namespace}")
        for name in nodes:
            self.cluster.ask("PATCH", f"/api/v1/nodes/{name}", {"spec": {"unschedulable": None}, "metadata": {
                "annotations": {"software.flock/closed": None}}})

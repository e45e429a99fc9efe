# SPDX-License-Identifier: Apache-2.0
"""Pods of Kubernetes: nodes are cordoned, pods evicted, so that disruption budgets are kept.

A pod cannot be stopped and started where it is; without a move it goes down and comes back with its host.
"""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flock.core.errors import Refused
from flock.kubernetes.api import Json
from patching.core.strategy.picture import Instance, InstanceState
from patching.instances.interface import Workload
from patching.instances.podapi import PodApi

TIMEOUT_S = 30.0
CLOSED_BY_US = "software.flock/closed"
"""Annotation of a node that was cordoned here; others' cordons are not lifted."""
MIRROR = "kubernetes.io/config.mirror"
STAYS = "no controller would start it on another node: delete it, or move it yourself"
CHANGES_MAX = 5
"""How often a change of a node is tried that somebody else's change has overtaken."""
_ENDED = ("Succeeded", "Failed")


class Kubernetes:
    """Pods by ``namespace/name``. ``kubeconfig``: path of the file with server and credentials."""

    def __init__(self, kubeconfig: str, timeout_s: float = TIMEOUT_S) -> None:
        self._api = PodApi(kubeconfig, timeout_s)

    def look(self) -> Workload:
        """All pods that a reboot of their node would stop and that something starts again."""
        budgets = list(self._api.budgets())
        found = (_instance(pod, budgets) for pod in self._api.pods() if _counts(pod))
        return Workload({one.id: one for one in found})

    def close_host(self, hostname: str) -> None:
        """Cordon the node."""
        self._cordon(hostname, True)

    def open_host(self, hostname: str) -> None:
        """Lift the cordon that was put on the node here."""
        self._cordon(hostname, False)

    def move(self, instance_id: str) -> None:
        """Evict the pod; its controller starts another one elsewhere."""
        namespace, _, name = instance_id.partition("/")
        pod = self._api.pod(namespace, name)
        if pod is None or pod["metadata"].get("deletionTimestamp"):
            return
        if not pod["metadata"].get("ownerReferences"):
            raise Refused(detail=f"pod {instance_id} cannot be evicted: {STAYS}")
        self._api.evict(namespace, name, pod["metadata"]["uid"])

    def confirm_move(self, instance_id: str) -> None:
        """A pod needs no confirmation."""

    def stop(self, instance_id: str) -> None:
        """Refused: pods are not stopped."""
        raise Refused(detail=f"pod {instance_id} cannot be stopped where it is")

    def start(self, instance_id: str) -> None:
        """Refused: pods are not started."""
        raise Refused(detail=f"pod {instance_id} cannot be started where it is")

    def _cordon(self, hostname: str, is_closed: bool) -> None:
        """The mark and the cordon are one change, so that a kill leaves both or none."""
        changes = {"spec": {"unschedulable": is_closed or None},
                   "metadata": {"annotations": {CLOSED_BY_US: "true" if is_closed else None}}}
        for _ in range(CHANGES_MAX):
            node = self._api.node(hostname)
            if node is None:
                return
            is_ours = CLOSED_BY_US in (node["metadata"].get("annotations") or {})
            if bool(node["spec"].get("unschedulable")) if is_closed else not is_ours:
                return
            if self._api.patch_node(hostname, node["metadata"]["resourceVersion"], changes):
                return
        raise Refused(detail=f"node {hostname} is changed by somebody else all the time")


def _counts(pod: Json) -> bool:
    owners = pod["metadata"].get("ownerReferences") or ()
    return (bool(pod["spec"].get("nodeName")) and pod["status"].get("phase") not in _ENDED
            and MIRROR not in (pod["metadata"].get("annotations") or {})
            and not any(owner["kind"] in ("DaemonSet", "Node") for owner in owners))


def _instance(pod: Json, budgets: list[Json]) -> Instance:
    meta = pod["metadata"]
    apart = {f"budget {meta['namespace']}/{budget['metadata']['name']}" for budget in budgets
             if budget["metadata"]["namespace"] == meta["namespace"] and _is_tight(budget)
             and selects(budget["spec"].get("selector") or {}, meta.get("labels") or {})}
    affinity = (pod["spec"].get("affinity") or {}).get("podAntiAffinity") or {}
    if affinity.get("requiredDuringSchedulingIgnoredDuringExecution"):
        apart |= {f"controller {owner['uid']}" for owner in meta.get("ownerReferences") or ()}
    state = InstanceState.MOVING if meta.get("deletionTimestamp") else InstanceState.RUNNING
    return Instance(f"{meta['namespace']}/{meta['name']}", pod["spec"]["nodeName"], apart=frozenset(apart), state=state,
                    can_stop=False, stays="" if meta.get("ownerReferences") else STAYS)


def _is_tight(budget: Json) -> bool:
    """Whether two of its pods may not go down together."""
    allowed = budget.get("status", {}).get("disruptionsAllowed", 0)
    return isinstance(allowed, int) and allowed < 2


def selects(selector: Json, labels: Mapping[str, str]) -> bool:
    """Whether a label selector selects what has these labels; an empty one selects everything."""
    for name, value in (selector.get("matchLabels") or {}).items():
        if labels.get(name) != value:
            return False
    return all(_matches(one, labels) for one in selector.get("matchExpressions") or ())


def _matches(expression: Json, labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or ()
    found = {"In": key in labels and labels[key] in values, "NotIn": labels.get(key) not in values,
             "Exists": key in labels, "DoesNotExist": key not in labels}
    return found.get(expression["operator"], False)


def driver(conf: Any) -> Kubernetes:
    """The driver with the options of the orchestrator."""
    return Kubernetes(conf.orchestrator.kubeconfig)

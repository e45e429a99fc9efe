# SPDX-License-Identifier: Apache-2.0
"""Pods of Kubernetes: nodes are cordoned, pods evicted, so that disruption budgets are kept.

A pod cannot be stopped and started where it is; without a move it goes down and comes back with its host.
"""
from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kubernetes import client, config
from urllib3.exceptions import HTTPError

from flock.core.errors import Refused, Unavailable
from patching.core.strategy.picture import Instance, InstanceState
from patching.instances.interface import Workload

PAGE_MAX = 500
TIMEOUT_S = 30.0
CLOSED_BY_US = "software.flock/closed"
"""Annotation of a node that was cordoned here; others' cordons are not lifted."""
MIRROR = "kubernetes.io/config.mirror"
_ENDED = ("Succeeded", "Failed")
Json = Mapping[str, Any]


@contextlib.contextmanager
def _errors(what: str) -> Iterator[None]:
    """Turn errors of the client into those of the drivers' interface."""
    try:
        yield
    except client.ApiException as error:
        if error.status is None or not 400 <= error.status < 500:
            raise Unavailable(service="kubernetes", reason=f"{what}: {error.status} {error.reason}") from error
        raise Refused(detail=f"{what}: {_message(error)}") from error
    except (HTTPError, OSError, config.ConfigException) as error:
        raise Unavailable(service="kubernetes", reason=f"{what}: {error}") from error


class Kubernetes:
    """Pods by ``namespace/name``. ``kubeconfig``: path of the file with server and credentials."""

    def __init__(self, kubeconfig: str, timeout_s: float = TIMEOUT_S) -> None:
        self._kubeconfig, self._timeout_s = kubeconfig, timeout_s

    def look(self) -> Workload:
        """All pods that a reboot of their node would stop and that something starts again."""
        with _errors("the pods cannot be read"):
            budgets = list(self._budgets())
            pods = list(self._pods())
        found = (_instance(pod, budgets) for pod in pods if _counts(pod))
        return Workload({one.id: one for one in found})

    def close_host(self, hostname: str) -> None:
        """Cordon the node."""
        with _errors(f"node {hostname} cannot be cordoned"):
            node = self._node(hostname)
            if node is not None and not node["spec"].get("unschedulable"):
                self._patch(hostname, True)

    def open_host(self, hostname: str) -> None:
        """Lift the cordon that was put on the node here."""
        with _errors(f"node {hostname} cannot be uncordoned"):
            node = self._node(hostname)
            if node is not None and CLOSED_BY_US in (node["metadata"].get("annotations") or {}):
                self._patch(hostname, False)

    def move(self, instance_id: str) -> None:
        """Evict the pod; its controller starts another one elsewhere."""
        namespace, _, name = instance_id.partition("/")
        with _errors(f"pod {instance_id} cannot be evicted"):
            pod = self._pod(namespace, name)
            if pod is None or pod["metadata"].get("deletionTimestamp"):
                return
            if not pod["metadata"].get("ownerReferences"):
                raise Refused(detail=f"pod {instance_id} has no controller that would start it on another node: delete "
                                     "it, or move it yourself")
            body = {"apiVersion": self._eviction_version, "kind": "Eviction",
                    "metadata": {"name": name, "namespace": namespace}}
            with _gone_is_well():
                self._raw(self._core.create_namespaced_pod_eviction, name, namespace, body)

    def confirm_move(self, instance_id: str) -> None:
        """A pod needs no confirmation."""

    def stop(self, instance_id: str) -> None:
        """Refused: pods are not stopped."""
        raise Refused(detail=f"pod {instance_id} cannot be stopped where it is")

    def start(self, instance_id: str) -> None:
        """Refused: pods are not started."""
        raise Refused(detail=f"pod {instance_id} cannot be started where it is")

    @functools.cached_property
    def _client(self) -> Any:
        make: Any = config.new_client_from_config
        return make(self._kubeconfig)

    @functools.cached_property
    def _core(self) -> Any:
        return client.CoreV1Api(self._client)

    @functools.cached_property
    def _eviction_version(self) -> str:
        """``policy/v1``, or what an older server names."""
        found = self._raw(self._core.get_api_resources)["resources"]
        one = next((item for item in found if item["name"] == "pods/eviction"), None)
        if one is None:
            raise Refused(detail="this server of Kubernetes has no Eviction API")
        return f"{one['group']}/{one['version']}" if one.get("group") else "policy/v1beta1"

    def _pods(self) -> Iterator[Json]:
        return self._listed(self._core.list_pod_for_all_namespaces)

    def _budgets(self) -> Iterator[Json]:
        group, _, version = self._eviction_version.partition("/")
        page = client.CustomObjectsApi(self._client).list_cluster_custom_object
        return self._listed(functools.partial(page, group, version, "poddisruptionbudgets"))

    def _listed(self, page: Callable[..., Any]) -> Iterator[Json]:
        after = None
        while True:
            found = self._raw(page, limit=PAGE_MAX, _continue=after)
            yield from found["items"]
            after = found["metadata"].get("continue")
            if not after:
                return

    def _node(self, name: str) -> Json | None:
        with _gone_is_well():
            return self._raw(self._core.read_node, name)
        return None

    def _pod(self, namespace: str, name: str) -> Json | None:
        with _gone_is_well():
            return self._raw(self._core.read_namespaced_pod, name, namespace)
        return None

    def _raw(self, call: Callable[..., Any], *arguments: Any, **words: Any) -> Json:
        """The answer as it is: the client's classes know one version of the server, and take long for many pods."""
        reply = call(*arguments, _preload_content=False, _request_timeout=self._timeout_s, **words)
        found: Json = json.loads(reply.data)
        return found

    def _patch(self, hostname: str, is_closed: bool) -> None:
        body = {"spec": {"unschedulable": is_closed or None},
                "metadata": {"annotations": {CLOSED_BY_US: "true" if is_closed else None}}}
        self._raw(self._core.patch_node, hostname, body)


@contextlib.contextmanager
def _gone_is_well() -> Iterator[None]:
    try:
        yield
    except client.ApiException as error:
        if error.status != 404:
            raise


def _message(error: Any) -> str:
    try:
        return str(json.loads(error.body)["message"])
    except (TypeError, ValueError, KeyError):
        return f"{error.status} {error.reason}"


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
                    can_stop=False)


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

# SPDX-License-Identifier: Apache-2.0
"""What the driver of pods asks an API server of Kubernetes."""
from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from flock.core.errors import Refused
from flock.kubernetes.api import MISSING, ApiException, Json, KubernetesApi, errors, message

_INTERNAL = 500


class PodApi(KubernetesApi):
    """Nodes, pods and budgets."""

    def __init__(self, kubeconfig: str, timeout_s: float) -> None:
        super().__init__(kubeconfig, timeout_s)
        self._policy = ""

    def pods(self) -> Iterator[Json]:
        """All pods."""
        return self.listed("the pods cannot be read", "/api/v1/pods")

    def budgets(self) -> Iterator[Json]:
        """All disruption budgets."""
        what = "the disruption budgets cannot be read"
        return self.listed(what, f"/apis/{self._policy_version(what)}/poddisruptionbudgets")

    def pod(self, namespace: str, name: str) -> Json | None:
        """A pod; None for one that does not exist."""
        return self.one(f"pod {namespace}/{name} cannot be read", _pod_path(namespace, name))

    def evict(self, namespace: str, name: str, uid: str) -> None:
        """Evict the pod; nothing for one that does not exist any more. ``uid``: a pod of a StatefulSet comes back with
        its name, and is another one."""
        what = f"pod {namespace}/{name} cannot be evicted"
        body = {"apiVersion": self._policy_version(what), "kind": "Eviction",
                "metadata": {"name": name, "namespace": namespace},
                "deleteOptions": {"preconditions": {"uid": uid}}}
        found: Json = {}
        with errors(what):
            try:
                found = self.ask("POST", f"{_pod_path(namespace, name)}/eviction", body)
            except ApiException as error:
                if error.status == _INTERNAL and "PodDisruptionBudget" in message(error):
                    raise Refused(detail=f"{what}: {message(error)}") from error
                if error.status != MISSING:
                    raise
        # For a pod of two budgets some servers answer 500, and some 201 with a failure in the body.
        if (found.get("kind"), found.get("status")) == ("Status", "Failure"):
            raise Refused(detail=f"{what}: {found.get('message') or 'the server gives no reason'}")

    def _policy_version(self, what: str) -> str:
        """``policy/v1``, or what an older server names."""
        if not self._policy:
            with errors(what):
                found = self.ask("GET", "/api/v1")["resources"]
            one = next((item for item in found if item["name"] == "pods/eviction"), None)
            if one is None:
                raise Refused(detail="this server of Kubernetes has no Eviction API")
            self._policy = f"{one['group']}/{one['version']}" if one.get("group") else "policy/v1beta1"
        return self._policy


def _pod_path(namespace: str, name: str) -> str:
    return f"/api/v1/namespaces/{quote(namespace, safe='')}/pods/{quote(name, safe='')}"

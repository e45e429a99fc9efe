# SPDX-License-Identifier: Apache-2.0
"""What the driver asks an API server of Kubernetes, in JSON as the server has it: the classes of the client library
know one version of the server, and take long for many pods."""
from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from kubernetes import client, config
from urllib3.exceptions import HTTPError

from flock.core.errors import Refused, Unavailable

PAGE_MAX = 500
_UNAUTHORIZED, _MISSING, _CONFLICT, _INTERNAL = 401, 404, 409, 500
_MERGE = {"Content-Type": "application/merge-patch+json"}
Json = Mapping[str, Any]


class PodApi:
    """Nodes, pods and budgets. ``kubeconfig``: path of the file with server and credentials.

    The file, and the file of a token that it names, are read again when the server does not know the token any more,
    and after it could not be reached: both may have been replaced. Refused with the server's reason; Unavailable.
    """

    def __init__(self, kubeconfig: str, timeout_s: float) -> None:
        self._kubeconfig, self._timeout_s = kubeconfig, timeout_s
        self._client: Any = None
        self._policy = ""

    def pods(self) -> Iterator[Json]:
        """All pods."""
        return self._listed("the pods cannot be read", "/api/v1/pods")

    def budgets(self) -> Iterator[Json]:
        """All disruption budgets."""
        what = "the disruption budgets cannot be read"
        return self._listed(what, f"/apis/{self._policy_version(what)}/poddisruptionbudgets")

    def node(self, name: str) -> Json | None:
        """A node; None for one that does not exist."""
        return self._one(f"node {name} cannot be read", f"/api/v1/nodes/{quote(name, safe='')}")

    def patch_node(self, name: str, version: str, changes: Json) -> bool:
        """Merge these changes into the node, unless it is not of this version any more: then False."""
        body = {**changes, "metadata": {**changes["metadata"], "resourceVersion": version}}
        with _errors(f"node {name} cannot be changed"):
            try:
                self._ask("PATCH", f"/api/v1/nodes/{quote(name, safe='')}", body)
            except client.ApiException as error:
                if error.status != _CONFLICT:
                    raise
                return False
        return True

    def pod(self, namespace: str, name: str) -> Json | None:
        """A pod; None for one that does not exist."""
        return self._one(f"pod {namespace}/{name} cannot be read", _pod_path(namespace, name))

    def evict(self, namespace: str, name: str, uid: str) -> None:
        """Evict the pod; nothing for one that does not exist any more. ``uid``: a pod of a StatefulSet comes back with
        its name, and is another one."""
        what = f"pod {namespace}/{name} cannot be evicted"
        body = {"apiVersion": self._policy_version(what), "kind": "Eviction",
                "metadata": {"name": name, "namespace": namespace},
                "deleteOptions": {"preconditions": {"uid": uid}}}
        found: Json = {}
        with _errors(what):
            try:
                found = self._ask("POST", f"{_pod_path(namespace, name)}/eviction", body)
            except client.ApiException as error:
                if error.status == _INTERNAL and "PodDisruptionBudget" in _message(error):
                    raise Refused(detail=f"{what}: {_message(error)}") from error
                if error.status != _MISSING:
                    raise
        # For a pod of two budgets some servers answer 500, and some 201 with a failure in the body.
        if (found.get("kind"), found.get("status")) == ("Status", "Failure"):
            raise Refused(detail=f"{what}: {found.get('message') or 'the server gives no reason'}")

    def _policy_version(self, what: str) -> str:
        """``policy/v1``, or what an older server names."""
        if not self._policy:
            with _errors(what):
                found = self._ask("GET", "/api/v1")["resources"]
            one = next((item for item in found if item["name"] == "pods/eviction"), None)
            if one is None:
                raise Refused(detail="this server of Kubernetes has no Eviction API")
            self._policy = f"{one['group']}/{one['version']}" if one.get("group") else "policy/v1beta1"
        return self._policy

    def _one(self, what: str, path: str) -> Json | None:
        with _errors(what):
            try:
                return self._ask("GET", path)
            except client.ApiException as error:
                if error.status != _MISSING:
                    raise
        return None

    def _listed(self, what: str, path: str) -> Iterator[Json]:
        after = ""
        while True:
            with _errors(what):
                found = self._ask("GET", path, query={"limit": PAGE_MAX, **({"continue": after} if after else {})})
            yield from found["items"]
            after = found["metadata"].get("continue", "")
            if not after:
                return

    def _ask(self, method: str, path: str, body: Json | None = None, query: Mapping[str, Any] | None = None) -> Json:
        try:
            return self._asked(method, path, body, query or {})
        except client.ApiException as error:
            if error.status != _UNAUTHORIZED:
                raise
        except (HTTPError, OSError):
            self._forget()
            raise
        self._forget()
        return self._asked(method, path, body, query or {})

    def _asked(self, method: str, path: str, body: Json | None, query: Mapping[str, Any]) -> Json:
        if self._client is None:
            self._client = _connected(self._kubeconfig)
        reply = self._client.call_api(
            path, method, query_params=list(query.items()), header_params=dict(_MERGE) if method == "PATCH" else {},
            body=body, auth_settings=["BearerToken"], _return_http_data_only=True, _preload_content=False,
            _request_timeout=self._timeout_s)
        found = json.loads(reply.data)
        if not isinstance(found, dict):
            raise OSError("its answer is no JSON object")
        return found

    def _forget(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


def _connected(kubeconfig: str) -> Any:
    """A client that asks once: who waits for an answer of this driver repeats its question."""
    chosen: Any = client.Configuration()
    chosen.retries = False
    load: Any = config.load_kube_config
    load(kubeconfig, client_configuration=chosen, persist_config=False)
    # A file with a token may end with a newline, which no header may have.
    chosen.api_key = {name: word.strip() for name, word in chosen.api_key.items()}
    chosen.refresh_api_key_hook = None
    make: Any = client.ApiClient
    return make(configuration=chosen)


@contextlib.contextmanager
def _errors(what: str) -> Iterator[None]:
    """Turn errors of the client into those of the drivers' interface."""
    try:
        yield
    except client.ApiException as error:
        if error.status is None or not 400 <= error.status < 500:
            raise Unavailable(service="kubernetes", reason=f"{what}: {error.status} {_message(error)}") from error
        raise Refused(detail=f"{what}: {_message(error)}") from error
    except (HTTPError, OSError, ValueError, KeyError, config.ConfigException) as error:
        raise Unavailable(service="kubernetes", reason=f"{what}: {error}") from error


def _message(error: Any) -> str:
    """The server's sentence with its causes: the budget that does not allow an eviction is among them."""
    try:
        found = json.loads(error.body)
        causes = [cause["message"] for cause in (found.get("details") or {}).get("causes") or ()]
        return " ".join((str(found["message"]), *map(str, causes)))
    except (TypeError, ValueError, KeyError, AttributeError):
        return f"{error.status} {error.reason}"


def _pod_path(namespace: str, name: str) -> str:
    return f"/api/v1/namespaces/{quote(namespace, safe='')}/pods/{quote(name, safe='')}"

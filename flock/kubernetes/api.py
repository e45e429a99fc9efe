# SPDX-License-Identifier: Apache-2.0
"""Asks an API server of Kubernetes, in JSON as the server has it: the classes of the client library know one version of
the server, and take long for many objects."""
from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import yaml
from kubernetes import client, config
from urllib3.exceptions import HTTPError

from flock.core.errors import Refused, Unavailable

PAGE_MAX = 500
UNAUTHORIZED, MISSING, CONFLICT = 401, 404, 409
ApiException = client.ApiException
_MERGE = {"Content-Type": "application/merge-patch+json"}
Json = Mapping[str, Any]


class KubernetesApi:
    """``kubeconfig``: path of the file with server and credentials.

    The file, and the file of a token that it names, are read again when the server does not know the token any more,
    and after it could not be reached: both may have been replaced. Refused with the server's reason; Unavailable.
    """

    def __init__(self, kubeconfig: str, timeout_s: float) -> None:
        self._kubeconfig, self._timeout_s = kubeconfig, timeout_s
        self._client: Any = None

    def node(self, name: str) -> Json | None:
        """A node; None for one that does not exist."""
        return self.one(f"node {name} cannot be read", f"/api/v1/nodes/{quote(name, safe='')}")

    def patch_node(self, name: str, version: str, changes: Json) -> bool:
        """Merge these changes into the node, unless it is not of this version any more: then False."""
        body = {**changes, "metadata": {**changes["metadata"], "resourceVersion": version}}
        with errors(f"node {name} cannot be changed"):
            try:
                self.ask("PATCH", f"/api/v1/nodes/{quote(name, safe='')}", body)
            except ApiException as error:
                if error.status != CONFLICT:
                    raise
                return False
        return True

    def one(self, what: str, path: str) -> Json | None:
        """One object; None for one that does not exist. ``what`` says in errors what failed."""
        with errors(what):
            try:
                return self.ask("GET", path)
            except ApiException as error:
                if error.status != MISSING:
                    raise
        return None

    def listed(self, what: str, path: str) -> Iterator[Json]:
        """All objects of a list, read in pages."""
        after = ""
        while True:
            with errors(what):
                found = self.ask("GET", path, query={"limit": PAGE_MAX, **({"continue": after} if after else {})})
            yield from found["items"]
            after = found["metadata"].get("continue", "")
            if not after:
                return

    def ask(self, method: str, path: str, body: Json | None = None, query: Mapping[str, Any] | None = None) -> Json:
        """The server's answer, inside of ``errors``. A PATCH is a JSON merge patch."""
        try:
            return self._asked(method, path, body, query or {})
        except ApiException as error:
            if error.status != UNAUTHORIZED:
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
    """A client that asks once: who waits for an answer repeats its question."""
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
def errors(what: str) -> Iterator[None]:
    """Turn errors of the client library into Refused, with the server's sentence, and Unavailable."""
    try:
        yield
    except ApiException as error:
        if error.status is None or not 400 <= error.status < 500:
            raise Unavailable(service="kubernetes", reason=f"{what}: {error.status} {message(error)}") from error
        raise Refused(detail=f"{what}: {message(error)}") from error
    except (HTTPError, OSError, ValueError, KeyError, config.ConfigException, yaml.YAMLError) as error:
        raise Unavailable(service="kubernetes", reason=f"{what}: {error}") from error


def message(error: Any) -> str:
    """The server's sentence with its causes: the budget that does not allow an eviction is among them."""
    try:
        found = json.loads(error.body)
        causes = [cause["message"] for cause in (found.get("details") or {}).get("causes") or ()]
        return " ".join((str(found["message"]), *map(str, causes)))
    except (TypeError, ValueError, KeyError, AttributeError):
        return f"{error.status} {error.reason}"

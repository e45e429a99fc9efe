# SPDX-License-Identifier: Apache-2.0
"""The driver of Kubernetes, through its real client, against the few paths of an API server that it uses."""
from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from flock.core.errors import Refused, Unavailable
from flock.kubernetes import api
from patching.core.strategy.picture import InstanceState
from patching.instances import kubernetes
from patching.instances.kubernetes import CLOSED_BY_US, Kubernetes


def pod(name: str, node: str = "compute-0", *, owner: str | None = "ReplicaSet", labels: dict[str, str] | None = None,
        **fields: Any) -> dict[str, Any]:
    owners = [{"apiVersion": "apps/v1", "kind": owner, "name": "o", "uid": f"uid-{owner}"}] if owner else []
    return {"metadata": {"name": name, "namespace": "app", "labels": labels or {}, "ownerReferences": owners,
                         "uid": name, **fields.get("meta", {})},
            "spec": {"nodeName": node, "containers": [], **fields.get("spec", {})},
            "status": {"phase": fields.get("phase", "Running")}}


class Server:
    """Pods, nodes and budgets. ``blocked``: names of pods whose eviction a budget does not allow now."""

    def __init__(self, policy: str) -> None:
        self.policy = policy
        self.pods: list[dict[str, Any]] = []
        self.budgets: list[dict[str, Any]] = []
        self.nodes: dict[str, dict[str, Any]] = {}
        self.blocked: set[str] = set()
        self.twice: set[str] = set()
        self.evicted: list[str] = []
        self.broken = False
        self.token = "secret"
        self.overtaken = 0
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.port = self._http.server_port
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def node(self, name: str, **spec: Any) -> None:
        self.nodes[name] = {"metadata": {"name": name, "annotations": {}, "resourceVersion": "1"}, "spec": spec}

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        if self.broken:
            return 500, {}
        if path == "/api/v1":
            group, _, version = self.policy.partition("/")
            return 200, {"kind": "APIResourceList", "groupVersion": "v1", "resources": [
                {"name": "pods/eviction", "namespaced": True, "kind": "Eviction", "group": group, "version": version}]}
        if path == "/api/v1/pods":
            start = int(query.get("continue", ["0"])[0])
            size = int(query["limit"][0])
            after = str(start + size) if start + size < len(self.pods) else ""
            return 200, {"items": self.pods[start:start + size], "metadata": {"continue": after}}
        if path == f"/apis/{self.policy}/poddisruptionbudgets":
            return 200, {"items": self.budgets, "metadata": {}}
        if path.startswith("/api/v1/nodes/"):
            return self._one_node(method, path.rpartition("/")[2], body)
        return self._one_pod(path.split("/")[6], body)

    def _one_node(self, method: str, name: str, body: Any) -> tuple[int, Any]:
        if name not in self.nodes:
            return 404, {"message": f'nodes "{name}" not found'}
        node = self.nodes[name]
        if method == "PATCH":
            assert body["metadata"]["resourceVersion"] == node["metadata"]["resourceVersion"]
            if self.overtaken:
                self.overtaken -= 1
                return 409, {"message": "the object has been modified"}
            for part, target in ((body["spec"], node["spec"]),
                                 (body["metadata"]["annotations"], node["metadata"]["annotations"])):
                for key, value in part.items():
                    target.pop(key, None)
                    if value is not None:
                        target[key] = value
        return 200, node

    def _one_pod(self, name: str, body: Any) -> tuple[int, Any]:
        found = next((one for one in self.pods if one["metadata"]["name"] == name), None)
        if found is None:
            return 404, {"message": f'pods "{name}" not found'}
        if body is None:
            return 200, found
        assert (body["kind"], body["apiVersion"]) == ("Eviction", self.policy)
        assert body["deleteOptions"] == {"preconditions": {"uid": name}}
        if name in self.blocked:
            cause = {"reason": "DisruptionBudget", "message": "The disruption budget kept needs 1 healthy pods"}
            return 429, {"message": "Cannot evict pod as it would violate the pod's disruption budget.",
                         "details": {"causes": [cause]}}
        if name in self.twice:
            # Servers of the same version were seen to answer with either.
            failure = {"kind": "Status", "status": "Failure", "message": "More than one PodDisruptionBudget."}
            return (500 if name.startswith("500") else 201), failure
        self.evicted.append(name)
        found["metadata"]["deletionTimestamp"] = "2026-01-05T10:00:00Z"
        return 201, {}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def _serve(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                parts = urlsplit(self.path)
                status, found = server.answer(self.command, parts.path.rstrip("/"), parse_qs(parts.query), body)
                if self.headers.get("Authorization") != f"Bearer {server.token}":
                    status, found = 401, {"message": "Unauthorized"}
                data = json.dumps(found).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PATCH = _serve

            def log_message(self, *_args: Any) -> None:
                pass

        return Handler


def kubeconfig(path: Path, port: int, token: str = "secret", **user: str) -> str:
    path.write_text(yaml.safe_dump({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "u", "user": user or {"token": token}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}]}))
    return str(path)


@pytest.fixture(params=["policy/v1", "policy/v1beta1"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    made = Server(request.param)
    yield made
    made.stop()


@pytest.fixture
def driver(server: Server, tmp_path: Path) -> Kubernetes:
    return Kubernetes(kubeconfig(tmp_path / "kubeconfig", server.port), timeout_s=10)


def test_what_counts_as_an_instance(server: Server, driver: Kubernetes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "PAGE_MAX", 2)
    anti = {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"topologyKey": "kubernetes.io/hostname"}]}}}
    server.pods = [
        pod("web", labels={"app": "web"}), pod("db", owner="StatefulSet", spec=anti), pod("agent", owner="DaemonSet"),
        pod("apiserver", owner="Node", meta={"annotations": {kubernetes.MIRROR: "x"}}), pod("done", phase="Succeeded"),
        pod("waiting", node=""), pod("going", meta={"deletionTimestamp": "2026-01-05T10:00:00Z"})]
    server.budgets = [
        {"metadata": {"name": "tight", "namespace": "app"}, "spec": {"selector": {"matchLabels": {"app": "web"}}},
         "status": {"disruptionsAllowed": 1}},
        {"metadata": {"name": "wide", "namespace": "app"}, "spec": {"selector": {}},
         "status": {"disruptionsAllowed": 5}},
        {"metadata": {"name": "other", "namespace": "else"}, "spec": {"selector": {}}, "status": {}}]
    seen = driver.look().instances
    assert {name: (one.host, one.state, set(one.apart), one.can_stop) for name, one in seen.items()} == {
        "app/web": ("compute-0", InstanceState.RUNNING, {"budget app/tight"}, False),
        "app/db": ("compute-0", InstanceState.RUNNING, {"controller uid-StatefulSet"}, False),
        "app/going": ("compute-0", InstanceState.MOVING, set(), False)}


@pytest.mark.parametrize(("selector", "selected"), [
    ({}, True), ({"matchLabels": {"a": "1"}}, True), ({"matchLabels": {"a": "2"}}, False),
    ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1", "2"]}]}, True),
    ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, False),
    ({"matchExpressions": [{"key": "b", "operator": "NotIn", "values": ["1"]}]}, True),
    ({"matchExpressions": [{"key": "a", "operator": "Exists"}, {"key": "b", "operator": "DoesNotExist"}]}, True),
    ({"matchExpressions": [{"key": "b", "operator": "Exists"}]}, False)])
def test_label_selectors(selector: dict[str, Any], selected: bool) -> None:
    assert kubernetes.selects(selector, {"a": "1"}) is selected


def test_a_node_is_closed_and_opened_unless_somebody_else_closed_it(server: Server, driver: Kubernetes) -> None:
    server.node("compute-0")
    server.node("compute-1", unschedulable=True)
    for name in ("compute-0", "compute-1", "storage-0"):
        driver.close_host(name)
        driver.close_host(name)
    assert server.nodes["compute-0"]["spec"] == {"unschedulable": True}
    assert server.nodes["compute-0"]["metadata"]["annotations"] == {CLOSED_BY_US: "true"}
    for name in ("compute-0", "compute-1", "storage-0"):
        driver.open_host(name)
    assert (server.nodes["compute-0"]["spec"], server.nodes["compute-0"]["metadata"]["annotations"]) == ({}, {})
    assert server.nodes["compute-1"]["spec"] == {"unschedulable": True}


def test_a_change_of_a_node_that_another_one_has_overtaken(server: Server, driver: Kubernetes) -> None:
    server.node("compute-0")
    server.overtaken = 3
    driver.close_host("compute-0")
    assert server.nodes["compute-0"]["spec"] == {"unschedulable": True}
    server.overtaken = 100
    with pytest.raises(Refused, match="node compute-0 is changed by somebody else all the time"):
        driver.open_host("compute-0")


def test_a_token_that_was_rotated_is_read_again(server: Server, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret\n")
    driver = Kubernetes(kubeconfig(tmp_path / "kubeconfig", server.port, tokenFile=str(token)), timeout_s=10)
    assert driver.look().instances == {}
    server.token = "newer"
    with pytest.raises(Refused, match="Unauthorized"):
        driver.look()
    token.write_text("newer\n")
    assert driver.look().instances == {}


def test_pods_are_evicted_by_the_version_that_the_server_knows(server: Server, driver: Kubernetes) -> None:
    server.pods = [pod("web"), pod("alone", owner=None), pod("kept"), pod("both"), pod("500-both")]
    server.blocked, server.twice = {"kept"}, {"both", "500-both"}
    driver.move("app/web")
    driver.move("app/web")
    driver.move("app/gone")
    assert server.evicted == ["web"]
    with pytest.raises(Refused, match="pod app/alone cannot be evicted: no controller would start it"):
        driver.move("app/alone")
    assert {name: one.stays for name, one in driver.look().instances.items()} == {
        "app/web": "", "app/alone": kubernetes.STAYS, "app/kept": "", "app/both": "", "app/500-both": ""}
    with pytest.raises(Refused, match="pod app/500-both cannot be evicted: More than one PodDisruptionBudget"):
        driver.move("app/500-both")
    with pytest.raises(Refused, match="pod app/both cannot be evicted: More than one PodDisruptionBudget."):
        driver.move("app/both")
    with pytest.raises(Refused, match="pod app/kept cannot be evicted: Cannot evict .* budget kept needs 1 healthy"):
        driver.move("app/kept")
    for call in (driver.stop, driver.start):
        with pytest.raises(Refused):
            call("app/web")
    driver.confirm_move("app/web")


def test_a_server_that_is_away_or_does_not_let_us_in(server: Server, driver: Kubernetes, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="Unauthorized"):
        Kubernetes(kubeconfig(tmp_path / "other", server.port, "wrong"), timeout_s=5).look()
    server.broken = True
    with pytest.raises(Unavailable, match="cannot be read: 500"):
        driver.look()
    server.stop()
    with pytest.raises(Unavailable):
        Kubernetes(kubeconfig(tmp_path / "gone", server.port), timeout_s=2).close_host("compute-0")
    with pytest.raises(Unavailable):
        Kubernetes(str(tmp_path / "none")).look()

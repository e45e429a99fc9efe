# SPDX-License-Identifier: Apache-2.0
"""A Kubernetes of this machine: etcd, API server, controller manager, scheduler, and nodes that run no containers.

A node is a real kubelet on a container runtime that only pretends (kubemark's hollow node): pods are scheduled, become
ready, are evicted and deleted as on a real one. ``devstack/prepare.sh --scenarios`` builds the programs.
"""
from __future__ import annotations

import datetime
import functools
import os
import re
import secrets
import shutil
import signal
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import requests
import yaml
from cryptography.hazmat.primitives import serialization

from flock.testing.services.process import Process, ServiceFailed, find_program, free_port, wait_for
from flock.tls.authority import Authority, Usage
from flock.tls.identity import new_key, new_request, private_key

HOME = "127.0.0.1"
PROGRAMS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubemark")
ANSWER_S = 20.0
Json = dict[str, Any]
_ROOT = re.compile(r"Using (/\S+) as root dir for hollow-kubelet")


class ApiRefused(ServiceFailed):
    """The API server answered with an error; ``status`` is its HTTP status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"status {status}: {text[:500]}")
        self.status = status


class Pki:
    """One authority, and key and certificate of whoever needs them, in files ``NAME.key`` and ``NAME.crt``."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._now = folder, datetime.datetime.now(datetime.UTC)
        self._authority = Authority.create("test-kubernetes", self._now)
        folder.mkdir(mode=0o700)
        self.authority = folder / "ca.crt"
        self.authority.write_bytes(self._authority.trusted_pem)
        self.accounts = self._account_keys()

    def issue(self, name: str, usage: Usage) -> tuple[str, str]:
        """Paths of a new certificate and its key; a server's is for 127.0.0.1 and for the service of Kubernetes."""
        key_pem = new_key()
        names = (HOME, "localhost", "kubernetes.default.svc") if usage is Usage.SERVER else ()
        certificate = self._folder / f"{name}.crt"
        certificate.write_bytes(self._authority.issue(new_request(key_pem, name), usage, name, names, self._now))
        return str(certificate), self._private(name, key_pem)

    def _account_keys(self) -> tuple[str, str]:
        """Paths of the private and the public key of the tokens of service accounts."""
        key_pem, public = new_key(), self._folder / "accounts.pub"
        public.write_bytes(private_key(key_pem).public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
        return self._private("accounts", key_pem), str(public)

    def _private(self, name: str, key_pem: bytes) -> str:
        path = self._folder / f"{name}.key"
        path.touch(mode=0o600)
        path.write_bytes(key_pem)
        return str(path)


class Administrator:
    """Speaks to an API server at ``url`` as its administrator, and makes credentials for others."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"https://{HOME}:{self.port}"
        self.authority = ""
        self.admin_token = secrets.token_urlsafe(24)
        self.http = requests.Session()
        # Authorities in the environment would replace those of the session.
        self.http.trust_env = False
        self.http.headers["Authorization"] = f"Bearer {self.admin_token}"

    def is_ready(self, name: str) -> bool:
        """Whether a node is there and ready."""
        status = self.node(name).get("status", {})
        return any((one["type"], one["status"]) == ("Ready", "True") for one in status.get("conditions", ()))

    def node(self, name: str) -> Json:
        """One node; empty when there is none."""
        return self.ask("GET", f"/api/v1/nodes/{name}", may_miss=True)

    def pods(self, namespace: str = "default") -> list[Json]:
        """All pods of a namespace."""
        found: list[Json] = self.ask("GET", f"/api/v1/namespaces/{namespace}/pods")["items"]
        return found

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None, *, may_miss: bool = False) -> Json:
        """The answer to a request of the administrator. ApiRefused; ServiceFailed without an answer.

        ``may_miss``: empty for what does not exist. A PATCH is a JSON merge patch.
        """
        headers = {"Content-Type": "application/merge-patch+json"} if method == "PATCH" else None
        try:
            reply = self.http.request(method, self.url + path, json=body, headers=headers, timeout=ANSWER_S)
        except requests.RequestException as error:
            raise ServiceFailed(f"{method} {path}: {error}") from error
        if reply.status_code == 404 and may_miss:
            return {}
        if not reply.ok:
            raise ApiRefused(reply.status_code, reply.text)
        found: Json = reply.json()
        return found

    def token(self, namespace: str, account: str, lifetime_s: int = 3600) -> str:
        """A token of a service account; the server makes none that lives shorter than 600 s."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
                "spec": {"expirationSeconds": lifetime_s, "audiences": ["https://kubernetes.default.svc"]}}
        return str(self.ask("POST", path, body)["status"]["token"])

    def kubeconfig(self, path: Path, token: str = "", token_file: Path | None = None) -> Path:
        """Write a file with server, authority, and a token or the file that holds it."""
        user = {"tokenFile": str(token_file)} if token_file else {"token": token}
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {
                "server": self.url, "certificate-authority": self.authority}}],
            "users": [{"name": "test", "user": user}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}]}))
        return path


class KubernetesCluster(Administrator):
    """A cluster at ``url`` with the nodes that ``add_node`` makes; ``ask`` speaks to it as its administrator."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self._etcd_port = free_port()
        self._peer_port = free_port()
        self._processes: dict[str, Process] = {}
        self._nodes: dict[str, Process] = {}

    @staticmethod
    def programs() -> Path | None:
        """The folder of the programs that were built last under ``$FLOCK_HOME`` (/opt/flock); None when there is none.
        """
        home = Path(os.environ.get("FLOCK_HOME", "/opt/flock")) / "kubernetes"
        found = [one for one in home.glob("v*") if all((one / name).exists() for name in PROGRAMS)]
        return max(found, key=lambda one: one.stat().st_mtime, default=None)

    @classmethod
    def available(cls) -> bool:
        """True when Kubernetes is built and etcd is installed."""
        return cls.programs() is not None and find_program("etcd") is not None

    def start(self, timeout_s: float = 180.0) -> None:
        """Start everything but nodes; returns when the API server is ready and the accounts of pods exist."""
        self._pki = Pki(self.folder / "pki")
        self.authority = str(self._pki.authority)
        self.http.verify = self.authority
        self.admin_kubeconfig = self.kubeconfig(self.folder / "admin.yaml", self.admin_token)
        tokens = self.folder / "tokens.csv"
        tokens.touch(mode=0o600)
        tokens.write_text(f'{self.admin_token},admin,admin,"system:masters"\n')
        self._start_etcd(timeout_s)
        self.start_api(timeout_s)
        own = ("--kubeconfig", str(self.admin_kubeconfig), "--port=0", "--secure-port=0", "--leader-elect=false")
        self._run("kube-controller-manager", *own, "--root-ca-file", self.authority, "--node-monitor-grace-period=20s",
                  "--service-account-private-key-file", self._pki.accounts[0])
        self._run("kube-scheduler", *own)
        # Pods are admitted only with the token of their account, which the controller manager makes.
        self._processes["kube-controller-manager"].wait_until(
            lambda: self.ask("GET", "/api/v1/namespaces/default/serviceaccounts/default", may_miss=True).get("secrets"),
            timeout_s, "the account of pods")

    def start_api(self, timeout_s: float = 180.0) -> None:
        """Start the API server, also again after ``kill_api``; returns when it is ready."""
        issued = self._pki.issue("apiserver", Usage.SERVER)
        etcd = self._pki.issue("etcd-client", Usage.CLIENT)
        accounts = self._pki.accounts
        server = self._run(
            "kube-apiserver", f"--etcd-servers=https://{HOME}:{self._etcd_port}", "--etcd-cafile", self.authority,
            "--etcd-certfile", etcd[0], "--etcd-keyfile", etcd[1], f"--secure-port={self.port}",
            f"--bind-address={HOME}", "--advertise-address=192.0.2.1", "--insecure-port=0",
            "--tls-cert-file", issued[0], "--tls-private-key-file", issued[1], "--client-ca-file", self.authority,
            "--token-auth-file", str(self.folder / "tokens.csv"), "--authorization-mode=RBAC",
            "--service-account-key-file", accounts[1], "--service-account-signing-key-file", accounts[0],
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-cluster-ip-range=10.0.0.0/24", "--allow-privileged=true", "--profiling=false")
        server.wait_until(self._is_ready, timeout_s, "the API server to be ready")

    def kill_api(self) -> None:
        """Kill the API server like a crash; what it has stored stays."""
        self._processes["kube-apiserver"].kill()

    def freeze_api(self) -> None:
        """The API server takes connections but answers none."""
        self._processes["kube-apiserver"].send_signal(signal.SIGSTOP)

    def thaw_api(self, timeout_s: float = 60.0) -> None:
        """Take ``freeze_api`` back; returns when the API server answers."""
        server = self._processes["kube-apiserver"]
        server.send_signal(signal.SIGCONT)
        server.wait_until(self._is_ready, timeout_s, "the API server to answer again")

    def add_nodes(self, names: Iterable[str], timeout_s: float = 180.0) -> None:
        """Start nodes; returns when all are ready."""
        for name in names:
            self._nodes[name] = self._hollow_node(name)
        for name in names:
            self._nodes[name].wait_until(functools.partial(self.is_ready, name), timeout_s, f"node {name} to be ready")

    def run_statically(self, name: str, pod: Mapping[str, Any], timeout_s: float = 60.0) -> None:
        """Have a node run a pod by itself, which the API server shows as a mirror pod; returns when it is shown."""
        (folder,) = Path(self._roots(name)[-1]).glob("static-pods*")
        (folder / "pod.yaml").write_text(yaml.safe_dump(dict(pod)))
        meta = pod["metadata"]
        path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}-{name}"
        wait_for(lambda: self.ask("GET", path, may_miss=True), timeout_s, f"the mirror pod on {name}", 0.2)

    def kill_node(self, name: str) -> None:
        """Kill a node; ``add_nodes`` starts it again."""
        self._nodes.pop(name).kill()
        for root in self._roots(name):
            shutil.rmtree(root, ignore_errors=True)

    def stop(self) -> None:
        """Kill everything; the data is not used again."""
        for name in list(self._nodes):
            self.kill_node(name)
        for process in reversed(self._processes.values()):
            process.kill()
        self._processes.clear()
        self.http.close()

    def _start_etcd(self, timeout_s: float) -> None:
        program = find_program("etcd")
        if program is None:
            raise ServiceFailed("etcd is not installed")
        server = self._pki.issue("etcd", Usage.SERVER)
        client, peer = f"https://{HOME}:{self._etcd_port}", f"http://{HOME}:{self._peer_port}"
        argv = [program, "--data-dir", str(self.folder / "etcd"), "--listen-client-urls", client,
                "--advertise-client-urls", client, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                "--initial-cluster", f"default={peer}", "--unsafe-no-fsync", "--log-level", "error",
                "--cert-file", server[0], "--key-file", server[1], "--client-cert-auth",
                "--trusted-ca-file", self.authority]
        self._processes["etcd"] = Process("etcd", argv, self.folder)
        own = self._pki.issue("etcd-check", Usage.CLIENT)

        def is_healthy() -> bool:
            try:
                return requests.get(f"{client}/health", timeout=5, verify=self.authority, cert=own).ok
            except requests.RequestException:
                return False

        self._processes["etcd"].wait_until(is_healthy, timeout_s, "etcd to be healthy")

    def _run(self, name: str, *arguments: str) -> Process:
        programs = self.programs()
        if programs is None:
            raise ServiceFailed("Kubernetes is not built; devstack/prepare.sh --scenarios does that")
        self._processes[name] = Process(name, [str(programs / name), *arguments], self.folder)
        return self._processes[name]

    def _hollow_node(self, name: str) -> Process:
        programs = self.programs()
        if programs is None:
            raise ServiceFailed("Kubernetes is not built; devstack/prepare.sh --scenarios does that")
        return Process(f"node-{name}", [
            str(programs / "kubemark"), "--morph=kubelet", f"--name={name}", "--kubeconfig", str(self.admin_kubeconfig),
            f"--kubelet-port={free_port()}", f"--kubelet-read-only-port={free_port()}"], self.folder)

    def _roots(self, name: str) -> list[str]:
        """The folders that a hollow node has made for itself at each start; only its log tells them."""
        return _ROOT.findall((self.folder / f"node-{name}.log").read_text(errors="replace"))

    def _is_ready(self) -> bool:
        try:
            return self.http.get(f"{self.url}/readyz", timeout=5).ok
        except requests.RequestException:
            return False


def is_up(pod: Json) -> bool:
    """Whether a pod is ready and not going away."""
    return "deletionTimestamp" not in pod["metadata"] and any(
        (one["type"], one["status"]) == ("Ready", "True") for one in pod["status"].get("conditions", ()))

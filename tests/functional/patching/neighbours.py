# SPDX-License-Identifier: Apache-2.0
"""What the orchestrator asks beside the software service: actions on hosts, alarms, and a Nova with a fake hypervisor,
over HTTP. Hosts lock and boot, and servers migrate, within fractions of a second."""
from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.functional.patching.inventory import LOCKED, UNLOCKED, Inventory

SOON_S = 0.3
Reply = tuple[int, Any]


class Neighbours:
    """``log``: actions on hosts and servers in their order. ``fails``: actions that end with an error of the host
    ("unlock compute-1"). ``apart``: anti-affinity groups of servers. ``objections``: what a real cloud would suffer
    from."""

    def __init__(self, inventory: Inventory) -> None:
        self.inventory = inventory
        self.active = "controller-0"
        self.log: list[str] = []
        self.fails: set[str] = set()
        self.alarms: list[tuple[str, str, bool]] = []
        self.servers: dict[str, dict[str, Any]] = {}
        self.disabled: dict[str, str] = {}
        self.apart: list[list[str]] = []
        self.aggregates: dict[str, list[str]] = {}
        self.objections: list[str] = []
        self.lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def run(self, host: str, *names: str, status: str = "ACTIVE") -> None:
        for name in names:
            self.servers[name] = {"id": name, "status": status, "OS-EXT-SRV-ATTR:host": host,
                                  "OS-EXT-STS:task_state": None, "metadata": {}, "flavor": {"extra_specs": {}}}

    def on(self, host: str) -> list[str]:
        return sorted(name for name, server in self.servers.items() if server["OS-EXT-SRV-ATTR:host"] == host)

    def running(self, host: str) -> list[str]:
        """What a reboot of the host would stop."""
        return [name for name in self.on(host) if self.servers[name]["status"] == "ACTIVE"]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, path: str, body: Any) -> Reply:
        parts = urlsplit(path)
        words, query = parts.path.strip("/").split("/"), {k: v[0] for k, v in parse_qs(parts.query).items()}
        with self.lock:
            if words[:2] == ["v1", "ihosts"]:
                return self._hosts(method, words, body)
            if words == ["v1", "alarms"]:
                return 200, {"alarms": [{"alarm_id": alarm, "entity_instance_id": entity, "uuid": str(number),
                                         "mgmt_affecting": str(affects)}
                                        for number, (alarm, entity, affects) in enumerate(self.alarms)]}
            return self._nova(method, words, query, body)

    def _hosts(self, method: str, words: list[str], body: Any) -> Reply:
        if method == "GET":
            return 200, {"ihosts": [self._host(row) for row in self.inventory.hosts.values()]}
        host, action = self.inventory.hosts[words[2]], body[0]["value"]
        name = host["hostname"]
        if host.get("ihost_action"):
            return 400, {"error_message": json.dumps({"faultstring": f"{name} is busy"})}
        if action == "lock" and name == self.active and len(self.inventory.hosts) > 1:
            return 400, {"error_message": json.dumps({"faultstring": f"{name} is the active controller"})}
        if action == "lock" and self.running(name):
            self.objections.append(f"{name} is locked with {self.running(name)}")
        self.log.append(f"{action} {name}")
        host["ihost_action"] = action
        threading.Timer(SOON_S, self.acted, (name, action)).start()
        return 200, self._host(host)

    def _host(self, row: dict[str, Any]) -> dict[str, Any]:
        part = "Controller-Active" if row["hostname"] == self.active else "Controller-Standby"
        return {"subfunctions": row["personality"], "mtce_action": "none", "uptime": 1000, **row,
                "capabilities": {"Personality": part} if row["personality"] == "controller" else {}}

    def acted(self, name: str, action: str) -> None:
        """The action has its effect."""
        with self.lock:
            host = self.inventory.hosts[name]
            host["ihost_action"] = None
            if f"{action} {name}" in self.fails:
                host |= {"last_error": f"{action} does not work here", "last_error_at": str(len(self.log))}
            elif action == "swact":
                self.active = next(other for other in self.inventory.hosts
                                   if other.startswith("controller") and other != name)
            else:
                host |= LOCKED if action == "lock" else UNLOCKED

    def _nova(self, method: str, words: list[str], query: dict[str, str], body: Any) -> Reply:
        reads: dict[tuple[str, ...], Callable[[], Any]] = {
            ("servers", "detail"): lambda: {"servers": list(self.servers.values())},
            ("os-server-groups",): lambda: {"server_groups": [
                {"id": f"group-{number}", "policy": "anti-affinity", "members": members}
                for number, members in enumerate(self.apart)]},
            ("os-aggregates",): lambda: {"aggregates": [
                {"name": name, "hosts": hosts} for name, hosts in self.aggregates.items()]},
            ("os-services",): lambda: {"services": [{
                "id": query["host"], "status": "disabled" if query["host"] in self.disabled else "enabled",
                "disabled_reason": self.disabled.get(query["host"])}]}}
        if method == "GET" and tuple(words) in reads:
            return 200, reads[tuple(words)]()
        if method == "PUT":
            self.log.append(f"{body['status']} {words[1]}")
            if body["status"] == "disabled":
                self.disabled[words[1]] = body["disabled_reason"]
            else:
                self.disabled.pop(words[1], None)
            return 200, {}
        server = self.servers[words[1]]
        if method == "GET":
            return 200, {"server": server}
        (action,) = body
        return self._server_action(server, action)

    def _server_action(self, server: dict[str, Any], action: str) -> Reply:
        name, here = server["id"], server["OS-EXT-SRV-ATTR:host"]
        if action == "os-migrateLive":
            free = [host for host, row in self.inventory.hosts.items() if row["personality"] == "worker"
                    and row["administrative"] == "unlocked" and host not in (*self.disabled, here)]
            if not free:
                return 400, {"badRequest": {"message": "No valid host was found.", "code": 400}}
            server |= {"status": "MIGRATING", "OS-EXT-STS:task_state": "migrating"}
            threading.Timer(SOON_S, server.update, ({
                "status": "ACTIVE", "OS-EXT-STS:task_state": None,
                "OS-EXT-SRV-ATTR:host": min(free, key=lambda host: len(self.on(host)))},)).start()
        else:
            server["status"] = {"os-stop": "SHUTOFF", "os-start": "ACTIVE"}[action]
        self.log.append(f"{action.removeprefix('os-')} {name}")
        return 202, None


def _handler(neighbours: Neighbours) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            status, found = neighbours.answer(self.command, self.path, body)
            if not self.headers.get("X-Auth-Token"):
                status, found = 401, None
            data = b"" if found is None else json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_PATCH = do_POST = do_PUT = _serve

        def log_message(self, *_args: Any) -> None:
            pass

    return Handler

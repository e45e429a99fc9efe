# SPDX-License-Identifier: Apache-2.0
"""The inventory's REST service as far as software management asks it: hosts, the system, its health."""
from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SYSTEMS = {
    "SX": ["controller-0"],
    "DX": ["controller-0", "controller-1"],
    "STD": ["controller-0", "controller-1", "compute-0", "compute-1", "compute-2"],
}
UNLOCKED = {"administrative": "unlocked", "operational": "enabled", "availability": "available"}
LOCKED = {"administrative": "locked", "operational": "disabled", "availability": "online"}


class Inventory:
    """Hosts that the test locks and unlocks, and alarms that it raises."""

    def __init__(self, kind: str) -> None:
        self.hosts: dict[str, dict[str, Any]] = {}
        for number, name in enumerate(SYSTEMS[kind], 1):
            personality = "controller" if name.startswith("controller") else "worker"
            self.hosts[name] = {"id": number, "uuid": f"10000000-0000-4000-8000-{number:012}", "hostname": name,
                                "personality": personality, "invprovision": "provisioned", "config_target": None,
                                "config_applied": None, **UNLOCKED}
        self.alarms: list[tuple[str, bool]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def lock(self, hostname: str) -> None:
        self.hosts[hostname] |= LOCKED

    def unlock(self, hostname: str) -> None:
        self.hosts[hostname] |= UNLOCKED

    def health(self, relaxed: bool) -> list[dict[str, Any]]:
        counting = [name for name, affects in self.alarms if affects or not relaxed]
        idle = [name for name, host in self.hosts.items() if host["administrative"] != "unlocked"]
        told = [("All hosts are unlocked/enabled", not idle, f"Locked or disabled hosts: {', '.join(idle)}"),
                ("No alarms", not counting, f"[{len(counting)}] alarms found")]
        rows = [{"check": name, "ok": ok, "detail": "" if ok else detail, "advice": "", "skipped": False}
                for name, ok, detail in told]
        return [*rows, {"check": "Kubernetes", "ok": True, "detail": "", "advice": "", "skipped": True}]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(inventory: Inventory) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            found: Any = {"/v1/ihosts": {"ihosts": list(inventory.hosts.values())},
                          "/v1/isystems": {"isystems": [{"software_version": "10.0"}]},
                          **{f"/v1/health/{kind}{end}": inventory.health(bool(end))
                             for kind in ("kube-upgrade", "upgrade") for end in ("", "/relaxed")}}.get(path)
            status = 404 if found is None or not self.headers.get("X-Auth-Token") else 200
            data = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_args: Any) -> None:
            pass

    return Handler

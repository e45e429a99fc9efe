# SPDX-License-Identifier: Apache-2.0
"""A BMC that replays DMTF's recorded server, changed by each test as real BMCs differ from it."""
from __future__ import annotations

import base64
import contextlib
import json
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mtce.bmc.interfaces import Access
from mtce.bmc.session import RedfishSettings

RECORDED = Path(__file__).parents[3] / "fixtures" / "redfish" / "public-rackmount1.tar.gz"
USER, PASSWORD = "root", "calvin"
SYSTEM = "/redfish/v1/Systems/437XR1138R2"
RESET = SYSTEM + "/Actions/ComputerSystem.Reset"


class RecordedBmc:
    """The recorded tree as a service; ``answers`` are fixed ones by path: (status, body) or a function of nothing."""

    def __init__(self, tree):
        self.tree = tree
        self.answers = {}
        self.open_paths = {"/redfish", "/redfish/v1", "/redfish/v1/SessionService",
                           "/redfish/v1/SessionService/Sessions"}
        self.sessions = True
        self.header_tag = None
        self.refused, self.trickled, self.locations = set(), set(), {}
        self.floods = {}  # by path: a function that gets the request's handler and writes the whole reply itself
        self.requests, self.resets, self.patches = [], [], []
        self.port, self.ended = 0, threading.Event()

    @property
    def system(self):
        return self.tree[SYSTEM]

    def offer(self, *kinds):
        self.system["Actions"]["#ComputerSystem.Reset"]["ResetType@Redfish.AllowableValues"] = list(kinds)

    def add_system(self, name, **changes):
        path = f"/redfish/v1/Systems/{name}"
        action = self.system["Actions"]["#ComputerSystem.Reset"] | {"target": path + "/Actions/ComputerSystem.Reset"}
        self.tree[path] = self.tree[SYSTEM] | {
            "@odata.id": path, "Id": name, "Actions": {"#ComputerSystem.Reset": action}} | changes
        self.tree["/redfish/v1/Systems"]["Members"].append({"@odata.id": path})

    def allowed(self, path, headers):
        basic = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        return path in self.open_paths or headers.get("X-Auth-Token") == "t-1" or headers.get("Authorization") == basic

    def reset(self, kind):
        if kind in self.refused:
            return 400, {"error": {"code": "Base.1.0.ActionParameterNotSupported", "message": "not here"}}
        self.resets.append(kind)
        self.system["PowerState"] = "Off" if kind in ("ForceOff", "GracefulShutdown") else "On"
        return 204, None

    def respond(self, method, path, headers, body):
        self.requests.append(f"{method} {path}")
        if path in self.answers:
            answer = self.answers[path]
            return answer() if callable(answer) else answer
        if method == "POST" and path.endswith("/Sessions"):
            right = self.sessions and body == {"UserName": USER, "Password": PASSWORD}
            return (201, {"Id": "1"}) if right else (401, {"error": {"code": "Base.1.0.x", "message": "no"}})
        if not self.allowed(path, headers):
            return 401, {"error": {"code": "Base.1.0.x", "message": "login"}}
        if method == "DELETE":
            return 204, None
        if method == "POST" and path.endswith("ComputerSystem.Reset"):
            return self.reset(body["ResetType"])
        if method == "PATCH":
            tag = self.header_tag or self.tree[path].get("@odata.etag")
            if tag and headers.get("If-Match") != tag:
                return 428, {"error": {"code": "Base.1.0.PreconditionRequired", "message": "If-Match"}}
            self.patches.append(body)
            return 204, None
        return (200, self.tree[path]) if path in self.tree else (404, {"error": {"code": "x", "message": "none"}})


def _handler(bmc):
    class Handler(BaseHTTPRequestHandler):
        def _serve(self):
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            if self.path.rstrip("/") in bmc.floods:
                self.close_connection = True
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    bmc.floods[self.path.rstrip("/")](self)
                return
            status, answer = bmc.respond(self.command, self.path.rstrip("/"), self.headers, body)
            raw = answer if isinstance(answer, bytes) else b"" if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            if status == 201:
                self.send_header("X-Auth-Token", "t-1")
                self.send_header("Location", "/redfish/v1/SessionService/Sessions/1")
            if 300 <= status < 400:
                self.send_header("Location", bmc.locations.get(self.path.rstrip("/"), "/elsewhere"))
            self.end_headers()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                if self.path.rstrip("/") not in bmc.trickled:
                    self.wfile.write(raw)
                    return
                for index in range(len(raw)):
                    self.wfile.write(raw[index:index + 1])
                    bmc.ended.wait(0.05)

        do_GET = do_POST = do_PATCH = do_DELETE = _serve

        def log_message(self, *words):
            """Nothing on the terminal."""

    return Handler


@pytest.fixture
def recorded():
    tree = {"/redfish": {"v1": "/redfish/v1/"}}
    with tarfile.open(RECORDED) as archive:
        for member in archive.getmembers():
            folder, _, name = member.name.rpartition("/")
            if name == "index.json":
                path = "/redfish/v1" + folder.removeprefix("public-rackmount1")
                tree[path] = json.load(archive.extractfile(member))
    bmc = RecordedBmc(tree)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(bmc))
    bmc.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield bmc
    bmc.ended.set()
    server.shutdown()
    thread.join(10)
    server.server_close()


@pytest.fixture
def access():
    return Access("127.0.0.1", USER, PASSWORD)


@pytest.fixture
def settings(recorded):
    return RedfishSettings("http", recorded.port, False, 2, 3)

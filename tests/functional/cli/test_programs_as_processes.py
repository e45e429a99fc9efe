# SPDX-License-Identifier: Apache-2.0
"""``system`` and the OpenStack client as processes against a small HTTP server: plug-ins, pipes, start-up."""
from __future__ import annotations

import json
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import distributions
from pathlib import Path

import pytest

from flock.cli.scan import commands
from flock.testing.openstack import openstack, register, run_python, with_token
from tests.registry import PACKAGES

ROOT = Path(__file__).resolve().parents[3]
HOST = {"id": 1, "uuid": "u-1", "hostname": "controller-0", "personality": "controller", "administrative": "unlocked",
        "operational": "enabled", "availability": "available"}
# Processor time of ``system host-show``, in times of what it takes to import what every client of OpenStack imports.
START_UP_RATIO_MAX = 4.0
IMPORTS = "import requests, cliff.app, keystoneauth1.session, keystoneauth1.identity"
OURS = ("platform", "fault")
OWN = tuple(f"{package}." for package in PACKAGES)


class Api(BaseHTTPRequestHandler):
    """Two thousand hosts under ``/v1/ihosts``, a refusal for every PATCH."""

    def do_GET(self) -> None:
        if self.headers.get("X-Auth-Token") != "t":
            self._send(401, {"error": {"message": "who are you?"}})
        elif self.path == "/v1/ihosts":
            hosts = [{**HOST, "id": number, "hostname": f"host-{number}"} for number in range(2000)]
            self._send(200, {"ihosts": hosts})
        elif self.path == "/v1/ihosts/controller-0":
            self._send(200, HOST)
        elif self.path.startswith("/v1/alarms"):
            self._send(200, {"alarms": []})
        else:
            self._send(404, {"error_message": json.dumps({"faultstring": "not here"})})

    def do_PATCH(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._send(409, {"error_message": json.dumps({"faultstring": "Host is busy."})})

    def _send(self, status: int, body: object) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.send_header("X-Openstack-Request-Id", "req-9")
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """No log."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the plug-ins of this checkout are registered."""
    pytest.importorskip("openstackclient")
    return register(tmp_path_factory.mktemp("site"))


def system(url: str, *argv: str) -> list[str]:
    return ["-m", "sysinv.cmd.shell", "--os-auth-token", "t", "--system-url", url, *argv]


def test_a_reader_that_leaves_is_no_error(url: str) -> None:
    program = subprocess.Popen([sys.executable, *system(url, "host-list")], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert program.stdout is not None and program.stderr is not None
    assert program.stdout.readline().startswith("+--")
    program.stdout.close()
    assert (program.wait(30), program.stderr.read()) == (0, "")


def test_a_wrong_token_is_said_in_one_line(url: str) -> None:
    done = run_python(["-m", "sysinv.cmd.shell", "--os-auth-token", "x", "--system-url", url, "host-list"])
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "Invalid Identity credentials.\n")


def test_start_up_is_quick(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With compiled modules, as they are installed. The processor's speed changes both sides of the ratio."""
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path))
    ratios = []
    for _ in range(4):
        least = processor_s(["-c", IMPORTS])
        ratios.append(processor_s(system(url, "host-show", "controller-0")) / least)
    assert min(ratios[1:]) < START_UP_RATIO_MAX, ratios


def processor_s(argv: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert run_python(argv).returncode == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_openstack_client_runs_our_commands(url: str, registered: Path) -> None:
    done = openstack(registered, *with_token(url, "t"), "platform", "host", "show", "controller-0", "-f", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["availability"] == "available"
    done = openstack(registered, *with_token(url, "t"), "fault", "alarm", "list", "-f", "json")
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


def test_openstack_client_knows_every_command(registered: Path) -> None:
    for group, resources in (("fault", "fm.resources"), ("platform", "sysinv.resources")):
        done = openstack(registered, "help", group)
        listed = {line.strip() for line in done.stdout.splitlines()}
        assert set(commands(resources, "OSC_COMMANDS")) <= listed, done.stderr


def test_openstack_client_reports_a_refusal_with_request(url: str, registered: Path) -> None:
    done = openstack(registered, *with_token(url, "t"), "platform", "host", "lock", "controller-0")
    assert (done.returncode, done.stdout) == (1, "")
    assert "Cannot lock controller-0: Host is busy. (HTTP 409, request req-9)" in done.stderr


def test_no_clash_with_commands_of_others() -> None:
    pytest.importorskip("openstackclient")
    points = [point for distribution in distributions() for point in distribution.entry_points]
    taken = {point.name.split("_")[0] for point in points if point.group.startswith("openstack.")
             and not point.value.startswith(OWN) and not point.group.startswith("openstack.cli")}
    assert taken, "the OpenStack client has commands"
    assert taken.isdisjoint(OURS)

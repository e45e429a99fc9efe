# SPDX-License-Identifier: Apache-2.0
"""The orchestration API against its own description: schemathesis sends what the document allows and what it forbids.

The API and the orchestrator run in this process, with a simulated cloud; who asks is taken at his word. Other seeds by
hand: ``FUZZ_SEED=7 FUZZ_EXAMPLES=200 pytest tests/functional/patching/test_orchestration_openapi.py``
"""
from __future__ import annotations

import io
import json
import os
import socketserver
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
import requests

from flock.api.build import OPENAPI_PATH
from flock.db import Database
from tests.unit.patching.vim.test_orchestration_api import Api

SEED, EXAMPLES = os.environ.get("FUZZ_SEED", "1"), os.environ.get("FUZZ_EXAMPLES", "10")
CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
          "response_schema_conformance", "negative_data_rejection", "unsupported_method", "allow_header_conformance")
IDENTITY = {"X-Auth-Token": "t", "X-Roles": "admin", "X-Project-Name": "admin", "X-User-Id": "u", "X-Project-Id": "p"}


class Threads(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Guarded:
    """Without a token 401, as the token check answers; the server's input has no end of its own, so the body is read
    by its length."""

    def __init__(self, application: Any) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start: Any) -> Any:
        length = str(environ.get("CONTENT_LENGTH") or "0")
        environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(int(length) if length.isdigit() else 0))
        if environ.get("HTTP_X_AUTH_TOKEN"):
            return self._application(environ, start)
        start("401 Unauthorized", [("Content-Type", "application/json"), ("WWW-Authenticate", 'Keystone uri="http://k"'),
                                   ("X-Openstack-Request-Id", f"req-{uuid.uuid4()}")])
        return [json.dumps({"error": {"message": "The request you have made requires authentication.", "code": 401,
                                      "title": "Unauthorized"}}).encode()]


class Quiet(WSGIRequestHandler):
    def log_message(self, *_args: Any) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Api, str]]:
    database = Database(f"sqlite:///{tmp_path}/test.sqlite")
    api = Api(database)
    server = make_server("127.0.0.1", 0, Guarded(api.app), server_class=Threads, handler_class=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield api, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    database.dispose()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_operation_of_orchestration_does_what_it_is_described_to_do(served: tuple[Api, str],
                                                                          tmp_path: Path) -> None:
    api, base = served
    document = requests.get(f"{base}{OPENAPI_PATH}", headers=IDENTITY, timeout=30).json()
    operations = [path for path, item in document["paths"].items() for verb in item
                  if verb != "parameters" and path != OPENAPI_PATH]
    headers = [word for name, value in IDENTITY.items() for word in ("--header", f"{name}: {value}")]
    done = subprocess.run(
        [str(Path(sys.prefix) / "bin" / "schemathesis"), "run", f"{base}{OPENAPI_PATH}", *headers, "--seed", SEED,
         "--max-examples", EXAMPLES, "--generation-database", "none", "--checks", ",".join(CHECKS),
         "--request-timeout", "30", "--no-color", "--continue-on-failure", "--phases", "examples,coverage,fuzzing"],
        cwd=tmp_path, capture_output=True, text=True, timeout=550, check=False)
    assert done.returncode == 0, done.stdout[-12000:] + done.stderr[-2000:]
    assert f"Tested: {len(operations)}" in done.stdout, done.stdout
    # What it has sent has left an API and an orchestrator that go on.
    api.call("DELETE", "/api/orchestration/sw-upgrade/strategy", {"force": True})
    api.call("DELETE", "/api/orchestration/sw-patch/strategy", {"force": True})
    assert api.call("GET", "/api/orchestration/current-strategy/strategy").json == {"strategy": None}
    assert api.driven.keeper.trouble() is None

# SPDX-License-Identifier: Apache-2.0
"""The service against its own description: schemathesis sends what the document allows and what it forbids.

Costs about 40 s: one run of a fixed seed on PostgreSQL. Other seeds by hand:
``FUZZ_SEED=7 FUZZ_EXAMPLES=200 pytest tests/functional/fm/test_fm_openapi.py``
"""
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import requests
import sqlalchemy as sa

from flock.api.build import OPENAPI_PATH
from fm.db.tables import EVENT_LOG

SEED, EXAMPLES = os.environ.get("FUZZ_SEED", "1"), os.environ.get("FUZZ_EXAMPLES", "6")
CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
          "response_schema_conformance", "negative_data_rejection", "unsupported_method", "allow_header_conformance",
          "ignored_auth", "use_after_free", "ensure_resource_availability")
STREAM = "/v1/event_stream"
pytestmark = pytest.mark.parametrize("running", ["postgresql"], indirect=True)


def schemathesis(fm: Any, *arguments: str, timeout_s: float = 420) -> str:
    """Run schemathesis on the served document with a configurator's token; its report. Fails with the report."""
    token = fm.http().headers["X-Auth-Token"]
    alarms = [fm.raiser().raise_now("200.004", host=f"worker-{number}") for number in range(20)]
    env = {**os.environ, "FUZZ_ALARMS": ",".join(alarms), "SCHEMATHESIS_HOOKS": "fuzzing_hooks",
           "PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run(
        [str(Path(sys.prefix) / "bin" / "schemathesis"), "run", f"{fm.base}/v1/openapi.json", "--header",
         f"X-Auth-Token: {token}", "--seed", SEED, "--max-examples", EXAMPLES, "--generation-database", "none",
         "--checks", ",".join(CHECKS), "--request-timeout", "20", "--no-color", "--continue-on-failure", *arguments],
        env=env, cwd=fm.folder, capture_output=True, text=True, timeout=timeout_s, check=False)
    assert done.returncode == 0, done.stdout[-12000:] + done.stderr[-2000:]
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_operation_does_what_it_is_described_to_do(fm: Any) -> None:
    document = fm.http("reader").get(f"{fm.base}/v1/openapi.json").json()
    # The document's own path is not tried by who reads the document from there.
    operations = [path for path, item in document["paths"].items() for verb in item
                  if verb != "parameters" and path not in (STREAM, OPENAPI_PATH)]
    report = schemathesis(fm, "--phases", "examples,coverage,fuzzing,stateful", "--exclude-path", STREAM)
    assert f"Tested: {len(operations)}" in report, report
    with fm.db.reader() as conn:
        states = {row.state for row in conn.execute(sa.select(EVENT_LOG.c.state).distinct())}
    assert states == {"set", "clear", "log"}, "the requests never got as far as the manager"
    assert fm.http().get(f"{fm.base}/v1/alarms/summary").status_code == 200
    assert fm.manager.running and fm.api.running


def test_the_document_needs_a_token(fm: Any) -> None:
    refused = requests.get(f"{fm.base}/v1/openapi.json", timeout=10)
    assert refused.status_code == 401
    found = fm.http("reader", "other").get(f"{fm.base}/v1/openapi.json")
    assert found.status_code == 200 and found.json()["openapi"].startswith("3.1")
    described = found.json()["components"]["responses"]["error_401"]
    assert all(name in refused.headers for name in described["headers"])
    jsonschema.validate(refused.json(), described["content"][refused.headers["Content-Type"]]["schema"])

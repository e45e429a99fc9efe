# SPDX-License-Identifier: Apache-2.0
"""The service against its own description: schemathesis sends what the document allows and what it forbids.

One run of a fixed seed on PostgreSQL, with a host that has an inventory. Other seeds by hand:
``FUZZ_SEED=7 FUZZ_EXAMPLES=50 FUZZ_PHASES=coverage,fuzzing pytest tests/functional/sysinv/test_sysinv_openapi.py``
"""
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flock.api.build import OPENAPI_PATH
from tests.functional.sysinv.simulated import Site

SEED, EXAMPLES = os.environ.get("FUZZ_SEED", "1"), os.environ.get("FUZZ_EXAMPLES", "2")
# ``examples,coverage,fuzzing`` sends twenty thousand requests, which take some minutes.
PHASES = os.environ.get("FUZZ_PHASES", "fuzzing")
# It asks mtce, whose stand-in here knows no sensors; test_sensors_of_hosts.py has the real one.
RELEARN = "/v1/isensorgroups/relearn"
CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
          "unsupported_method", "ignored_auth")
pytestmark = pytest.mark.parametrize("running_sysinv", ["postgresql"], indirect=True)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_operation_does_what_it_is_described_to_do(site: Site, tmp_path: Path) -> None:
    sysinv = site.sysinv
    host = site.add("fuzzed-worker").inventoried()
    document = sysinv.get(OPENAPI_PATH, role="reader").body
    operations = [path for path, item in document["paths"].items() for verb in item
                  if verb != "parameters" and path not in (OPENAPI_PATH, RELEARN)]
    done = subprocess.run(
        [str(Path(sys.prefix) / "bin" / "schemathesis"), "run", f"{sysinv.base}{OPENAPI_PATH}", "--header",
         f"X-Auth-Token: {sysinv.keystone.token('configurator')}", "--seed", SEED, "--max-examples", EXAMPLES,
         "--generation-database", "none", "--checks", ",".join(CHECKS), "--request-timeout", "30", "--no-color",
         "--continue-on-failure", "--phases", PHASES, "--exclude-path", RELEARN],
        cwd=tmp_path, capture_output=True, text=True, timeout=550, check=False)
    assert done.returncode == 0, done.stdout[-12000:] + done.stderr[-2000:]
    assert f"Tested: {len(operations)}" in done.stdout, done.stdout[-3000:]
    # What was sent has left daemons that serve, and the host as its agent reported it.
    assert sysinv.conductor.running and sysinv.api.running
    host.inventoried()
    assert len(host.listed("icpus")) == 32

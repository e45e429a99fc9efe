# SPDX-License-Identifier: Apache-2.0
"""patching-api: the REST service on port 5497."""
from __future__ import annotations

from functools import partial

from flock.api.build import prepare
from flock.service.web import run_api
from patching.api.main import application


def main() -> None:
    """Serve until SIGTERM."""
    run_api("patching-api", application, default_port=5497, prepare=partial(prepare, "patching"))

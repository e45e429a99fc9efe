# SPDX-License-Identifier: Apache-2.0
"""fm-api: the REST service on port 18002."""
from __future__ import annotations

from functools import partial

from flock.api.build import prepare
from flock.service.web import run_api
from fm.api.application import application


def main() -> None:
    """Serve until SIGTERM."""
    run_api("fm-api", application, default_port=18002, prepare=partial(prepare, "fm"))

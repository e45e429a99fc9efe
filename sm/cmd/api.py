# SPDX-License-Identifier: Apache-2.0
"""sm-api: the REST service on port 7777."""
from __future__ import annotations

from flock.service.web import run_api
from sm.api.dialect import DIALECT
from sm.api.main import application


def main() -> None:
    """Serve until SIGTERM."""
    run_api("sm-api", application, default_port=DIALECT.default_port)

# SPDX-License-Identifier: Apache-2.0
"""sysinv-api: the REST service on port 6385."""
from __future__ import annotations

from flock.service.web import run_api
from sysinv.api.dialect import DIALECT
from sysinv.api.main import application, prepare


def main() -> None:
    """Serve until SIGTERM."""
    run_api("sysinv-api", application, default_port=DIALECT.default_port, prepare=prepare)

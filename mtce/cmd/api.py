# SPDX-License-Identifier: Apache-2.0
"""mtce-api: the REST service on port 2112."""
from __future__ import annotations

from functools import partial

from flock.api.build import prepare
from flock.service.web import run_api
from mtce.api.dialect import DIALECT
from mtce.api.main import application


def main() -> None:
    """Serve until SIGTERM."""
    run_api("mtce-api", application, default_port=DIALECT.default_port, prepare=partial(prepare, "mtce"))

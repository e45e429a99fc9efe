# SPDX-License-Identifier: Apache-2.0
"""patching-vim-api: the orchestration API on port 4545."""
from __future__ import annotations

from functools import partial

from flock.api.build import prepare
from flock.service.web import run_api
from patching.vim.api.dialect import DIALECT
from patching.vim.api.main import application


def main() -> None:
    """Serve until SIGTERM."""
    run_api("patching-vim-api", application, default_port=DIALECT.default_port,
            prepare=partial(prepare, "patching.vim"))

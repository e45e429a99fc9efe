# SPDX-License-Identifier: Apache-2.0
"""``sw-manager``: the command line of orchestration."""
from __future__ import annotations

import os
import sys

from flock.cli.shell import Program, run

PROGRAM = Program(
    name="sw-manager", description="Strategies that roll software over all hosts of the cloud", api_name="vim",
    service_type="nfv", url_option="--vim-url", url_env="VIM_URL", env_prefix="SWMANAGER",
    resources=("patching.vim.resources",), cache_name="vimclient")


def main() -> None:
    """Run the command line of this process."""
    if "OS_INTERFACE" in os.environ:
        # The name that StarlingX's sw-manager has for it.
        os.environ.setdefault("OS_ENDPOINT_TYPE", os.environ["OS_INTERFACE"])
    sys.exit(run(PROGRAM))


if __name__ == "__main__":
    main()

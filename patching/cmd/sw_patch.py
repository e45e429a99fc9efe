# SPDX-License-Identifier: Apache-2.0
"""``sw-patch``: the classic command line of patches."""
from __future__ import annotations

import sys

from flock.cli.shell import Program, run
from patching.contract.limits import CLIENT_WAIT_S

PROGRAM = Program(
    name="sw-patch", description="Patches of the software, and which hosts have them", api_name="patching",
    service_type="patching", url_option="--patching-url", url_env="PATCHING_URL", env_prefix="PATCHING",
    resources=("patching.classic",), timeout_s=CLIENT_WAIT_S)


def main() -> None:
    """Run the command line of this process."""
    sys.exit(run(PROGRAM))


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
"""``software``: the command line of software management."""
from __future__ import annotations

import sys

from flock.cli.shell import Program, run
from patching.contract.limits import CLIENT_WAIT_S

PROGRAM = Program(
    name="software", description="Releases of the software and their deployment on all hosts",
    api_name="software", service_type="usm", url_option="--software-url", url_env="SOFTWARE_URL",
    env_prefix="SOFTWARECLIENT", resources=("patching.resources",), cache_name="softwareclient",
    timeout_s=CLIENT_WAIT_S)


def main() -> None:
    """Run the command line of this process."""
    sys.exit(run(PROGRAM))


if __name__ == "__main__":
    main()

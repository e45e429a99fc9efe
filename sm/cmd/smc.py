# SPDX-License-Identifier: Apache-2.0
"""``smc``: services, groups and controllers as service management sees them."""
from __future__ import annotations

import sys

from flock.cli.shell import Program, run

PROGRAM = Program(
    name="smc", description="Services, groups and controllers of service management.", api_name="smapi",
    service_type="smapi", url_option="--smc-url", url_env="SMC_URL", env_prefix="SMCCLIENT",
    resources=("sm.resources",))


def main() -> None:
    """Run the command line of this process."""
    sys.exit(run(PROGRAM))

# SPDX-License-Identifier: Apache-2.0
"""``fm``: the command line of fault management."""
from __future__ import annotations

import sys

from flock.cli.shell import Program, run

PROGRAM = Program(
    name="fm", description="Alarms and events of the cloud", api_name="fault", service_type="faultmanagement",
    url_option="--fm-url", url_env="FM_URL", env_prefix="FMCLIENT", resources=("fm.resources",))


def main() -> None:
    """Run the command line of this process."""
    sys.exit(run(PROGRAM))


if __name__ == "__main__":
    main()

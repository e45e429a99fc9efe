# SPDX-License-Identifier: Apache-2.0
"""``system``: the command line of the configuration and inventory service."""
from __future__ import annotations

import sys

from flock.cli.shell import Program, run

PROGRAM = Program(
    name="system",
    description="Hosts, hardware inventory and configuration of this cloud.",
    api_name="platform",
    service_type="platform",
    url_option="--system-url",
    url_env="SYSTEM_URL",
    env_prefix="SYSTEMCLIENT",
    resources=("sysinv.resources",),
    cache_name="cgtsclient",
)


def main() -> None:
    sys.exit(run(PROGRAM))


if __name__ == "__main__":
    main()

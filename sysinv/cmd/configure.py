# SPDX-License-Identifier: Apache-2.0
"""``sysinv-configure``: applies the configuration that the agent of this host fetched."""
from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from flock.conf import conf_dir, setup
from flock.core.errors import FlockError
from flock.exec.process import run
from sysinv.agent.applying import apply
from sysinv.agent.configured import exchange_of
from sysinv.agent.machine import hardware_path
from sysinv.conf import agent as options
from sysinv.contract.records import ConfigurationResult

EXAMPLES = """examples:
  sysinv-configure           apply what was ordered since the last time
  sysinv-configure --boot    apply the whole configuration, as at each boot
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Apply the configuration; returns 0, or 1 when something was not applied."""
    parser = argparse.ArgumentParser(prog="sysinv-configure", epilog=EXAMPLES,
                                     description="Apply the configuration that the agent of this host fetched.",
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--boot", action="store_true", help="the host boots")
    args = parser.parse_args(sys.argv[1:] if argv is None else list(argv))
    conf = setup("sysinv-configure", "sysinv", [])
    options.register(conf)
    try:
        hardware = hardware_path(conf.agent.hardware_root, conf_dir() / "hardware_root")
        result = apply(exchange_of(conf), run, Path(conf.agent.tls_directory) / "host.key", boot=args.boot,
                       local={"platform::params::hardware_root": hardware, "platform::params::python": sys.executable})
        text = "" if result is None else _trouble(result)
    except (FlockError, OSError) as error:
        text = str(error)
    if text:
        sys.stderr.write(f"{text}\n")
    return 1 if text else 0


def _trouble(result: ConfigurationResult) -> str:
    return result.error or "\n".join(f"{one.name}: {one.error}" for one in result.failures)


if __name__ == "__main__":
    sys.exit(main())

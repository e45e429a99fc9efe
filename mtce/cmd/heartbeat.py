# SPDX-License-Identifier: Apache-2.0
"""mtce-heartbeat: answers pulses on every host; on controllers sends pulses and evaluates the answers."""
from __future__ import annotations

import logging
import sys

from mtce.heartbeat.daemon import run
from mtce.heartbeat.settings import ConfigurationError, load


def main() -> None:
    """Run until SIGTERM; exits with code 78 when the configuration is invalid."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s", stream=sys.stderr)
    try:
        run(load(sys.argv[1:]))
    except ConfigurationError as error:
        logging.getLogger(__name__).error("%s", error)
        sys.exit(78)

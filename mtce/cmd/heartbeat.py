# SPDX-License-Identifier: Apache-2.0
"""mtce-heartbeat: answers pulses on every host, sends and judges them on controllers."""
from __future__ import annotations

import logging
import sys

from mtce.heartbeat.daemon import run
from mtce.heartbeat.settings import ConfigurationError, load


def main() -> None:
    """Run until SIGTERM; a configuration that cannot be used ends with exit code 78."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s", stream=sys.stderr)
    try:
        run(load(sys.argv[1:]))
    except ConfigurationError as error:
        logging.getLogger(__name__).error("%s", error)
        sys.exit(78)


if __name__ == "__main__":
    main()

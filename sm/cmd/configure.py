# SPDX-License-Identifier: Apache-2.0
"""sm-configure: configures service management of this controller."""
from __future__ import annotations

import sys

from sm.admin import configuring


def main() -> int:
    """Return the exit status: 0 done, 1 refused (reason on stderr), 2 not root or bad arguments."""
    return configuring.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())

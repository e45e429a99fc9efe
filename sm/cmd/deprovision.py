# SPDX-License-Identifier: Apache-2.0
"""sm-deprovision: takes services, groups and paths out of service."""
from __future__ import annotations

import sys

from sm.admin import provisioning


def main() -> int:
    """Return the exit status: 0 done, 1 refused (reason on stderr), 2 not root or bad arguments."""
    return provisioning.main("sm-deprovision", False, sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())

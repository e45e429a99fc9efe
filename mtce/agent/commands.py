# SPDX-License-Identifier: Apache-2.0
"""What maintenance may do to its own host: reboot it, with a fail-safe behind the orderly way."""
from __future__ import annotations

import logging

from flock.core.errors import FlockError
from flock.exec.process import run

LOG = logging.getLogger(__name__)
COMMAND_TIMEOUT_S = 20.0
FORCED = ("systemctl", "reboot", "--force", "--force")


def reboot(failsafe_delay_s: int) -> None:
    """Reboot in order; when that does not end within ``failsafe_delay_s`` the kernel is rebooted at once."""
    try:
        run(_failsafe(failsafe_delay_s), timeout_s=COMMAND_TIMEOUT_S)
    except FlockError as error:
        LOG.error("The fail-safe reboot cannot be armed: %s", error)
    try:
        run(["systemctl", "--no-block", "reboot"], timeout_s=COMMAND_TIMEOUT_S)
    except FlockError as error:
        LOG.error("The orderly reboot cannot be started, forcing it: %s", error)
        run(list(FORCED), timeout_s=COMMAND_TIMEOUT_S)


def _failsafe(delay_s: int) -> list[str]:
    """A unit that the shutdown does not stop: it waits, then reboots the kernel unless that has happened by itself."""
    properties = ("DefaultDependencies=no", "IgnoreOnIsolate=yes", "TimeoutStartSec=infinity", "Type=oneshot",
                  f"ExecStartPre=/bin/sleep {delay_s}")
    return ["systemd-run", "--no-block", "--collect", "--unit=flock-reboot-failsafe",
            *(f"--property={item}" for item in properties), *FORCED]

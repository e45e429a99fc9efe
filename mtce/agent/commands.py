# SPDX-License-Identifier: Apache-2.0
"""Reboots the agent's host in order, with a fail-safe that forces the reboot."""
from __future__ import annotations

import logging

from flock.core.errors import FlockError
from flock.exec.process import run

LOG = logging.getLogger(__name__)
COMMAND_TIMEOUT_S = 20.0
FORCED = ("systemctl", "reboot", "--force", "--force")


def reboot(failsafe_delay_s: int) -> None:
    """Start an orderly reboot; forces it when it has not ended after ``failsafe_delay_s``, or cannot be started."""
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
    """Return the command that starts a unit which survives the shutdown, waits, and then forces the reboot."""
    properties = ("DefaultDependencies=no", "IgnoreOnIsolate=yes", "TimeoutStartSec=infinity", "Type=oneshot",
                  f"ExecStartPre=/bin/sleep {delay_s}")
    return ["systemd-run", "--no-block", "--collect", "--unit=flock-reboot-failsafe",
            *(f"--property={item}" for item in properties), *FORCED]

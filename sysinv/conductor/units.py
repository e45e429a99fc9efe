# SPDX-License-Identifier: Apache-2.0
"""Starts units of systemd that do for the conductor what it may not do itself."""
from __future__ import annotations

import logging

from flock.core.errors import FlockError
from flock.exec.process import run

LOG = logging.getLogger(__name__)
SYSTEMCTL_TIMEOUT_S = 20.0


def start(unit: str) -> None:
    """Start a unit and do not wait for it; one that runs is left alone, and without a name nothing happens.

    A failure is logged; the caller tries again with its next audit.
    """
    if not unit:
        return
    try:
        run(["systemctl", "--no-ask-password", "--no-block", "start", unit], timeout_s=SYSTEMCTL_TIMEOUT_S)
    except FlockError as error:
        LOG.warning("%s could not be started: %s", unit, error)

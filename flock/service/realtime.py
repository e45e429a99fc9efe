# SPDX-License-Identifier: Apache-2.0
"""Has the kernel run this process before others, so that a busy machine is not taken for a dead one."""
from __future__ import annotations

import ctypes
import logging
import os

LOG = logging.getLogger(__name__)
PRIORITY_MAX = 99
_CURRENT, _FUTURE, _ON_FAULT = 1, 2, 4


def prefer(priority: int) -> None:
    """Take a real-time priority (1 to 99; 0: none) and keep in memory what is there.

    The log says what is not permitted. Programs that this process starts have neither.
    """
    if priority <= 0:
        return
    try:
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(priority))
    except OSError as error:
        LOG.warning("No real-time priority: %s", error)
    # Pages are kept once they are used; all at once would take twice the memory.
    if ctypes.CDLL(None, use_errno=True).mlockall(_CURRENT | _FUTURE | _ON_FAULT) != 0:
        LOG.warning("Memory may be paged out: %s", os.strerror(ctypes.get_errno()))

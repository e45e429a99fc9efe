# SPDX-License-Identifier: Apache-2.0
"""Notifies systemd of the process state: READY, STOPPING, RELOADING, STATUS, WATCHDOG."""
from __future__ import annotations

import logging
import os
import socket
import time

LOG = logging.getLogger(__name__)


def notify(*fields: str) -> bool:
    """Send ``NAME=value`` fields in one datagram; False when systemd does not listen."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.settimeout(1.0)
            channel.connect(address)
            channel.sendall("\n".join(fields).encode())
    except OSError as error:
        LOG.debug("systemd could not be notified: %s", error)
        return False
    return True


def reloading() -> None:
    """Notify systemd that a reload begins; ``notify("READY=1")`` must follow at its end."""
    notify("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")


def watchdog_interval_s() -> float | None:
    """Seconds between WATCHDOG=1 messages (half of systemd's limit); None when systemd does not watch this process."""
    usec = os.environ.get("WATCHDOG_USEC", "")
    if not usec.isdigit() or int(usec) == 0:
        return None
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(usec) / 2_000_000

# SPDX-License-Identifier: Apache-2.0
"""mtcAlive past the message bus: the agent hands it to this host's heartbeat daemon, which says it on cluster-host.

The daemon has the sockets and the key that signs; the agent needs neither. Nothing here waits for the bus, which may be
away together with the management network.
"""
from __future__ import annotations

import dataclasses
import logging
import socket
import time
from collections.abc import Callable

from flock.core.backoff import Backoff
from flock.core.codec import codec_for
from flock.jobs.worker import Worker
from mtce.contract.records import MTCALIVE_MAX_BYTES, MtcAlive

LOG = logging.getLogger(__name__)
STOP_WAIT_S = 2.0
TEST_NAME_MAX = 64


def encode(alive: MtcAlive) -> bytes:
    """JSON of at most MTCALIVE_MAX_BYTES; the name of a failed test is cut, and left out when it is all escapes."""
    failed = alive.goenabled_failed
    for name in (failed, failed and failed[:TEST_NAME_MAX], failed and "unknown"):
        data = codec_for(MtcAlive).encode(dataclasses.replace(alive, goenabled_failed=name), "alive")
        if len(data) <= MTCALIVE_MAX_BYTES:
            break
    return data


class Beacon:
    """Says what ``sign`` returns once per period, unless ``say`` was called meanwhile. Its thread never blocks."""

    def __init__(self, path: str, period_s: float, sign: Callable[[], MtcAlive | None]) -> None:
        self._path = path
        self._period_s = period_s
        self._sign = sign
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        self._said_s = -period_s
        self._worker = Worker("mtcalive-beacon", self._beat, Backoff(period_s, period_s))

    def start(self) -> None:
        """Begin to speak."""
        self._worker.start()

    def stop(self) -> None:
        """End."""
        self._worker.stop(STOP_WAIT_S)
        self._sock.close()

    def say(self, alive: MtcAlive) -> None:
        """Hand over one sign of life; a daemon that is away or busy misses it and gets the next one."""
        self._said_s = time.monotonic()
        try:
            self._sock.sendto(encode(alive), self._path)
        except OSError as error:
            LOG.debug("%s does not take an mtcAlive: %s", self._path, error)

    def _beat(self) -> float:
        if time.monotonic() - self._said_s >= self._period_s / 2:
            alive = self._sign()
            if alive is not None:
                self.say(alive)
        return self._period_s

# SPDX-License-Identifier: Apache-2.0
"""Second path of mtcAlive: the agent hands it to this host's mtce-heartbeat, which sends it over cluster-host.

mtce-heartbeat owns the sockets and the signing key; the agent needs neither. Nothing here waits for the bus, which
fails together with the management network.
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
    """Return JSON of at most MTCALIVE_MAX_BYTES; shortens the failed test's name, at last to ``unknown``."""
    failed = alive.goenabled_failed
    for name in (failed, failed and failed[:TEST_NAME_MAX], failed and "unknown"):
        data = codec_for(MtcAlive).encode(dataclasses.replace(alive, goenabled_failed=name), "alive")
        if len(data) <= MTCALIVE_MAX_BYTES:
            break
    return data


class Beacon:
    """Sends the mtcAlive that ``sign`` returns once per period, unless ``say`` sent one meanwhile. Never blocks."""

    def __init__(self, path: str, period_s: float, sign: Callable[[], MtcAlive | None]) -> None:
        self._path = path
        self._period_s = period_s
        self._sign = sign
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        self._said_s = -period_s
        self._worker = Worker("mtcalive-beacon", self._beat, Backoff(period_s, period_s))

    def start(self) -> None:
        """Start the sending thread."""
        self._worker.start()

    def stop(self) -> None:
        """Stop the thread and close the socket."""
        self._worker.stop(STOP_WAIT_S)
        self._sock.close()

    def say(self, alive: MtcAlive) -> None:
        """Send one mtcAlive; drops it when mtce-heartbeat is down or busy, because another follows."""
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

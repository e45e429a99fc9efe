# SPDX-License-Identifier: Apache-2.0
"""Which hosts get pulses of their own beside the multicast ones, because those do not reach them. No socket, no clock.

A switch that snoops IGMP may end the memberships of all its ports, also because somebody on the network deceives it.
Nothing in an answer says by which way its pulse came, so pulses of a host's own go on for a while, and then one or two
multicast ones show whether they arrive again: fewer than any level needs.
"""
from __future__ import annotations

from collections.abc import Collection

from mtce.core.heartbeat import Path

AFTER_MISSES = 2
KEPT_MS = 60_000


class Fallback:
    """The hosts of one network. Callers pass monotonic milliseconds."""

    def __init__(self) -> None:
        self._until_ms: dict[bytes, int] = {}

    def due(self, paths: Collection[tuple[bytes, Path]], now_ms: int) -> list[bytes]:
        """The hosts, by the bytes of their uuid, that get the pulse of now also by unicast.

        ``paths`` are all of this network after the period that ended now was evaluated; a host that is not among them
        is forgotten. A host that missed AFTER_MISSES pulses gets them until KEPT_MS after its last such miss.
        """
        silent = [host for host, path in paths if path.misses >= AFTER_MISSES]
        if not silent and not self._until_ms:
            return []
        known = {host for host, _ in paths}
        kept = {host: until_ms for host, until_ms in self._until_ms.items() if until_ms > now_ms and host in known}
        kept.update(dict.fromkeys(silent, now_ms + KEPT_MS))
        self._until_ms = kept
        return list(kept)

# SPDX-License-Identifier: Apache-2.0
"""Which of the reply queues that the broker holds ready for a host belongs to this process.

The programs of a host share its account. A lock on a file per queue gives each of them one, and ends with the process.
"""
from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from flock.core.errors import Refused, Unavailable
from flock.exec.alone import alone


class ReplyQueueLock:
    """Locks in ``directory``, which is made for its owner only: whoever could lock its files could stop programs."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._name = ""
        self._held = contextlib.ExitStack()

    def take(self, names: Sequence[str]) -> str:
        """The first of ``names`` that no living process holds, held until ``release``; always the same one.

        Unavailable: all are held, or the directory cannot be used.
        """
        if self._name:
            return self._name
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            for name in names:
                with contextlib.suppress(Refused):
                    self._held.enter_context(alone(self._directory / name, "Another program uses this queue."))
                    self._name = name
                    return name
        except OSError as error:
            raise Unavailable(service="message bus", reason=f"{self._directory}: {error.strerror}") from error
        raise Unavailable(service="message bus", reason=f"{len(names)} programs of this host already wait for replies; "
                                                        "end one of them")

    def release(self) -> None:
        """Let another process have it. In the child of a fork, its parent keeps it."""
        self._name = ""
        self._held.close()

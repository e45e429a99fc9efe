# SPDX-License-Identifier: Apache-2.0
"""Starting while neighbours (broker, database, Keystone) may not be there yet: retry, one line per attempt."""
from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TypeVar

from flock.core.backoff import Backoff

LOG = logging.getLogger(__name__)
T = TypeVar("T")

# Mistakes of code or configuration: retrying does not mend them, the process ends and its supervisor decides.
FINAL = (TypeError, ValueError, AttributeError, LookupError, NameError, ImportError, AssertionError, MemoryError,
         SyntaxError)


class Abandoned(Exception):
    """The wait was ended by ``stop`` before it succeeded."""


def until_ready(what: str, attempt: Callable[[], T], *, stop: threading.Event, backoff: Backoff | None = None,
                on_failure: Callable[[str], None] | None = None) -> T:
    """Call ``attempt`` until it returns; between attempts pause by ``backoff`` and tell ``on_failure`` a sentence.

    Errors in ``FINAL`` are raised at once; ``Abandoned`` when ``stop`` is set.
    """
    for pause_s in (backoff or Backoff()).pauses_s():
        if stop.is_set():
            raise Abandoned(what)
        try:
            return attempt()
        except FINAL:
            raise
        except Exception as error:  # noqa: BLE001  # whatever a neighbour's absence looks like
            sentence = f"{what} could not start: {type(error).__name__}: {error}"
            LOG.warning("%s; next attempt in %.1f s", sentence.splitlines()[0], pause_s)
            if on_failure is not None:
                on_failure(sentence.splitlines()[0])
        stop.wait(pause_s)
    raise AssertionError("endless")

# SPDX-License-Identifier: Apache-2.0
"""Retries a start while required services (broker, database, Keystone) are not available; logs each attempt."""
from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TypeVar

from flock.core.backoff import Backoff

LOG = logging.getLogger(__name__)
T = TypeVar("T")

# Errors of code or configuration: a retry cannot succeed, so the process ends and its supervisor decides.
FINAL = (TypeError, ValueError, AttributeError, LookupError, NameError, ImportError, AssertionError, MemoryError,
         SyntaxError)


class Abandoned(Exception):
    """``stop`` was set before an attempt succeeded."""


def until_ready(what: str, attempt: Callable[[], T], *, stop: threading.Event, backoff: Backoff | None = None,
                on_failure: Callable[[str], None] | None = None) -> T:
    """Call ``attempt`` until it returns, and return its result.

    After each failure, calls ``on_failure(sentence)`` and pauses by ``backoff``. Raises errors in ``FINAL`` at once,
    and ``Abandoned`` when ``stop`` is set.
    """
    for pause_s in (backoff or Backoff()).pauses_s():
        if stop.is_set():
            raise Abandoned(what)
        try:
            return attempt()
        except FINAL:
            raise
        except Exception as error:  # noqa: BLE001  # a missing service may cause any exception
            sentence = f"{what} could not start: {type(error).__name__}: {error}"
            LOG.warning("%s; next attempt in %.1f s", sentence.splitlines()[0], pause_s)
            if on_failure is not None:
                on_failure(sentence.splitlines()[0])
        stop.wait(pause_s)
    raise AssertionError("endless")

# SPDX-License-Identifier: Apache-2.0
"""What holds for unit tests only."""
from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def earlier_threads() -> frozenset[int | None]:
    """The threads that tests before this one have left."""
    return frozenset(thread.ident for thread in threading.enumerate()) - {threading.get_ident()}


@pytest.fixture
def caplog(caplog: pytest.LogCaptureFixture,
           earlier_threads: frozenset[int | None]) -> Iterator[pytest.LogCaptureFixture]:
    """Without what threads of earlier tests still say.

    A thread that waits for a broker which is not there outlives its test, and so does what it starts; nothing that the
    library of the bus says is about a unit test.
    """
    def own(record: logging.LogRecord) -> bool:
        return record.thread not in earlier_threads and not record.name.startswith("oslo.messaging")

    caplog.handler.addFilter(own)
    yield caplog
    caplog.handler.removeFilter(own)

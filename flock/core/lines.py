# SPDX-License-Identifier: Apache-2.0
"""Log records whose message is one line, whatever a client sent: a line break in a value cannot forge another line."""
from __future__ import annotations

import logging

from flock.core.text import storable


class EscapedRecord(logging.LogRecord):
    """A record whose message has escapes such as ``\\x0a`` in place of control characters; tracebacks keep lines."""

    def getMessage(self) -> str:
        """The message with its arguments, escaped."""
        return storable(super().getMessage())


def escape_all() -> None:
    """Make every log record of this process an ``EscapedRecord``."""
    logging.setLogRecordFactory(EscapedRecord)

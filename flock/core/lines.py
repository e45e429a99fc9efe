# SPDX-License-Identifier: Apache-2.0
"""Log records whose message is one line, whatever a client sent: a line break in a value cannot forge another line."""
from __future__ import annotations

import logging

from flock.core.text import storable

SUMMARY_MAX = 1_000


class EscapedRecord(logging.LogRecord):
    """A record whose message has escapes such as ``\\x0a`` in place of control characters; tracebacks keep lines.

    oslo.log ends the line with ``error_summary``, the text of the exception, which a peer may write. Each line of
    a traceback begins with oslo.log's own prefix, so none of them looks like the line of another program.
    """

    @property
    def error_summary(self) -> str:
        """The text of the exception in one line, cut."""
        return str(self.__dict__.get("error_summary", ""))

    @error_summary.setter
    def error_summary(self, text: str) -> None:
        # The formatter reads this dictionary.
        self.__dict__["error_summary"] = storable(text, SUMMARY_MAX)

    def getMessage(self) -> str:
        """The message with its arguments, escaped."""
        return storable(super().getMessage())


def escape_all() -> None:
    """Make every log record of this process an ``EscapedRecord``."""
    logging.setLogRecordFactory(EscapedRecord)

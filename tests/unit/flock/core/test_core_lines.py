# SPDX-License-Identifier: Apache-2.0
"""A log message stays one line, whatever a client sent."""
from __future__ import annotations

import logging

import pytest

from flock.core.lines import EscapedRecord, escape_all
from flock.core.text import spreadsheet_cell


def test_a_line_break_in_a_value_cannot_forge_a_line() -> None:
    record = EscapedRecord("a", logging.INFO, "p", 1, "host %s reports %s",
                           ("worker-0\nINFO root: admin logged in", "x\x1b[2J"), None)
    text = logging.Formatter("%(message)s").format(record)
    assert text == "host worker-0\\x0aINFO root: admin logged in reports x\\x1b[2J"


def test_every_logger_of_the_process_escapes(caplog: pytest.LogCaptureFixture) -> None:
    before = logging.getLogRecordFactory()
    escape_all()
    try:
        logging.getLogger("some.library").warning("refused %s", "a\r\nb")
    finally:
        logging.setLogRecordFactory(before)
    assert caplog.messages == ["refused a\\x0d\\x0ab"]


@pytest.mark.parametrize(("value", "cell"), [
    ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"), ("+1", "'+1"), ("-1", "'-1"), ("@a", "'@a"), ("\t=1", "'\t=1"),
    ("host=worker-0", "host=worker-0"), ("", ""), (None, None), (-1, -1)])
def test_a_spreadsheet_runs_no_text(value: object, cell: object) -> None:
    assert spreadsheet_cell(value) == cell

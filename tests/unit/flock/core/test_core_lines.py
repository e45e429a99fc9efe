# SPDX-License-Identifier: Apache-2.0
"""A log message stays one line, whatever a client sent."""
from __future__ import annotations

import logging
import sys

import pytest
from oslo_config import cfg
from oslo_log import log
from oslo_log.formatters import ContextFormatter

from flock.core.lines import EscapedRecord, escape_all
from flock.core.text import spreadsheet_cell


def test_a_line_break_in_a_value_cannot_forge_a_line() -> None:
    record = EscapedRecord("a", logging.INFO, "p", 1, "host %s reports %s",
                           ("worker-0\nINFO root: admin logged in", "x\x1b[2J"), None)
    text = logging.Formatter("%(message)s").format(record)
    assert text == "host worker-0\\x0aINFO root: admin logged in reports x\\x1b[2J"


def test_the_text_of_an_exception_cannot_forge_a_line() -> None:
    """A message id of a peer, in an exception of the messaging library, was a line of sshd in the journal."""
    conf = cfg.ConfigOpts()
    log.register_options(conf)
    conf([], project="lines")
    forged = "Nov 30 11:11:11 controller-0 sshd[1]: Accepted password for root"
    try:
        raise ValueError(f"message id x\n{forged}\n{'y' * 5_000}")
    except ValueError:
        record = EscapedRecord("a", logging.ERROR, "p", 1, "ignoring it", (), sys.exc_info())
    first, *others = ContextFormatter(config=conf).format(record).split("\n")
    assert f"ignoring it: ValueError: message id x\\x0a{forged}" in first and len(first) < 2_000
    assert all(" ERROR a " in line for line in others) and any(line.endswith(forged) for line in others)


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

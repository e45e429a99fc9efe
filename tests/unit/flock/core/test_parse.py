# SPDX-License-Identifier: Apache-2.0
"""JSON of strangers: every fault is a ValueError, and no code of the product parses bytes from elsewhere without it."""
import pytest

from flock.cli.errors import server_sentence
from flock.core.parse import parse_json
from fm.client.stream import CliError, Message


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", "[" * 100_000, b'{"a":' * 100_000])
def test_every_fault_is_a_value_error(text):
    with pytest.raises(ValueError, match="."):
        parse_json(text)


def test_a_document_is_read():
    assert parse_json(b'{"a": [1, null]}') == {"a": [1, None]}


def test_the_command_line_survives_a_reply_of_brackets():
    assert server_sentence(b"[" * 100_000) == ""
    with pytest.raises(CliError, match="invalid event"):
        Message("1", "fm", "[" * 100_000).event()

# SPDX-License-Identifier: Apache-2.0
"""The sentence inside an error body."""
import json

import pytest

from flock.cli.errors import ApiError, server_sentence, status_sentence

INNER = json.dumps({"debuginfo": None, "faultcode": "Client", "faultstring": "Host must be locked."})


@pytest.mark.parametrize(("body", "expected"), [
    (json.dumps({"error_message": INNER}), "Host must be locked."),
    (json.dumps({"error_message": {"faultstring": "Host must be locked."}}), "Host must be locked."),
    (INNER, "Host must be locked."),
    (json.dumps({"error_message": "plain words"}), "plain words"),
    (json.dumps({"error": {"code": 401, "message": "no", "title": "Unauthorized"}}), "no"),
    (json.dumps({"error_message": json.dumps({"faultstring": "two\n  lines"})}), "two lines"),
    ("<html>bad gateway</html>", ""),
    ("", ""),
    ("[1]", ""),
    (b"\xff\xfe", ""),
])
def test_the_servers_sentence(body: str | bytes, expected: str) -> None:
    assert server_sentence(body) == expected


def test_a_body_that_says_nothing() -> None:
    assert status_sentence(502) == "HTTP Server Error (HTTP 502)"
    assert status_sentence(404, "Not Found") == "HTTP Client Error (HTTP 404): Not Found"


def test_nesting_without_end_is_cut() -> None:
    body: object = {"faultstring": "deep"}
    for _ in range(20):
        body = {"error_message": json.dumps(body)}
    assert server_sentence(json.dumps(body)) == ""


def test_detailed_names_status_and_request() -> None:
    assert ApiError(409, "No.", "req-7").detailed() == "No. (HTTP 409, request req-7)"
    assert ApiError(409, "No.").detailed() == "No. (HTTP 409)"

# SPDX-License-Identifier: Apache-2.0
"""The sentence inside an error body."""
import json

import pytest

from flock.cli.errors import ApiError, fault_text

INNER = json.dumps({"debuginfo": None, "faultcode": "Client", "faultstring": "Host must be locked."})


@pytest.mark.parametrize(("body", "expected"), [
    (json.dumps({"error_message": INNER}), "Host must be locked."),
    (json.dumps({"error_message": {"faultstring": "Host must be locked."}}), "Host must be locked."),
    (INNER, "Host must be locked."),
    (json.dumps({"error_message": "plain words"}), "plain words"),
    (json.dumps({"error": {"code": 401, "message": "no", "title": "Unauthorized"}}), "no"),
    (json.dumps({"error_message": json.dumps({"faultstring": "two\n  lines"})}), "two lines"),
    ("<html>bad gateway</html>", "HTTP Server Error (HTTP 502)"),
    ("", "HTTP Server Error (HTTP 502)"),
    ("[1]", "HTTP Server Error (HTTP 502)"),
    (b"\xff\xfe", "HTTP Server Error (HTTP 502)"),
])
def test_fault_text(body: str | bytes, expected: str) -> None:
    assert fault_text(body, 502) == expected


def test_nesting_without_end_is_cut() -> None:
    body: object = {"faultstring": "deep"}
    for _ in range(20):
        body = {"error_message": json.dumps(body)}
    assert fault_text(json.dumps(body), 400) == "HTTP Client Error (HTTP 400)"


def test_detailed_names_status_and_request() -> None:
    assert ApiError(409, "No.", "req-7").detailed() == "No. (HTTP 409, request req-7)"
    assert ApiError(409, "No.").detailed() == "No. (HTTP 409)"

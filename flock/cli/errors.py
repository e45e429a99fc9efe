# SPDX-License-Identifier: Apache-2.0
"""Errors of the command lines, each with the exit code that scripts may rely on."""
from __future__ import annotations

import json
from typing import Any, ClassVar

from flock.cli.table import printable


class CliError(Exception):
    """One sentence for stderr; ``exit_code`` is the program's exit code."""

    exit_code: ClassVar[int] = 1


class UsageError(CliError):
    """The command line is invalid."""

    exit_code: ClassVar[int] = 2


class Cancelled(CliError):
    """The operator did not confirm."""


class OperationFailed(CliError):
    """An operation failed while the command waited for it."""


class WaitTimeout(CliError):
    """An operation did not end within the timeout of the command; it continues."""


class ApiUnreachable(CliError):
    """No connection to the API or to Keystone, or no response."""


class ApiError(CliError):
    """The API returned an error.

    ``status`` is the HTTP status; ``text`` is the server's sentence or, if ``from_server`` is False,
    one made from the status.
    """

    def __init__(self, status: int, text: str, request_id: str | None = None, from_server: bool = True) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.request_id = request_id
        self.from_server = from_server

    def detailed(self) -> str:
        """The sentence with status and request id, for error reports."""
        request = f", request {self.request_id}" if self.request_id else ""
        return f"{self.text} (HTTP {self.status}{request})"


def server_sentence(body: bytes | str) -> str:
    """The sentence inside an error body, as one line; empty when there is none.

    StarlingX wraps it twice: ``{"error_message": "<JSON text with faultstring>"}``. Older layers send only the inner
    object, and proxies send no JSON.
    """
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    return printable(" ".join(_sentence(_parsed(text)).split()))


def status_sentence(status: int, reason: str = "") -> str:
    """The sentence for an error whose body has none."""
    kind = "Client" if status < 500 else "Server"
    return f"HTTP {kind} Error (HTTP {status}){': ' + reason if reason else ''}"


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _sentence(value: Any, depth: int = 0) -> str:
    """Find ``faultstring`` (or Keystone's ``message``) in at most four nested layers."""
    if depth > 4:
        return ""
    if isinstance(value, str):
        inner = _parsed(value)
        return _sentence(inner, depth + 1) if isinstance(inner, dict) else value
    if not isinstance(value, dict):
        return ""
    for key in ("faultstring", "error_message", "error", "message", "title"):
        if value.get(key):
            return _sentence(value[key], depth + 1)
    return ""

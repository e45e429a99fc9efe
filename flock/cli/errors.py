# SPDX-License-Identifier: Apache-2.0
"""What can go wrong between an operator and an API, each with the exit code a script may rely on."""
from __future__ import annotations

import json
from typing import Any, ClassVar


class CliError(Exception):
    """One sentence for stderr; ``exit_code`` is what the program ends with."""

    exit_code: ClassVar[int] = 1


class UsageError(CliError):
    """The command line itself is wrong."""

    exit_code: ClassVar[int] = 2


class Cancelled(CliError):
    """The operator did not confirm."""


class OperationFailed(CliError):
    """A waited-for operation ended badly."""


class WaitTimeout(CliError):
    """A waited-for operation did not end in time; it goes on."""


class ApiUnreachable(CliError):
    """No connection to the API or to Keystone; nothing was answered."""


class ApiError(CliError):
    """The API answered with an error. ``status`` is the HTTP status, ``text`` the server's own sentence."""

    def __init__(self, status: int, text: str, request_id: str | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.request_id = request_id

    def detailed(self) -> str:
        """The sentence with status and request id, for reports to the people who run the service."""
        request = f", request {self.request_id}" if self.request_id else ""
        return f"{self.text} (HTTP {self.status}{request})"


def fault_text(body: bytes | str, status: int, reason: str = "") -> str:
    """The sentence inside an error body.

    StarlingX wraps it twice: ``{"error_message": "<JSON text holding faultstring>"}``; older layers send the inner
    object plain, and proxies send no JSON at all. Whatever comes, the result is one line and never empty.
    """
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    found = _sentence(_parsed(text))
    if not found:
        kind = "Client" if status < 500 else "Server"
        found = f"HTTP {kind} Error (HTTP {status}){': ' + reason if reason else ''}"
    return " ".join(found.split())


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _sentence(value: Any, depth: int = 0) -> str:
    """Dig ``faultstring`` (or Keystone's ``message``) out of at most four nested layers."""
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

# SPDX-License-Identifier: Apache-2.0
"""What can go wrong between an operator and an API, each with the exit code a script may rely on."""
from __future__ import annotations

import json
from typing import Any, ClassVar

from flock.cli.table import printable


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
    """The API answered with an error.

    ``status`` is the HTTP status, ``text`` the server's own sentence or, not ``said``, one made from the status.
    """

    def __init__(self, status: int, text: str, request_id: str | None = None, said: bool = True) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.request_id = request_id
        self.said = said

    def detailed(self) -> str:
        """The sentence with status and request id, for reports to the people who run the service."""
        request = f", request {self.request_id}" if self.request_id else ""
        return f"{self.text} (HTTP {self.status}{request})"


def server_sentence(body: bytes | str) -> str:
    """The sentence inside an error body, in one line; empty when there is none.

    StarlingX wraps it twice: ``{"error_message": "<JSON text holding faultstring>"}``; older layers send the inner
    object plain, and proxies send no JSON at all.
    """
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    return printable(" ".join(_sentence(_parsed(text)).split()))


def status_sentence(status: int, reason: str = "") -> str:
    """What to say about an error whose body says nothing."""
    kind = "Client" if status < 500 else "Server"
    return f"HTTP {kind} Error (HTTP {status}){': ' + reason if reason else ''}"


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

# SPDX-License-Identifier: Apache-2.0
"""Errors of the lab: each has a one-sentence text for the user and an exit status."""

from __future__ import annotations

EXIT_FAILED = 1
EXIT_USAGE = 2


class LabError(Exception):
    """A refusal or failure; the command prints the text and exits with `status`."""

    def __init__(self, text: str, status: int = EXIT_FAILED) -> None:
        super().__init__(text)
        self.text = text
        self.status = status


class NotAvailable(LabError):
    """A malformed request, or a request for something that the lab does not offer."""

    def __init__(self, text: str) -> None:
        super().__init__(text, EXIT_USAGE)

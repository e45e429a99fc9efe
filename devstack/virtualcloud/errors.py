# SPDX-License-Identifier: Apache-2.0
"""What the lab can refuse or fail at: one class, one sentence for the person at the keyboard, one exit status."""

from __future__ import annotations

EXIT_FAILED = 1
EXIT_USAGE = 2


class LabError(Exception):
    """A refusal or failure whose text is shown as it is; `status` is the exit status of the command."""

    def __init__(self, text: str, status: int = EXIT_FAILED) -> None:
        super().__init__(text)
        self.text = text
        self.status = status


class NotAvailable(LabError):
    """Asked for something the lab does not offer yet, or a malformed request."""

    def __init__(self, text: str) -> None:
        super().__init__(text, EXIT_USAGE)

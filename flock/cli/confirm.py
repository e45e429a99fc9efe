# SPDX-License-Identifier: Apache-2.0
"""The question before a dangerous command, asked only where the platform enables it."""
from __future__ import annotations

import select
from collections.abc import Mapping
from typing import TextIO

from flock.cli.errors import Cancelled

CONFIRM_TIMEOUT_S = 10
QUESTION = "Do you want to continue? (yes/No): "


def enabled(environ: Mapping[str, str]) -> bool:
    """True when ``CLI_CONFIRMATIONS=enabled`` is set, as the platform's service parameter does on controllers."""
    return environ.get("CLI_CONFIRMATIONS", "").strip().lower() == "enabled"


def confirm(stdin: TextIO, stderr: TextIO, timeout_s: float = CONFIRM_TIMEOUT_S) -> None:
    """Return when the operator types ``yes``.

    Raises Cancelled for any other answer and after ``timeout_s`` seconds of silence.
    """
    stderr.write(QUESTION)
    stderr.flush()
    readable, _, _ = select.select([stdin], [], [], timeout_s)
    if not readable:
        raise Cancelled(f"No answer within {timeout_s:g} seconds. Operation cancelled.")
    if stdin.readline().strip() != "yes":
        raise Cancelled("Operation cancelled by the user.")

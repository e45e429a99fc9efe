# SPDX-License-Identifier: Apache-2.0
"""Confirmation of dangerous commands, only if the platform enables it."""
from __future__ import annotations

import select
from collections.abc import Mapping
from typing import TextIO

from flock.cli.errors import Cancelled

CONFIRM_TIMEOUT_S: float = 10
QUESTION = "Do you want to continue? (yes/No): "


def enabled(environ: Mapping[str, str]) -> bool:
    """True when ``CLI_CONFIRMATIONS=enabled`` is set; the platform's service parameter sets it on controllers."""
    return environ.get("CLI_CONFIRMATIONS", "").strip().lower() == "enabled"


def confirm(stdin: TextIO, stderr: TextIO) -> None:
    """Ask on stderr and return when the operator types ``yes``.

    Raises Cancelled for any other input and after CONFIRM_TIMEOUT_S seconds without input.
    """
    stderr.write(QUESTION)
    stderr.flush()
    readable, _, _ = select.select([stdin], [], [], CONFIRM_TIMEOUT_S)
    if not readable:
        stderr.write("\n")
        raise Cancelled(f"No answer within {CONFIRM_TIMEOUT_S:g} seconds. Operation cancelled.")
    if stdin.readline().strip() != "yes":
        raise Cancelled("Operation cancelled by the user.")

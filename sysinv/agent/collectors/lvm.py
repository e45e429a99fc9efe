# SPDX-License-Identifier: Apache-2.0
"""What LVM's programs tell as JSON. A recording of a machine has their output in ``run/lvm``."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from flock.core.errors import InvalidInput
from flock.exec.process import CommandNotFound, run
from flock.exec.root import Root

TIMEOUT_S = 20.0
DIGITS_MAX = 20
RECORDED = "run/lvm"


def told(root: Root, program: str, fields: str) -> list[dict[str, str]]:
    """Return the rows that ``vgs`` or ``pvs`` reports, none without LVM.

    Raises an error of the program, or InvalidInput for output that is no report.
    """
    if root.path != Path("/"):
        text = root.text(f"{RECORDED}/{program}.json") or '{"report": []}'
    else:
        try:
            text = run(arguments(program, fields), timeout_s=TIMEOUT_S).out
        except CommandNotFound:
            return []
    return rows(text, program.removesuffix("s"))


def arguments(program: str, fields: str) -> list[str]:
    """Return the command line of a report in bytes, without units."""
    return [program, "--reportformat", "json", "--units", "b", "--nosuffix", "--options", fields]


def rows(text: str, kind: str) -> list[dict[str, str]]:
    """Return the rows of a report; InvalidInput."""
    try:
        document: Any = json.loads(text)
        return [{str(name): str(value) for name, value in row.items()}
                for part in document["report"] for row in part[kind]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidInput(field="report of LVM", rule=f"must be JSON with a list {kind}") from error


def number(row: dict[str, str], name: str) -> int:
    """Return a number of a row; InvalidInput."""
    text = row.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX):
        raise InvalidInput(field=name, rule="must be a number")
    return int(text)

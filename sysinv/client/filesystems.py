# SPDX-License-Identifier: Apache-2.0
"""What the commands for file systems of hosts and of the controllers share: sizes as ``name=GiB``."""
from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from flock.cli.commands import json_patch
from flock.cli.errors import UsageError

_SIZE = re.compile(r"[0-9]{1,7}")


def sizes(pairs: Sequence[str]) -> dict[str, int]:
    """Return ``["scratch=20", …]`` as sizes in GiB by name; UsageError for another form and for a repeated name."""
    found: dict[str, int] = {}
    for pair in pairs:
        name, equals, size = pair.partition("=")
        if not name or not equals or _SIZE.fullmatch(size) is None:
            raise UsageError(f"{pair!r} is not of the form name=size with a size in whole GiB")
        if name in found:
            raise UsageError(f"file system {name} is given twice")
        found[name] = int(size)
    return found


def patches(wanted: dict[str, int]) -> list[list[dict[str, Any]]]:
    """Return the body of ``update_many``."""
    return [json_patch({"name": name, "size": str(size)}) for name, size in wanted.items()]

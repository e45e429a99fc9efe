# SPDX-License-Identifier: Apache-2.0
"""Facts of this host that its services find in platform.conf, one ``key=value`` in a line."""
from __future__ import annotations

from flock.exec.root import Root

PATH = "etc/platform/platform.conf"


def value(root: Root, key: str) -> str | None:
    """The value of a key such as ``UUID``; None when it is missing or empty."""
    for line in root.lines(PATH):
        name, _, found = line.partition("=")
        if name.strip() == key and found.strip():
            return found.strip()
    return None

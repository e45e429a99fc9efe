# SPDX-License-Identifier: Apache-2.0
"""What the agent must know after its end or the host's: stored before each step that depends on it."""
from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flock.core.codec import codec_for
from flock.core.records import replace
from flock.exec.atomic import replace_file
from patching.contract.records import Content, InstallOrder, InstallResult

FILE_MODE = 0o600


@dataclass(frozen=True, slots=True)
class Memory:
    """``version``: what the host runs after its next boot, ``running``: what it runs; both empty before the first
    installation. ``contents``: installed. ``origins``: by back end, versions of packages before releases touched them.

    ``order``: being carried out. ``result``: of the last order that has ended. ``boot_id``: of the boot in which
    ``needs_reboot`` was set. ``after_boot``: releases whose hooks wait for the next boot.
    """

    version: str = ""
    running: str = ""
    contents: list[Content] = field(default_factory=list)
    origins: dict[str, dict[str, str]] = field(default_factory=dict)
    order: InstallOrder | None = None
    result: InstallResult | None = None
    rejected: bool = False
    boot_id: str = ""
    needs_reboot: bool = False
    after_boot: list[str] = field(default_factory=list)


class Book:
    """The memory in a file, for several threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._memory: Memory = codec_for(Memory).decode(path.read_bytes(), str(path)) if path.exists() else Memory()

    @property
    def memory(self) -> Memory:
        """The memory of this moment."""
        return self._memory

    def write(self, **changes: Any) -> Memory:
        """Store other values of fields; they count once they are on the disk."""
        with self._lock:
            changed: Memory = replace(self._memory, **changes)
            if changed != self._memory:
                replace_file(self._path, codec_for(Memory).encode(changed, str(self._path)), FILE_MODE)
                self._memory = changed
            return changed

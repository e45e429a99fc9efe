# SPDX-License-Identifier: Apache-2.0
"""Packages that exist only in a list, for tests: with failures, and with installations that wait.

``<root>/var/lib/fake-packages/installed.json`` has the versions. ``fail`` beside it names a package whose change fails;
while ``hold`` exists, every installation waits in its middle.
"""
from __future__ import annotations

import json
import time
from pathlib import Path
from typing import ClassVar

from flock.exec.atomic import replace_file
from patching.backends.interface import BackendFailed, Capabilities, Item, Op

SUFFIX = ".fake"
POLL_S = 0.02


class Fake:
    """Implements Backend."""

    name: ClassVar[str] = "fake"
    capabilities: ClassVar[Capabilities] = Capabilities(atomic=False, waits_for_boot=False, needs_root=False)

    def __init__(self, root: Path, timeout_s: float) -> None:
        self._place = root / "var/lib/fake-packages"
        self._timeout_s = timeout_s

    def current(self) -> dict[str, str]:
        """See Backend."""
        try:
            return dict(json.loads((self._place / "installed.json").read_text()))
        except FileNotFoundError:
            return {}

    def running(self) -> dict[str, str]:
        """See Backend."""
        return {}

    def compare(self, one: str, other: str) -> int:
        """See Backend; versions are numbers with dots between them."""
        first, second = ([int(part) for part in version.split(".")] for version in (one, other))
        return (first > second) - (first < second)

    def apply(self, ops: tuple[Op, ...], at_hand: tuple[Item, ...], in_service: bool) -> bool:
        """See Backend. Packages before the one that fails are changed, like those of a real tool that dies."""
        deadline = time.monotonic() + self._timeout_s
        for op in ops:
            if self._fault("fail") == op.name:
                raise BackendFailed(detail=f"{op.name} cannot be changed: it was told to fail.")
            found = self.current()
            found.pop(op.name, None)
            if op.after:
                found[op.name] = op.after
            replace_file(self._place / "installed.json", json.dumps(found, sort_keys=True))
            while (self._place / "hold").exists():
                if time.monotonic() > deadline:
                    raise BackendFailed(detail=f"The installation has not ended within {self._timeout_s} s.")
                time.sleep(POLL_S)
        return not in_service

    def settle(self) -> None:
        """See Backend; nothing waits for a boot."""

    def clean_up(self, keep: frozenset[str]) -> None:
        """See Backend; nothing is stored."""

    def _fault(self, name: str) -> str:
        try:
            return (self._place / name).read_text().strip()
        except FileNotFoundError:
            return ""


def describe(path: Path) -> Item:
    """The package of a file ``*.fake``: JSON with ``name`` and ``version``. BackendFailed: it is none."""
    try:
        found = json.loads(path.read_text())
        return Item(str(found["name"]), str(found["version"]), path)
    except (ValueError, KeyError, TypeError) as error:
        raise BackendFailed(detail=f"{path.name} is no package: {error!r}.") from error

# SPDX-License-Identifier: Apache-2.0
"""An event loop whose time jumps to the next timer when nothing else is to be done: hours pass in no time."""
from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any


class _Selector(selectors.DefaultSelector):
    passed_s = 0.0

    def select(self, timeout: float | None = None) -> Any:
        found = super().select(0 if timeout is not None else 5)
        if not found and timeout is not None:
            self.passed_s += max(timeout, 0)
        elif not found:
            raise AssertionError("the test waits for something that cannot happen")
        return found


class WarpLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.warped = _Selector()
        super().__init__(self.warped)

    def time(self) -> float:
        return 1000.0 + self.warped.passed_s


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run ``main`` to its end."""
    with asyncio.Runner(loop_factory=WarpLoop) as runner:
        runner.run(main)

# SPDX-License-Identifier: Apache-2.0
"""A root directory whose scripts the plug-ins execute."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sm.plugins.plugin import Tools
from sm.plugins.scope import Scopes
from sm.systemd.units import Units

Write = Callable[..., Path]


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return Tools(Scopes(), Units("unix:path=/nowhere"), tmp_path)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(place: str, text: str, mode: int = 0o755) -> Path:
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(mode)
        return path
    return written

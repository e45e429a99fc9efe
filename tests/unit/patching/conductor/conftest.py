# SPDX-License-Identifier: Apache-2.0
"""Conductors of small clouds."""
from __future__ import annotations

from pathlib import Path

import pytest

from flock.db import Database
from tests.unit.patching.artifact.conftest import Authority
from tests.unit.patching.conductor.office import Office


@pytest.fixture
def office(database: Database, tmp_path: Path) -> Office:
    """One controller."""
    return Office(database, tmp_path)


@pytest.fixture
def duplex(database: Database, tmp_path: Path) -> Office:
    """Two controllers and a worker."""
    return Office(database, tmp_path, ("controller-0", "controller-1", "compute-0"))


@pytest.fixture(scope="session")
def maker(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Somebody whose signature counts."""
    return Authority("maker", tmp_path_factory.mktemp("makers"))

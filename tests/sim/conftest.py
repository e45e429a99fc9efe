# SPDX-License-Identifier: Apache-2.0
"""Simulations repeat the same lines a million times: measuring which lines run takes as long as running them. What they
run is also run by unit tests, which are measured."""
from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def unmeasured(no_cover: None) -> None:
    """Pauses coverage, where it is measured at all."""

# SPDX-License-Identifier: Apache-2.0
"""What waits in the spool shows in the metrics of the process that raises."""
from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from flock.core.errors import Unavailable
from fm.contract.rpc import FaultOutcome, FaultRequest, FmManager
from fm.raiser import Raiser, metrics


class Away(FmManager):
    """A manager that is away."""

    def apply(self, *, requests: list[FaultRequest]) -> list[FaultOutcome]:
        raise Unavailable(service="fm-manager", reason="away")


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Raisers of other tests do not count."""
    metrics._SPOOLS.watched.clear()


def test_depth_of_the_spool(tmp_path: Path) -> None:
    raiser = Raiser(None, tmp_path, manager=Away())
    try:
        assert REGISTRY.get_sample_value("fm_spool_requests") == 0
        raiser.raise_alarm("200.004", entity_instance_id="host=c0")
        raiser.clear_alarm("200.004", entity_instance_id="host=c0")
        assert REGISTRY.get_sample_value("fm_spool_requests") == 2
        size = REGISTRY.get_sample_value("fm_spool_bytes")
        assert size is not None and size > 200
    finally:
        raiser.stop()


def test_nothing_without_a_raiser() -> None:
    assert REGISTRY.get_sample_value("fm_spool_requests") is None

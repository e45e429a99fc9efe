# SPDX-License-Identifier: Apache-2.0
"""What the benchmark stores as the least that a raise can cost fits the table of today."""
from __future__ import annotations

import json
from pathlib import Path

import sqlalchemy as sa

from fm.db.tables import EVENT_LOG, METADATA
from tests.bench.plain_fault import Store, row


def test_the_row_of_the_benchmark_can_be_stored(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/fm.sqlite"
    engine = sa.create_engine(url)
    METADATA.create_all(engine)
    Store(url).store({}, json.dumps([row("host=worker-0"), row("host=worker-1")]))
    with engine.connect() as link:
        assert link.scalar(sa.select(sa.func.count()).select_from(EVENT_LOG)) == 2

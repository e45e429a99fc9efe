# SPDX-License-Identifier: Apache-2.0
"""The records of reports stand in files, and change only so that agent and conductor of two releases get along."""
from __future__ import annotations

import copy
import json

import pytest

from tests.wire.interfaces import COMMAND
from tests.wire.reports import REPORTS, breaks, path_of, records

RECORDS = records()


@pytest.mark.parametrize("kind", RECORDS)
def test_a_changed_record_is_recorded(kind: str) -> None:
    kept = json.loads(path_of(kind).read_text())
    assert RECORDS[kind] == kept, f"run {COMMAND}: it says whether the change may be made"


def test_no_record_is_left_of_a_report_that_is_gone() -> None:
    assert {path.stem for path in REPORTS.glob("*.json")} == RECORDS.keys()


def test_a_new_field_needs_a_default_and_none_may_go() -> None:
    disk = RECORDS["disk"]
    more = copy.deepcopy(disk)
    fields = more["types"]["DiskReport"]["fields"]
    fields["colour"] = {"type": "string", "default": True}
    assert breaks(disk, more) == []
    fields["colour"]["default"] = False
    assert breaks(disk, more) == ["DiskReport.colour is new and has no default"]
    assert breaks(more, disk) == ["DiskReport.colour is gone"]

# SPDX-License-Identifier: Apache-2.0
"""Durations and policy of the agreement, from rows."""
import pytest

from flock.core.records import replace
from sm.catalogue.durations import KEYS, policy, timing
from sm.catalogue.rows import SettingRow
from sm.contract.states import Policy
from sm.core.timing import Timing
from tests.unit.sm.catalogue.sites import rows


def test_defaults_are_those_of_the_product() -> None:
    assert timing(rows()) == Timing() and policy(rows()) is Policy.FREEZE and "lease_ms" in KEYS


def test_given_values() -> None:
    given = (SettingRow("lease_ms", "9000"), SettingRow("policy", "promote"), SettingRow("of_a_newer_release", "x"))
    found = replace(rows(), configuration=(*rows().configuration, *given))
    assert timing(found) == Timing(lease_ms=9000) and policy(found) is Policy.PROMOTE


def test_durations_that_do_not_fit_together() -> None:
    with pytest.raises(ValueError, match="lease_ms"):
        timing(replace(rows(), configuration=(SettingRow("lease_ms", "100"),)))

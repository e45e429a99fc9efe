# SPDX-License-Identifier: Apache-2.0
"""Fixtures of all tests come from the product's own test support."""
import logging
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["flock.testing.fixtures"]
# How fast cases are drawn says how busy the machine is, and nothing about the product.
settings.register_profile("flock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("flock")


@pytest.fixture(autouse=True)
def log_records_of_others() -> Iterator[None]:
    """A test that sets up a daemon's log in this process does not change the log lines of later tests."""
    before = logging.getLogRecordFactory()
    yield
    logging.setLogRecordFactory(before)

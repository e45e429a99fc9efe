# SPDX-License-Identifier: Apache-2.0
"""Fixtures of all tests come from the product's own test support."""
import logging
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, is_hypothesis_test, settings

pytest_plugins = ["flock.testing.fixtures"]
# How fast cases are drawn says how busy the machine is, and nothing about the product. The soak draws new cases each
# time; the suites before a change is accepted try the same ones, so that what fails in them comes from the change.
settings.register_profile("flock", deadline=None, suppress_health_check=[HealthCheck.too_slow],
                          derandomize="FLOCK_SIM_SCALE" not in os.environ,
                          max_examples=100 if "FLOCK_SIM_SCALE" in os.environ else 40)
settings.load_profile("flock")
# A thread that waits for a broker which is not there outlives its test. What it says must not get into what another
# test reads from this process's standard error: a command line has a handler at the root that writes there.
logging.getLogger("oslo.messaging").addHandler(logging.NullHandler())
logging.getLogger("oslo.messaging").propagate = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Simulations and random sequences run without the measurement of coverage, in which two thirds of their time went.

    What they run has tests of its own, which say where it is not covered.
    """
    for item in items:
        if (item.get_closest_marker("soak") is not None or "tests/sim/" in item.nodeid
                or is_hypothesis_test(getattr(item, "obj", None))):
            item.add_marker(pytest.mark.no_cover)


@pytest.fixture(autouse=True)
def log_records_of_others() -> Iterator[None]:
    """A test that sets up a daemon's log in this process does not change the log lines of later tests, and its handlers
    do not write into what later tests read."""
    root = logging.getLogger()
    before, handlers = logging.getLogRecordFactory(), list(root.handlers)
    yield
    logging.setLogRecordFactory(before)
    for handler in [one for one in root.handlers if one not in handlers]:
        root.removeHandler(handler)

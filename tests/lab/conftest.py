# SPDX-License-Identifier: Apache-2.0
"""The stories of the lab run on one cloud."""
import pytest

from tests.lab.stack import api, cloud, healthy, needs_root, on, stack_output, unmanaged

__all__ = ["api", "cloud", "healthy", "needs_root", "on", "stack_output", "unmanaged"]
# The first story waits for the lab, and on a new machine for its base image too.
STORY_S = 1200


def pytest_collection_modifyitems(items):
    """Stories of the cloud may last longer than other tests."""
    for item in items:
        if "stack_output" in getattr(item, "fixturenames", ()) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(STORY_S))

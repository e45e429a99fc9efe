# SPDX-License-Identifier: Apache-2.0
"""The scenarios run on the same kind of cloud as the stories of tests/lab."""
from tests.lab.stack import api, cloud, healthy, needs_root, on, stack_output, unmanaged

__all__ = ["api", "cloud", "healthy", "needs_root", "on", "stack_output", "unmanaged"]

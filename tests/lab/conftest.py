# SPDX-License-Identifier: Apache-2.0
"""The stories of the lab run on one cloud."""
from tests.lab.stack import api, cloud, healthy, needs_root, on, stack_output, unmanaged

__all__ = ["api", "cloud", "healthy", "needs_root", "on", "stack_output", "unmanaged"]

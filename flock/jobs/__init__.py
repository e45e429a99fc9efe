# SPDX-License-Identifier: Apache-2.0
"""Work that outlives a request: stored operations, periodic tasks, bounded thread pools.

Names load at first use: agents use pools and periodics and have no database package.
"""
from __future__ import annotations

# SPDX-License-Identifier: Apache-2.0
"""Limits that the API and its clients must agree about."""

REPLY_MAX_S = 3660
"""How long the front waits for the answer of an operation that waits for a task: longer than any ``task_wait_s``."""
CLIENT_WAIT_S = REPLY_MAX_S + 60
"""How long command lines wait: longer than the front, so that it is the API that says how long work went."""

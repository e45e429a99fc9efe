# SPDX-License-Identifier: Apache-2.0
"""A check of identity for unit tests without Keystone: it believes the headers. Product code cannot reach it."""
from __future__ import annotations

from typing import Any


def trusting(app: Any, conf: Any) -> Any:
    """For ``build_app(..., authenticate=trusting)``: the caller is who the X-* headers of the request say."""
    return app

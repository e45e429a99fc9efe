# SPDX-License-Identifier: Apache-2.0
"""A token check for unit tests without Keystone: it trusts the headers. Product code cannot import it."""
from __future__ import annotations

from typing import Any


def trusting(app: Any, conf: Any) -> Any:
    """For ``build_app(..., authenticate=trusting)``: return ``app`` unchanged, so it trusts the X-* headers."""
    return app

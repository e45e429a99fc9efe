# SPDX-License-Identifier: Apache-2.0
"""Uses of oslo.db's private members: start an engine without a global configuration."""
from __future__ import annotations

from typing import Any

from oslo_db.sqlalchemy import enginefacade

from flock.foreign import require

PACKAGE = "oslo.db"
_ALONE = "an engine is made from a URL and not from the options that oslo.db would register"

_context = enginefacade.transaction_context()
require(PACKAGE, type(_context), "_factory", _ALONE)
require(PACKAGE, type(_context._factory), "_start", _ALONE)


def start(facade: Any) -> None:
    """Make the engine of a transaction context now, without a ConfigOpts.

    Without this, oslo.db would register its own options in addition to ``flock.db.options`` and fail.
    """
    facade._factory._start(conf=None)

# SPDX-License-Identifier: Apache-2.0
"""Uses of sushy's private members: send its requests through an adapter of our own."""
from __future__ import annotations

from typing import Any

from requests.adapters import HTTPAdapter
from sushy import connector

from flock.foreign import require

PACKAGE = "sushy"

require(PACKAGE, connector.Connector, "_session", "a BMC that sends its reply byte by byte cannot hold a thread")


def mount(owner: Any, adapter: HTTPAdapter) -> None:
    """Send all requests of the sushy connector ``owner`` through ``adapter``."""
    for scheme in ("http://", "https://"):
        owner._session.mount(scheme, adapter)

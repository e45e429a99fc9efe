# SPDX-License-Identifier: Apache-2.0
"""What can go wrong with the store's file, with what the operator can do about it."""
from __future__ import annotations

from flock.core.errors import FlockError


class StoreCorrupt(FlockError):
    """The file is no intact database."""

    code, http = "sm.store_corrupt", 500
    text = ("{path} is damaged ({reason}). When sm starts, it sets the file aside and builds a new one from the "
            "catalogue; repeat changes that were made with sm-configure and sm-provision, or compare with the other "
            "controller.")


class StoreUnavailable(FlockError):
    """The file cannot be read or written now; nothing was changed."""

    code, http = "sm.store_unavailable", 503
    text = "{path} cannot be used ({reason}). Nothing was changed. Check the disk and the permissions, then try again."

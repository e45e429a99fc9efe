# SPDX-License-Identifier: Apache-2.0
"""Why content cannot be used."""
from __future__ import annotations

from flock.core.errors import FlockError
from patching.contract.errors import SoftwareRefused


class ContentWrong(SoftwareRefused):
    """Content is not what its digest or its rules say."""

    code, http, text = "patching.content_wrong", 406, "{detail}"


class FetchFailed(FlockError):
    """Content cannot be brought to this host now; a later try may succeed."""

    code, http, text = "patching.fetch_failed", 503, "{detail}"

# SPDX-License-Identifier: Apache-2.0
"""Why a file is not taken."""
from __future__ import annotations

from patching.contract.errors import SoftwareRefused


class ArtifactRefused(SoftwareRefused):
    """The file breaks a rule; nothing of it is kept."""

    code, http, text = "patching.artifact_refused", 406, "{detail}"

# SPDX-License-Identifier: Apache-2.0
"""Wire conventions of mtce-api."""
from __future__ import annotations

from flock.api.dialect import Dialect, root_document, version_document
from mtce.api.absent import ABSENT

DIALECT = Dialect(
    default_port=2112,
    root=root_document("Host maintenance API", "Health, recovery and actions of the hosts of an edge cloud."),
    version=version_document("application/vnd.flock.mtce.v1+json"),
    absent=ABSENT)

# SPDX-License-Identifier: Apache-2.0
"""Wire conventions of sysinv-api."""
from __future__ import annotations

from flock.api.dialect import Dialect, root_document, version_document
from sysinv.api.absent import ABSENT
from sysinv.conf.options import API_PORT

DIALECT = Dialect(
    default_port=API_PORT,
    root=root_document("Titanium SysInv API",
                       "Titanium Cloud System API allows for the management of physical servers."),
    version=version_document("application/vnd.openstack.sysinv.v1+json"),
    absent=ABSENT)

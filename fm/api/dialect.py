# SPDX-License-Identifier: Apache-2.0
"""Wire conventions of fm's REST API."""
from __future__ import annotations

from flock.api.dialect import Dialect, root_document, version_document

DIALECT = Dialect(
    fault_keys=("faultcode", "faultstring", "debuginfo"), web_errors="title", default_version="v1",
    strict_content_type=True, read_from_any_project=True, default_port=18002,
    root=root_document("Fault Management API", "Active alarms, events and alarm suppression of the cloud."),
    version=version_document("application/vnd.openstack.fm.v1+json", ("alarms", "event_log", "event_suppression"),
                             slash=True))

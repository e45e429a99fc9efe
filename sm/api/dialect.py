# SPDX-License-Identifier: Apache-2.0
"""Wire conventions of sm-api."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flock.api.dialect import Dialect, version_entry

COLLECTIONS = ("nodes", "service_groups", "services", "servicenode", "sm_sda")


def _root(base_url: str) -> dict[str, Any]:
    entry = version_entry(base_url)
    return {"name": "System Management API", "description": "Service management of an edge cloud's controllers.",
            "version": [entry], "default_version": entry}


def _version(base_url: str, _routed: Sequence[str]) -> dict[str, Any]:
    return {"id": "v1", "links": [{"href": f"{base_url}/v1/", "rel": "self"}], **{
        name: [{"href": f"{base_url}/v1/{name}/", "rel": "self"}, {"href": f"{base_url}/{name}/", "rel": "bookmark"}]
        for name in COLLECTIONS}}


DIALECT = Dialect(fault_keys=("faultstring", "faultcode", "debuginfo"), default_port=7777, root=_root,
                  version=_version)

# SPDX-License-Identifier: Apache-2.0
"""Wire conventions of the software API: every body of a change and of an error has ``info``, ``warning``, ``error``."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flock.api.absent import Absent
from flock.api.dialect import Dialect, root_document, version_document

TEXTS = {name: {"type": "string"} for name in ("info", "warning", "error")}
FAULT: Mapping[str, Any] = {
    "type": "object", "required": ["code", "title", "description", *TEXTS], "properties": {
        "code": {"type": ["string", "integer"]}, "title": {"type": "string"}, "description": {"type": "string"},
        **TEXTS}}


def fault(status: int, title: str, text: str, code: str) -> dict[str, Any]:
    """The body of an error: StarlingX's client prints ``error`` of a refusal (406), else ``code`` and ``description``.
    """
    return {"info": "", "warning": "", "error": text, "code": code or status, "title": title, "description": text}


DIALECT = Dialect(
    # StarlingX's classic clients look for /patch there.
    default_port=5497, more_ports=(15491,), fault_body=fault, fault_schema=FAULT,
    root=root_document("Software Management API", "Releases of the software and their deployment on all hosts."),
    version=version_document("application/vnd.openstack.usm.v1+json", ("release", "deploy", "deploy_host"), slash=True),
    absent=(Absent("Metapackages", ("/v1/metapackage",)),))

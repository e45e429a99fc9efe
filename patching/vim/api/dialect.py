# SPDX-License-Identifier: Apache-2.0
"""Wire conventions of the orchestration API: those of StarlingX's VIM, whose clients read ``faultstring``."""
from __future__ import annotations

from typing import Any

from flock.api.dialect import Dialect, root_document

_KEYS = ("faultstring", "faultcode", "debuginfo", "code")


def _fault(status: int, _title: str, text: str, code: str) -> dict[str, Any]:
    return {"faultstring": text, "faultcode": "Client" if status < 500 else "Server", "debuginfo": None, "code": code}


DIALECT = Dialect(
    default_port=4545, fault_body=_fault,
    fault_schema={"type": "object", "required": list(_KEYS), "properties": {
        "faultstring": {"type": "string"}, "faultcode": {"enum": ["Client", "Server"]}, "debuginfo": {"type": "null"},
        "code": {"type": "string"}}},
    root=root_document("Orchestration API", "Strategies that roll software over all hosts of the cloud."))

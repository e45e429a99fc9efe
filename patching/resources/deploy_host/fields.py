# SPDX-License-Identifier: Apache-2.0
"""``deploy_host``: how clients see a host of the deployment."""
from __future__ import annotations

from typing import Any

from patching.contract.states import HostState
from patching.core import hostorder
from patching.db.views import Progress, Stored

_FIELDS: dict[str, Any] = {
    "hostname": {"type": "string"}, "software_release": {"type": "string"}, "target_release": {"type": "string"},
    "reboot_required": {"type": "boolean"}, "host_state": {"enum": list(HostState)},
    "pre_upgrade_deploy": {"type": "boolean"}, "error": {"type": "string"},
    "progress": {"type": "integer", "minimum": 0, "maximum": 100}, "progress_text": {"type": "string"}}
DEPLOY_HOST = {"type": "object", "required": list(_FIELDS), "properties": _FIELDS, "additionalProperties": False}


def shown(stored: Stored) -> list[dict[str, Any]]:
    """The hosts of the deployment, in the order in which they are deployed."""
    view = stored.view
    if view.deploy is None:
        return []
    names = [name for group in hostorder.groups(view.hosts, view.deploy.is_major) for name in group]
    found = []
    for name in names:
        row, progress = view.rows[name], stored.progress.get(name, Progress())
        found.append({
            "hostname": name, "software_release": view.deploy.from_release.text,
            "target_release": view.deploy.to_release.text, "reboot_required": view.deploy.reboot_required,
            "host_state": row.state, "pre_upgrade_deploy": False, "error": row.error, "progress": progress.percent,
            "progress_text": progress.text})
    return found

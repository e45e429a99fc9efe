# SPDX-License-Identifier: Apache-2.0
"""``release``: how clients see a release."""
from __future__ import annotations

import re
from typing import Any

from flock.core.errors import InvalidInput
from patching.api.parts import digest
from patching.contract.states import ReleaseState, ReleaseStatus
from patching.db.views import Stored

_TEXT, _FLAG, _TEXTS = {"type": "string"}, {"type": "boolean"}, {"type": "array", "items": {"type": "string"}}
_FIELDS: dict[str, Any] = {
    "release_id": _TEXT, "state": {"enum": list(ReleaseState)}, "sw_version": _TEXT, "component": _TEXT,
    "status": {"enum": list(ReleaseStatus)}, "unremovable": _FLAG, "summary": _TEXT, "description": _TEXT,
    "install_instructions": _TEXT, "warnings": _TEXT, "reboot_required": _FLAG, "prepatched_iso": _FLAG,
    "preinstalled_patches": _TEXTS, "requires": _TEXTS, "packages": _TEXTS, "activation_scripts": _TEXTS,
    "metapackages": {"type": "object"}, "pre_upgrade_deploy": {"type": "object"}}
RELEASE = {"type": "object", "required": list(_FIELDS), "properties": _FIELDS, "additionalProperties": False}
UPLOADED = {"type": "array", "items": {"type": "object", "additionalProperties": {
    "type": "object", "required": ["id", "sw_release"], "properties": {"id": _TEXT, "sw_release": _TEXT}}}}
PARTS = {"type": "object", "required": ["files"], "properties": {"files": {"type": "array", "minItems": 1, "items": {
    "type": "object", "required": ["name", "sha256"], "properties": {"name": _TEXT, "sha256": _TEXT}}}}}
_FAMILY = re.compile(r"(?:.*-)?0*(\d{1,6})\.0*(\d{1,6})(?:\.\d{1,6})?\Z", re.ASCII)


def shown(stored: Stored, release_id: str) -> dict[str, Any]:
    """One release."""
    release, details = stored.view.releases[release_id], stored.details[release_id]
    return {
        "release_id": release.id, "state": release.state, "sw_version": release.version.text,
        "component": release.component, "status": release.status, "unremovable": release.unremovable,
        "summary": details.summary, "description": details.description,
        "install_instructions": details.install_instructions, "warnings": details.warnings,
        "reboot_required": release.reboot_required, "prepatched_iso": details.prepatched_iso,
        "preinstalled_patches": list(details.preinstalled_patches), "requires": list(release.requires),
        "packages": list(details.packages), "activation_scripts": list(details.activation_scripts),
        "metapackages": {}, "pre_upgrade_deploy": {}}


def chosen(stored: Stored, state: str | None, family: str | None) -> list[str]:
    """Ids of the releases in that state (words that are none choose all) and of that major release, in order of
    version. ``family``: such as ``10.0``, ``10.0.1`` or ``starlingx-10.0``; any other text chooses none."""
    found = sorted(stored.view.releases.values(), key=lambda release: (release.version, release.id))
    if state in set(ReleaseState):
        found = [release for release in found if release.state == state]
    if family:
        match = _FAMILY.match(family)
        numbers = (int(match[1]), int(match[2])) if match is not None else None
        found = [release for release in found if release.version.numbers[:2] == numbers]
    return [release.id for release in found]


def parts_of(body: Any) -> list[tuple[str, str]]:
    """Name and SHA-256 of each file that was sent before. InvalidInput: the body is no such list."""
    files = body.get("files") if isinstance(body, dict) else None
    if not isinstance(files, list) or not files or not all(isinstance(one, dict) for one in files):
        raise InvalidInput(field="files", rule="must be a list of objects with name and sha256")
    found = [(one.get("name"), one.get("sha256")) for one in files]
    if not all(isinstance(name, str) and isinstance(sha256, str) for name, sha256 in found):
        raise InvalidInput(field="files", rule="must have name and sha256 of each file as text")
    return [(name, digest(sha256)) for name, sha256 in found]

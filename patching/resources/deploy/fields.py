# SPDX-License-Identifier: Apache-2.0
"""``deploy``: how clients see the deployment, and what they send to begin one."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flock.core.errors import InvalidInput
from patching.contract.records import PrecheckReply
from patching.contract.states import DeployState, Direction
from patching.db.views import Stored

_TEXT, _FLAG = {"type": "string"}, {"type": "boolean"}
_FIELDS: dict[str, Any] = {
    "from_release": _TEXT, "to_release": _TEXT, "feed_repo": _TEXT, "commit_id": _TEXT, "reboot_required": _FLAG,
    "state": {"enum": list(DeployState)}, "options": {"type": "object"}, "major_release": _FLAG,
    "prepatched_iso": _FLAG, "apply_operation": _FLAG, "pre_upgrade_deploy": _FLAG, "error": _TEXT}
DEPLOY = {"type": "object", "required": list(_FIELDS), "properties": _FIELDS, "additionalProperties": False}
ORDER = {"type": "object", "properties": {
    "force": {"description": "Its presence means yes."}, "region_name": _TEXT,
    "options": {"type": "array", "items": {"type": "string", "pattern": "^[^=]+=.*$"}},
    "releases": {"type": "array", "items": _TEXT}, "pre_upgrade_deploy": {}, "remove": {}}}
FORCE = {"type": "object", "properties": {"force": {
    "type": "boolean", "description": "The scripts have failed: go on without them."}}}
CHECKED: dict[str, Any] = {
    "system_healthy": {"type": ["boolean", "null"]}, "major_release": _FLAG, "reboot_required": _FLAG,
    "prepatched_iso": _FLAG, "apply_operation": _FLAG, "from_release": _TEXT, "to_release": _TEXT,
    "additional_data": {"type": "object"}}
FEED = "feed"
OPTIONS_MAX, RELEASES_MAX = 100, 100


def shown(stored: Stored) -> dict[str, Any]:
    """The deployment, which must exist."""
    deploy = stored.view.deploy
    assert deploy is not None  # noqa: S101 - the caller has looked
    target = next((name for name in deploy.covers if stored.view.releases[name].version == deploy.to_release), None)
    return {
        "from_release": deploy.from_release.text, "to_release": deploy.to_release.text,
        "feed_repo": f"{FEED}/{target}" if target else FEED, "commit_id": deploy.commit_id,
        "reboot_required": deploy.reboot_required, "state": deploy.state, "options": dict(deploy.options),
        "major_release": deploy.is_major, "prepatched_iso": any(
            stored.details[name].prepatched_iso for name in deploy.covers),
        "apply_operation": deploy.direction is Direction.APPLY and not deploy.is_aborted,
        "pre_upgrade_deploy": False, "error": deploy.error}


@dataclass(frozen=True, slots=True)
class Asked:
    """The body of precheck and start. ``unsupported``: a sentence about what this service does not do."""

    releases: list[str] = field(default_factory=list)
    force: bool = False
    options: dict[str, str] = field(default_factory=dict)
    unsupported: str = ""


def asked(body: Any, release: str | None) -> Asked:
    """The body, in which a client of an older release names no release, because the path does. InvalidInput names the
    field that breaks a rule."""
    body = _object(body)
    releases = _texts(body, "releases", RELEASES_MAX)
    if release is not None:
        if releases and releases != [release]:
            raise InvalidInput(field="releases", rule=f"must be [{release!r}], as in the path")
        releases = [release]
    options: dict[str, str] = {}
    for pair in _texts(body, "options", OPTIONS_MAX):
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise InvalidInput(field="options", rule="must be a list of key=value")
        options[name] = value
    return Asked(releases, "force" in body, options, _unsupported(body, releases, options))


def _object(body: Any) -> Mapping[str, Any]:
    """A body, or the empty object where there is none. InvalidInput."""
    if body is None:
        return {}
    if not isinstance(body, Mapping):
        raise InvalidInput(field="body", rule="must be a JSON object")
    return body


def is_forced(body: Any) -> bool:
    """Whether the body of a step asks to go on although its scripts have failed. InvalidInput."""
    force = _object(body).get("force", False)
    if not isinstance(force, bool):
        raise InvalidInput(field="force", rule="must be true or false")
    return force


def _unsupported(body: Mapping[str, Any], releases: list[str], options: Mapping[str, str]) -> str:
    for name, what in (("pre_upgrade_deploy", "Deployments before an upgrade"), ("remove", "Removals of components"),
                       ("region_name", "Prechecks of other regions")):
        if body.get(name):
            return f"{what} ({name}) are not part of this release."
    if options.get("snapshot", "false").lower() not in ("false", "no", "0", ""):
        return "Snapshots (option snapshot) need LVM, which no back end of this system has."
    if len(releases) != 1:
        return "Name one release; what it requires is deployed with it."
    return ""


def checked(found: PrecheckReply | None, info: str, error: str) -> dict[str, Any]:
    """What the answer to a precheck has beside the texts: for older orchestrators at the top, for the newest by
    release."""
    if found is None:
        return {"system_healthy": None, "additional_data": {}}
    return {
        "system_healthy": found.healthy, "major_release": found.major_release,
        "reboot_required": found.reboot_required, "prepatched_iso": found.prepatched_iso,
        "apply_operation": found.apply_operation, "from_release": found.from_release, "to_release": found.to_release,
        "additional_data": {found.release_id: {"info": info, "warning": "", "error": error,
                                               "system_healthy": found.healthy}}}


def _texts(body: Mapping[str, Any], name: str, most: int) -> list[str]:
    found = body.get(name)
    if found is None:
        return []
    if not isinstance(found, list) or len(found) > most or not all(isinstance(item, str) for item in found):
        raise InvalidInput(field=name, rule=f"must be a list of at most {most} texts")
    return found

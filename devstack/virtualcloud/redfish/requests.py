# SPDX-License-Identifier: Apache-2.0
"""Requests and answers of a management controller; a request is read into a command or a rejection."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from devstack.virtualcloud.boot import Override
from devstack.virtualcloud.redfish import tree
from devstack.virtualcloud.redfish.view import ServerView

IMAGE_CHARS_MAX = 2048
RESTARTS = frozenset({"ForceRestart", "GracefulRestart", "PowerCycle", "Nmi"})


@dataclass(frozen=True, slots=True)
class Reset:
    """Change the server's power in one of Redfish's ways."""

    kind: str


@dataclass(frozen=True, slots=True)
class SetOverride:
    """Change the boot device for the next boot, or for all."""

    override: Override


@dataclass(frozen=True, slots=True)
class SetMedia:
    """Insert an image ('' ejects)."""

    image: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """A valid request that changes nothing here."""


Command = Reset | SetOverride | SetMedia | Nothing


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; header names are lower case, the path has no query and no trailing slash."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP answer; `data` None gives an empty body."""

    status: int
    data: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def body(self) -> bytes:
        """The bytes of `data`."""
        return b"" if self.data is None else json.dumps(self.data).encode()


class Rejection(Exception):
    """The request is refused with that HTTP status and sentence."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def read_command(method: str, path: str, body: Any, view: ServerView) -> Command:
    """The command in a POST or PATCH; raises Rejection (400 wrong values, 404, 405, 409 wrong state)."""
    if not isinstance(body, dict):
        raise Rejection(400, "The body must be a JSON object.")
    if method == "PATCH" and path == tree.SYSTEM:
        return _boot(body, view)
    if method == "POST":
        if path == tree.SYSTEM_RESET:
            return _reset(body, view)
        if path == tree.MEDIA_INSERT:
            return _insert(body, view)
        if path == tree.MEDIA_EJECT:
            return SetMedia("")
        if path == tree.MANAGER_RESET:
            return Nothing()
    if path in tree.resources(view):
        raise Rejection(405, f"{method} is not allowed here.")
    raise Rejection(404, f"There is no resource {path}.")


def _reset(body: dict[str, Any], view: ServerView) -> Reset:
    kind = body.get("ResetType", "On")
    if kind not in tree.RESET_TYPES:
        raise Rejection(400, f"ResetType {kind!r}: one of {', '.join(tree.RESET_TYPES)}.")
    if kind in RESTARTS and not view.power:
        raise Rejection(409, f"The server is off: {kind} is not possible.")
    return Reset(kind)


def _boot(body: dict[str, Any], view: ServerView) -> Command:
    boot = body.get("Boot")
    if boot is None:
        if set(body) <= {"AssetTag", "IndicatorLED"}:
            return Nothing()
        raise Rejection(400, "Only Boot, AssetTag and IndicatorLED can be changed.")
    if not isinstance(boot, dict):
        raise Rejection(400, "Boot must be an object.")
    names = {wire: name for name, wire in tree.BOOT_TARGETS.items()}
    wanted = boot.get("BootSourceOverrideTarget", tree.BOOT_TARGETS[view.override.target])
    if wanted not in names:
        raise Rejection(400, f"BootSourceOverrideTarget {wanted!r}: one of {', '.join(names)}.")
    enabled = boot.get("BootSourceOverrideEnabled", "Once" if view.override.once else "Continuous")
    if enabled not in ("Disabled", "Once", "Continuous"):
        raise Rejection(400, f"BootSourceOverrideEnabled {enabled!r}: Disabled, Once or Continuous.")
    if boot.get("BootSourceOverrideMode", "UEFI") not in ("UEFI", "Legacy"):
        raise Rejection(400, "BootSourceOverrideMode: UEFI or Legacy.")
    if enabled == "Disabled" or wanted == "None":
        return SetOverride(Override())
    return SetOverride(Override(names[wanted], enabled == "Once"))


def _insert(body: dict[str, Any], view: ServerView) -> SetMedia:
    image = body.get("Image")
    if not isinstance(image, str) or not 0 < len(image) <= IMAGE_CHARS_MAX or "://" not in image:
        raise Rejection(400, f"Image: an address of at most {IMAGE_CHARS_MAX} characters.")
    if view.media:
        raise Rejection(409, "The drive holds an image; eject it first.")
    return SetMedia(image)


def error_body(text: str) -> dict[str, Any]:
    """Redfish's error document."""
    return {
        "error": {
            "code": "Base.1.8.GeneralError",
            "message": text,
            "@Message.ExtendedInfo": [{"MessageId": "Base.1.8.GeneralError", "Message": text, "Severity": "Warning"}],
        }
    }

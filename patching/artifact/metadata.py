# SPDX-License-Identifier: Apache-2.0
"""The description inside a patch or a release (``metadata.xml``): read, checked, and written."""
from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass, field

from defusedxml import ElementTree as safe_xml
from defusedxml.common import DefusedXmlException

from patching.artifact.errors import ArtifactRefused
from patching.contract.states import ReleaseStatus
from patching.contract.version import Version, split_release_id

BYTES_MAX = 1 << 20
ITEMS_MAX = 10_000
TEXT_MAX = 65_536
DIGESTS = "member_digests"
HOOKS = ("pre_start", "post_start", "pre_install", "post_install")
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~:-]{0,254}\Z", re.ASCII)
_SCRIPT = re.compile(r"\d{2}-[A-Za-z0-9._+-]{1,200}\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a release says of itself. ``hooks``: ``{pre_start, post_start, pre_install, post_install: file name}``.

    ``supported_from``: versions from which a major release can be reached; () in a patch.
    """

    id: str
    version: Version
    component: str
    summary: str = ""
    description: str = ""
    install_instructions: str = ""
    warnings: str = ""
    status: ReleaseStatus = ReleaseStatus.DEVELOPMENT
    unremovable: bool = False
    reboot_required: bool = True
    apply_active_release_only: bool = False
    requires: tuple[str, ...] = ()
    semantics: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    hooks: dict[str, str] = field(default_factory=dict)
    activation_scripts: tuple[str, ...] = ()
    prepatched_iso: bool = False
    preinstalled_patches: tuple[str, ...] = ()


def parse(data: bytes) -> Metadata:
    """Read ``metadata.xml``. ArtifactRefused names the first element that breaks a rule; unknown ones are ignored."""
    root = _root(data, "patch")
    release_id = _text(root, "id")
    component, version = split_release_id(release_id)
    told = _text(root, "sw_version")
    if told and Version.parse(told) != version:
        raise ArtifactRefused(detail=f"metadata: sw_version {told} differs from that of the id {release_id}.")
    status = _text(root, "status") or ReleaseStatus.DEVELOPMENT
    if status not in set(ReleaseStatus):
        raise ArtifactRefused(detail=f"metadata: status must be one of {', '.join(ReleaseStatus)}, not {status!r:.40}.")
    return Metadata(
        release_id, version, _text(root, "component") or component, _text(root, "summary"),
        _text(root, "description"), _text(root, "install_instructions"), _text(root, "warnings"),
        ReleaseStatus(status), _text(root, "unremovable") == "Y",
        # Whoever forgets to say so must not restart services under load.
        _text(root, "reboot_required") != "N", _text(root, "apply_active_release_only") == "Y",
        tuple(_ids(root, "requires/req_patch_id")),
        tuple(_words(root, "semantics/action", ("pre-apply", "pre-remove"))),
        tuple(_names(root, ("packages/deb", "contents/rpm", "personality/package"), _FILE_NAME)),
        {hook: name for hook in HOOKS for name in _names(root, (hook,), _FILE_NAME)},
        tuple(_names(root, ("activation_scripts/script",), _SCRIPT)), _text(root, "prepatched_iso") == "Y",
        tuple(_ids(root, "preinstalled_patches/id")))


def parse_supported(data: bytes) -> tuple[str, ...]:
    """Versions (``MM.mm``) from which a major release can be reached, of its ``upgrades/metadata.xml``."""
    found = []
    for item in _items(_root(data, None), "supported_upgrades/upgrade/version"):
        if not re.fullmatch(r"\d{1,6}\.\d{1,6}", item, re.ASCII):
            raise ArtifactRefused(detail=f"metadata: supported_upgrades: {item!r:.40} is no version such as 10.0.")
        found.append(item)
    return tuple(found)


def promises_digests(data: bytes) -> bool:
    """Whether a description says that its patch has a signed manifest of all members.

    StarlingX's signature signs the bytes of all members, but not where one ends and the next begins. Without the
    promise, whoever has a patch could take its manifest away and divide the bytes anew.
    """
    return _text(_root(data, "patch"), DIGESTS) == "Y"


def write(metadata: Metadata, *, digests: bool = False) -> bytes:
    """The description as ``metadata.xml``; ``parse`` reads the same from it. ``digests``: see ``promises_digests``."""
    root = ET.Element("patch")
    for name, text in (
            ("id", metadata.id), ("sw_version", metadata.version.text), ("component", metadata.component),
            ("summary", metadata.summary), ("description", metadata.description),
            ("install_instructions", metadata.install_instructions), ("warnings", metadata.warnings),
            ("status", metadata.status.value), ("unremovable", _yes(metadata.unremovable)),
            ("reboot_required", _yes(metadata.reboot_required)), ("prepatched_iso", _yes(metadata.prepatched_iso)),
            *metadata.hooks.items()):
        ET.SubElement(root, name).text = text
    if digests:
        ET.SubElement(root, DIGESTS).text = "Y"
    if metadata.apply_active_release_only:
        ET.SubElement(root, "apply_active_release_only").text = "Y"
    for outer, inner, items in (
            ("requires", "req_patch_id", metadata.requires), ("semantics", "action", metadata.semantics),
            ("packages", "deb", metadata.packages), ("activation_scripts", "script", metadata.activation_scripts),
            ("preinstalled_patches", "id", metadata.preinstalled_patches)):
        holder = ET.SubElement(root, outer)
        for item in items:
            ET.SubElement(holder, inner).text = item
    ET.indent(root)
    made = io.BytesIO()
    ET.ElementTree(root).write(made, encoding="utf-8", xml_declaration=True)
    return made.getvalue()


def _root(data: bytes, name: str | None) -> ET.Element:
    if len(data) > BYTES_MAX:
        raise ArtifactRefused(detail=f"metadata: more than {BYTES_MAX} bytes.")
    try:
        root: ET.Element = safe_xml.fromstring(data, forbid_dtd=True)
    except (ET.ParseError, DefusedXmlException, ValueError) as error:
        raise ArtifactRefused(detail=f"metadata: this is no XML that can be read: {error}.") from error
    if name is not None and root.tag != name:
        raise ArtifactRefused(detail=f"metadata: the root must be <{name}>, not <{root.tag!s:.40}>.")
    return root


def _items(root: ET.Element, path: str) -> Iterator[str]:
    found = root.findall(path)
    if len(found) > ITEMS_MAX:
        raise ArtifactRefused(detail=f"metadata: {path}: more than {ITEMS_MAX}.")
    for item in found:
        text = (item.text or "").strip()
        if len(text) > TEXT_MAX:
            raise ArtifactRefused(detail=f"metadata: {path}: more than {TEXT_MAX} characters.")
        if text:
            yield text


def _text(root: ET.Element, name: str) -> str:
    return next(_items(root, name), "")


def _ids(root: ET.Element, path: str) -> Iterator[str]:
    for item in _items(root, path):
        split_release_id(item)
        yield item


def _names(root: ET.Element, paths: tuple[str, ...], rule: re.Pattern[str]) -> Iterator[str]:
    for path in paths:
        for item in _items(root, path):
            if not rule.match(item):
                raise ArtifactRefused(detail=f"metadata: {path}: {item!r:.80} is no file name that is allowed.")
            yield item


def _words(root: ET.Element, path: str, allowed: tuple[str, ...]) -> Iterator[str]:
    for item in _items(root, path):
        if item not in allowed:
            raise ArtifactRefused(detail=f"metadata: {path}: must be one of {', '.join(allowed)}, not {item!r:.40}.")
        yield item


def _yes(flag: bool) -> str:
    return "Y" if flag else "N"

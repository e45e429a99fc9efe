# SPDX-License-Identifier: Apache-2.0
"""Unpacked patches as ``patchfile.read`` leaves them, and a controller's feed made of them."""
from __future__ import annotations

import datetime
from collections.abc import Mapping
from pathlib import Path

from patching.artifact.metadata import Metadata
from patching.artifact.patchfile import PatchFile
from patching.artifact.trust import Signer
from patching.content.repository import Repository
from patching.contract.records import Content
from patching.contract.version import Version
from tests.unit.patching.backends import packages

SIGNER = Signer("a maker", None, datetime.datetime.min, datetime.datetime.max)  # type: ignore[arg-type]


def unpacked(folder: Path, version: str, software: Mapping[str, str], *, previous: Mapping[str, str] | None = None,
             members: Mapping[str, str] | None = None, reboot_required: bool = False) -> PatchFile:
    """``software`` and ``previous``: versions of fake packages by name; ``members``: texts by name."""
    place = folder / f"unpacked-{version}"
    names = []
    for inner, versions in (("software", software), ("software/previous", previous or {})):
        (place / inner).mkdir(parents=True, exist_ok=True)
        for name, number in versions.items():
            made = packages.fake(place / inner, name, number)
            names.append(str(made.relative_to(place / "software")))
    digests = {"metadata.tar": "0" * 64}
    for name, text in (members or {}).items():
        (place / name).write_text(text)
        digests[name] = "0" * 64
    return PatchFile(Metadata(f"starlingx-{version}", Version.parse(version), "starlingx",
                              reboot_required=reboot_required), SIGNER, place, digests, tuple(names))


class Feed:
    """A controller with releases of fake packages."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repository = Repository(folder / "software")
        self.url = (folder / "software/feed").as_uri()

    def release(self, version: str, software: Mapping[str, str], **more: object) -> Content:
        return self.repository.take(unpacked(self.folder, version, software, **more))  # type: ignore[arg-type]

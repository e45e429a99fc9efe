# SPDX-License-Identifier: Apache-2.0
"""The list of what belongs to a release, with digests. Its own digest identifies the content as a whole."""
from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from flock.core.codec import codec_for
from flock.core.errors import InvalidInput
from patching.backends.interface import Item
from patching.content.errors import ContentWrong
from patching.contract.records import Content

NAME = "content.json"
CURRENT = "current.json"
BYTES_MAX = 8 << 20
FILES_MAX = 50_000
PACKAGES, HOOKS, SCRIPTS = "packages", "hooks", "scripts"
PRE_INSTALL, POST_INSTALL = f"{HOOKS}/pre-install.sh", f"{HOOKS}/post-install.sh"
_PART = r"[A-Za-z0-9][A-Za-z0-9._+~:^-]{0,254}"
_PATH = re.compile(rf"(?:{PACKAGES}|{HOOKS}|{SCRIPTS})(?:/{_PART}){{1,3}}\Z", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file: its path below the content's directory, bytes, SHA-256 in hex."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class PackageEntry:
    """One package and the path of its file. ``base``: see ``patching.backends.interface.Item``."""

    name: str
    version: str
    path: str
    base: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The content of one release. ``packages``: what a host with this release has. ``previous``: what a host may have
    to return to, because no earlier release holds it."""

    release_id: str
    version: str
    backend: str
    files: list[FileEntry]
    packages: list[PackageEntry]
    previous: list[PackageEntry] = field(default_factory=list)
    reboot_required: bool = True

    def items(self, directory: Path) -> list[Item]:
        """The packages, as files below ``directory``."""
        return [Item(one.name, one.version, directory / one.path, one.base) for one in self.packages]

    def at_hand(self, directory: Path) -> list[Item]:
        """All files from which packages can be installed."""
        return self.items(directory) + [Item(one.name, one.version, directory / one.path, one.base)
                                        for one in self.previous]

    def has(self, path: str) -> bool:
        """Whether a file of that path belongs to the release."""
        return any(entry.path == path for entry in self.files)

    def paths_in(self, folder: str) -> list[str]:
        """The paths below a folder, in order of their names."""
        return sorted(entry.path for entry in self.files if entry.path.startswith(f"{folder}/"))


@dataclass(frozen=True, slots=True)
class Current:
    """What a host runs that was told nothing else. ``contents``: see ``InstallOrder``."""

    version: str
    contents: list[Content]


def write(manifest: Manifest) -> bytes:
    """The manifest as a file."""
    return codec_for(Manifest).encode(manifest, NAME) + b"\n"


def parse(data: bytes, digest: str, what: str) -> Manifest:
    """Read a manifest that must have the SHA-256 ``digest``. ContentWrong: it has another, or breaks a rule."""
    found = hashlib.sha256(data).hexdigest()
    if found != digest:
        raise ContentWrong(detail=f"{what} has the digest {found:.12}…, but must have {digest:.12}…")
    try:
        manifest: Manifest = codec_for(Manifest).decode(data, what)
    except InvalidInput as error:
        raise ContentWrong(detail=str(error)) from error
    _check(manifest, what)
    return manifest


def digest_of(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def list_files(directory: Path) -> list[FileEntry]:
    """All files below a directory but the manifest. ContentWrong: one has a name that is not allowed."""
    found = []
    for path in sorted(item for item in directory.rglob("*") if item.is_file()):
        name = str(path.relative_to(directory))
        if name != NAME:
            _check_path(name, str(directory.name))
            found.append(FileEntry(name, path.stat().st_size, digest_of(path)))
    return found


def _check(manifest: Manifest, what: str) -> None:
    if len(manifest.files) > FILES_MAX:
        raise ContentWrong(detail=f"{what} names more than {FILES_MAX} files.")
    for entry in manifest.files:
        _check_path(entry.path, what)
        if entry.size < 0 or not _DIGEST.match(entry.sha256):
            raise ContentWrong(detail=f"{what}: {entry.path} has no size and digest.")
    paths = [entry.path for entry in manifest.files]
    if len(set(paths)) < len(paths):
        raise ContentWrong(detail=f"{what} names a file twice.")
    missing = _paths([*manifest.packages, *manifest.previous]) - set(paths)
    if missing:
        raise ContentWrong(detail=f"{what} lacks the files {', '.join(sorted(missing)[:10])}.")


def _paths(packages: Iterable[PackageEntry]) -> set[str]:
    return {package.path for package in packages}


def _check_path(path: str, what: str) -> None:
    if not _PATH.match(path):
        raise ContentWrong(detail=f"{what} has a file whose name is not allowed: {path!r:.200}.")

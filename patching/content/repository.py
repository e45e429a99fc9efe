# SPDX-License-Identifier: Apache-2.0
"""The content of all releases on a controller, in one directory.

``feed/<release id>`` is what hosts fetch: the manifest, packages, hooks and restart scripts. ``releases/<release id>``
is what only the controller uses: the rest of the patch. ``feed/current.json`` says what a host shall run that was told
nothing else. Names that begin with a dot are not finished.
"""
from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path

from flock.core.codec import codec_for
from flock.exec.atomic import replace_file
from patching.artifact.patchfile import (
    CHECKSUM,
    HOOK_FILES,
    MANIFEST,
    MANIFEST_SIGNATURE,
    METADATA,
    SIGNATURE_V2,
    PatchFile,
)
from patching.backends.formats import FORMATS, of_files
from patching.backends.interface import BackendFailed, Item
from patching.content import manifest as contents
from patching.content import spare
from patching.content.errors import ContentWrong
from patching.content.manifest import CURRENT, HOOKS, PACKAGES, SCRIPTS, Current, Manifest, PackageEntry
from patching.contract.errors import UnknownRelease
from patching.contract.records import Content
from patching.contract.version import split_release_id

FEED, RELEASES = "feed", "releases"
PREVIOUS = "previous/"
_KNOWN = frozenset({METADATA, CHECKSUM, SIGNATURE_V2, MANIFEST, MANIFEST_SIGNATURE, *HOOK_FILES.values()})
_ON_HOSTS = frozenset(HOOK_FILES[name] for name in ("pre_install", "post_install"))


class Repository:
    """``root``: the directory, which need not exist. One process changes it; its threads wait for each other."""

    def __init__(self, root: Path) -> None:
        self._lock = threading.Lock()
        self.root = root
        self.feed, self.releases = root / FEED, root / RELEASES

    def take(self, patch: PatchFile) -> Content:
        """Store an unpacked patch, whose directory is then gone, in place of what its release had before.

        SoftwareRefused: its packages are none of one kind; OSError: the disk. Nothing is stored then, and what is left
        of the patch's directory is the caller's to remove.
        """
        release_id = patch.metadata.id
        with self._lock:
            self._take(patch, self.feed / f".{release_id}", self.releases / f".{release_id}")
        return self.content(release_id)

    def _take(self, patch: PatchFile, made: Path, rest: Path) -> None:
        release_id = patch.metadata.id
        try:
            for place in (made, rest):
                shutil.rmtree(place, ignore_errors=True)
                place.mkdir(parents=True)
            try:
                manifest = _fill(made, patch)
            except BackendFailed as error:
                raise ContentWrong(detail=f"{release_id}: {error}") from error
            (made / contents.NAME).write_bytes(contents.write(manifest))
            rest.rmdir()
            patch.directory.rename(rest)
            _sync(made)
            _sync(rest)
            for place, name in ((rest, self.releases / release_id), (made, self.feed / release_id)):
                shutil.rmtree(name, ignore_errors=True)
                place.rename(name)
        except BaseException:
            for place in (made, rest):
                shutil.rmtree(place, ignore_errors=True)
            raise

    def content(self, release_id: str) -> Content:
        """What hosts are told of a release. UnknownRelease: it has no content here."""
        data, manifest = self._manifest(release_id)
        commit = next((one.version for one in manifest.packages if manifest.backend == "ostree"), "")
        return Content(release_id, manifest.version, release_id, hashlib.sha256(data).hexdigest(), manifest.backend,
                       commit)

    def release(self, release_id: str) -> Path:
        """The directory of what only the controller uses: ``pre-start.sh``, ``extra``, ``semantics`` and so on."""
        return self.releases / _checked(release_id)

    def remove(self, release_id: str) -> None:
        """Remove all of a release; that there is none is no error. A removal that was interrupted can be repeated."""
        places = (self.feed / _checked(release_id), self.releases / release_id)
        with self._lock:
            for place in places:
                doomed = place.with_name(f".{release_id}")
                shutil.rmtree(doomed, ignore_errors=True)
                if place.exists():
                    place.rename(doomed)
                shutil.rmtree(doomed, ignore_errors=True)

    def set_current(self, version: str, release_ids: Sequence[str]) -> None:
        """Say what hosts shall run that were told nothing else. UnknownRelease: one has no content."""
        current = Current(version, [self.content(release_id) for release_id in release_ids])
        replace_file(self.feed / CURRENT, codec_for(Current).encode(current, CURRENT))

    def spare(self, release_ids: Sequence[str]) -> int:
        """Remove what committed releases do not need any more: files of ``spare.superfluous``, and the scripts and
        signatures that only the controller has. ``release_ids``: all of them, the oldest first. The bytes that were
        freed; it can be repeated."""
        freed = 0
        with self._lock:
            manifests = {name: self._manifest(name)[1] for name in release_ids if self._has(name)}
            gone = spare.superfluous(list(manifests.values()))
            for release_id, paths in gone.items():
                place = self.feed / release_id
                if paths:
                    # Whoever compares copies knows that they are gone before they are.
                    replace_file(place / spare.NAME, spare.text(paths | spare.absent(place)))
                doomed = [place / path for path in sorted(paths)]
                doomed += [path for path in self.release(release_id).rglob("*") if not path.is_dir()]
                for path in doomed:
                    if path.exists():
                        freed += path.stat().st_size
                        path.unlink()
        return freed

    def could_spare(self, release_ids: Sequence[str]) -> int:
        """The bytes of packages that ``spare`` would free."""
        manifests = {name: self._manifest(name)[1] for name in release_ids if self._has(name)}
        return spare.size(manifests, spare.superfluous(list(manifests.values())), self.feed)

    def _has(self, release_id: str) -> bool:
        return (self.feed / _checked(release_id) / contents.NAME).exists()

    def tidy(self) -> None:
        """Remove what an interrupted ``take`` or ``remove`` has left."""
        with self._lock:
            for place in (self.feed, self.releases):
                for path in place.glob(".*"):
                    shutil.rmtree(path, ignore_errors=True)

    def _manifest(self, release_id: str) -> tuple[bytes, Manifest]:
        path = self.feed / _checked(release_id) / contents.NAME
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise UnknownRelease(id=release_id) from None
        return data, contents.parse(data, hashlib.sha256(data).hexdigest(), str(path))


def _checked(release_id: str) -> str:
    split_release_id(release_id)
    return release_id


def _fill(made: Path, patch: PatchFile) -> Manifest:
    """Move what hosts need out of the patch."""
    metadata, source = patch.metadata, patch.directory
    backend = of_files(patch.software, metadata.id)
    form = FORMATS[backend]
    (made / PACKAGES).mkdir()
    found: dict[bool, list[Item]] = {False: [], True: []}
    for name in patch.software:
        target = made / PACKAGES / Path(name).name
        if target.exists():
            raise ContentWrong(detail=f"{metadata.id} has two files named {target.name}.")
        (source / "software" / name).rename(target)
        found[name.startswith(PREVIOUS)].append(form.describe(target))
    if form.index is not None:
        form.index(made / PACKAGES)
    for member in sorted(patch.digests):
        if member in _ON_HOSTS:
            _place(source / member, made / HOOKS / member)
        elif member not in _KNOWN and "/" not in member and (source / member).is_file():
            _place(source / member, made / SCRIPTS / member)
    packages = _entries(found[False], metadata.id)
    # Anybody on a host may read it, and the front, which serves it, does so as a user of its own.
    for path in (made, *made.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    return Manifest(metadata.id, metadata.version.text, backend, contents.list_files(made), packages,
                    _entries(found[True], metadata.id), metadata.reboot_required)


def _entries(items: Sequence[Item], release_id: str) -> list[PackageEntry]:
    names = [item.name for item in items]
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ContentWrong(detail=f"{release_id} has several versions of {', '.join(twice[:10])}.")
    return sorted((PackageEntry(item.name, item.version, f"{PACKAGES}/{item.path.name}", item.base) for item in items),
                  key=lambda entry: entry.name)


def _place(source: Path, target: Path) -> None:
    target.parent.mkdir(exist_ok=True)
    source.rename(target)
    target.chmod(0o755)


def _sync(place: Path) -> None:
    """Have everything below ``place`` on the disk before its name says that it is complete."""
    for path in (*place.rglob("*"), place):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

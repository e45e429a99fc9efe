# SPDX-License-Identifier: Apache-2.0
"""What a directory really holds of the content of releases: the comparison of two controllers' copies."""
from __future__ import annotations

import hashlib
from pathlib import Path

from flock.core.errors import InvalidInput
from patching.content import manifest as contents
from patching.content import spare
from patching.content.errors import ContentWrong
from patching.content.manifest import FileEntry, Manifest
from patching.contract.version import split_release_id

Stamp = tuple[int, int, int, int]


class Holding:
    """Remembers the digests of files, so that an unchanged directory costs one look at each file."""

    def __init__(self, feed: Path) -> None:
        self._feed = feed
        self._known: dict[Path, tuple[Stamp, str]] = {}

    def digests(self) -> dict[str, str]:
        """Digests of the content by release id, of those releases whose files are all there and unchanged."""
        found: dict[str, str] = {}
        seen: set[Path] = set()
        for place in sorted(self._feed.glob("*-*")):
            try:
                split_release_id(place.name)
                data = (place / contents.NAME).read_bytes()
                digest = hashlib.sha256(data).hexdigest()
                manifest: Manifest = contents.parse(data, digest, place.name)
            except (OSError, ValueError, ContentWrong, InvalidInput):
                continue
            seen |= {place / entry.path for entry in manifest.files}
            gone = spare.absent(place)
            if manifest.release_id == place.name and all(entry.path in gone or self._is_whole(place / entry.path, entry)
                                                         for entry in manifest.files):
                found[place.name] = digest
        self._known = {path: known for path, known in self._known.items() if path in seen}
        return found

    def _is_whole(self, path: Path, entry: FileEntry) -> bool:
        try:
            status = path.lstat()
            stamp = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
            if status.st_size != entry.size:
                return False
            known = self._known.get(path)
            if known is None or known[0] != stamp:
                known = self._known[path] = (stamp, contents.digest_of(path))
        except OSError:
            return False
        return known[1] == entry.sha256

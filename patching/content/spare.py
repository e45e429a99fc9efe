# SPDX-License-Identifier: Apache-2.0
"""What of committed releases nobody needs any more. The system never returns below the newest of them, so versions of
packages that it replaces, and those that hosts had before, are not installed again.

The manifest, and with it the digest of the content, stays: hosts that have it are not told to bring it anew.
``absent.json`` beside it lists the files that are gone.
"""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from patching.content.errors import ContentWrong
from patching.content.manifest import Manifest

NAME = "absent.json"


def superfluous(manifests: Sequence[Manifest]) -> dict[str, frozenset[str]]:
    """Paths of files by release id. ``manifests``: of all committed releases, the oldest first.

    What a later delta begins from is needed: a host that is installed anew gets all of them, one after the other.
    """
    found: dict[str, frozenset[str]] = {}
    replaced: set[tuple[str, str]] = set()
    bases: set[tuple[str, str, str]] = set()
    for manifest in reversed(manifests):
        gone = [one.path for one in manifest.packages if (manifest.backend, one.name) in replaced]
        kept = [one for one in manifest.packages if one.path not in gone]
        replaced |= {(manifest.backend, one.name) for one in kept if not one.base}
        bases |= {(manifest.backend, one.name, one.base) for one in kept if one.base}
        gone += [one.path for one in manifest.previous if (manifest.backend, one.name, one.version) not in bases]
        found[manifest.release_id] = frozenset(gone)
    return found


def paths(data: bytes) -> frozenset[str]:
    """What ``absent.json`` lists. ContentWrong: it is no such list."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or not all(isinstance(path, str) for path in found):
        raise ContentWrong(detail=f"{NAME} is no list of files.")
    return frozenset(found)


def absent(place: Path) -> frozenset[str]:
    """Paths of the files of a release that are gone on purpose; none where there is no list."""
    try:
        return paths((place / NAME).read_bytes())
    except (FileNotFoundError, ContentWrong):
        return frozenset()


def text(gone: frozenset[str]) -> bytes:
    """``absent.json``."""
    return json.dumps(sorted(gone)).encode() + b"\n"


def size(manifests: Mapping[str, Manifest], gone: Mapping[str, frozenset[str]], feed: Path) -> int:
    """Bytes of those files that are there."""
    return sum(entry.size for release_id, manifest in manifests.items() for entry in manifest.files
               if entry.path in gone[release_id] and (feed / release_id / entry.path).exists())

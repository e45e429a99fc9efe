# SPDX-License-Identifier: Apache-2.0
"""Makes patch files: the members, both forms of signature, and an archive that is the same for the same content."""
from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, cast

from cryptography.hazmat.primitives.asymmetric import rsa

from patching.artifact import metadata as description
from patching.artifact import patchfile, trust
from patching.artifact.errors import ArtifactRefused
from patching.artifact.metadata import Metadata
from patching.artifact.patchfile import CHECKSUM, HOOK_FILES, MANIFEST, MANIFEST_SIGNATURE, SIGNATURE_V2, SIGNED_ORDER


def build(metadata: Metadata, software: Mapping[str, Path], target: Path, key: rsa.RSAPrivateKey, *,
          hooks: Mapping[str, Path] | None = None, extra: Mapping[str, Path] | None = None,
          semantics: Mapping[str, Path] | None = None, others: Mapping[str, Path] | None = None) -> Path:
    """Write ``<id>.patch`` into the directory ``target`` and return its path.

    ``software``, ``extra`` and ``semantics``: name in the archive and file. ``hooks``: by ``pre_start`` and so on.
    ``others``: restart scripts beside them, by name, which only the manifest covers. InvalidInput, ArtifactRefused: the
    description breaks a rule.
    """
    files = {HOOK_FILES[hook]: path for hook, path in (hooks or {}).items()}
    if not metadata.version.is_patch:
        raise ArtifactRefused(detail=f"{metadata.id} is a release, which is an image. The last number of a patch's "
                                     "version is not 0.")
    data = description.write(metadata, digests=True)
    description.parse(data)
    made = target / f"{metadata.id}.patch"
    with tempfile.TemporaryDirectory(dir=target, prefix=".build-") as folder:
        place = Path(folder)
        with (place / patchfile.METADATA).open("wb") as out:
            _tar(out, {"metadata.xml": data})
        for name, content in ((patchfile.SOFTWARE, software), (patchfile.SEMANTICS, semantics),
                              (patchfile.EXTRA, extra)):
            if content is not None:
                with (place / name).open("wb") as out:
                    _tar(out, content)
        members = {path.name: path for path in sorted(place.iterdir())} | files | dict(others or {})
        signatures = _sign(members, key)
        temporary = place / made.name
        with temporary.open("wb") as out, gzip.GzipFile(filename="", mode="wb", fileobj=out, mtime=0) as packed:
            _tar(packed, {**members, **signatures})
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        os.replace(temporary, made)
    return made


def _sign(members: Mapping[str, Path], key: rsa.RSAPrivateKey) -> dict[str, bytes]:
    digests = {name: trust.digest_of([path]).hex() for name, path in members.items()}
    told = patchfile.manifest(digests)
    known = [members[name] for name in SIGNED_ORDER if name in members]
    made = {MANIFEST: told, MANIFEST_SIGNATURE: trust.sign(_digest(told), key),
            CHECKSUM: patchfile.md5_checksum(known).encode()}
    # Where there are more members, StarlingX's signature would not cover them all.
    return made | ({SIGNATURE_V2: trust.sign(trust.digest_of(known), key)} if len(known) == len(members) else {})


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _tar(out: IO[bytes] | gzip.GzipFile, members: Mapping[str, Path | bytes]) -> None:
    """Members in order of their names, without times and owners."""
    with tarfile.open(fileobj=cast(IO[bytes], out), mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for name in sorted(members):
            content = members[name]
            item = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                item.size = len(content)
                item.mode = 0o644
                archive.addfile(item, io.BytesIO(content))
                continue
            found = content.stat()
            item.size, item.mode = found.st_size, 0o755 if found.st_mode & 0o100 else 0o644
            with content.open("rb") as stream:
                archive.addfile(item, stream)


def folder(path: Path) -> dict[str, Path]:
    """All files below a directory by their names relative to it."""
    return {str(item.relative_to(path)): item for item in _files(path)}


def _files(path: Path) -> Iterable[Path]:
    return (item for item in sorted(path.rglob("*")) if item.is_file())

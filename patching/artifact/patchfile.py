# SPDX-License-Identifier: Apache-2.0
"""Patch files ``<id>.patch``: a compressed tar archive of a few members, signed as a whole.

Two forms of signature are read. Ours: ``manifest.sha256`` names every member with its SHA-256, and ``manifest.sig``
signs it. StarlingX's: ``signature.v2`` signs the known members one after the other; a member that it does not cover is
refused. That signature says nothing of where one member ends, so each archive must be whole and nothing may follow its
end, scripts must be named in the description, and a patch whose description promises a manifest must have it.
``signature`` (MD5) is only a checksum against damage.
"""
from __future__ import annotations

import datetime
import functools
import hashlib
import operator
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from flock.core.errors import InvalidInput
from patching.artifact import metadata as description
from patching.artifact import trust, unpack
from patching.artifact.errors import ArtifactRefused
from patching.artifact.metadata import Metadata
from patching.artifact.trust import Signer, Trust
from patching.artifact.unpack import Limits

METADATA, SOFTWARE, SEMANTICS, EXTRA = "metadata.tar", "software.tar", "semantics.tar", "extra.tar"
HOOK_FILES = {"pre_start": "pre-start.sh", "post_start": "post-start.sh", "pre_install": "pre-install.sh",
              "post_install": "post-install.sh"}
SIGNED_ORDER = (METADATA, SOFTWARE, SEMANTICS, EXTRA, *HOOK_FILES.values())
"""The members that ``signature.v2`` covers, in its order."""
MANIFEST, MANIFEST_SIGNATURE, SIGNATURE_V2, CHECKSUM = "manifest.sha256", "manifest.sig", "signature.v2", "signature"
_SIGNATURES = frozenset({MANIFEST, MANIFEST_SIGNATURE, SIGNATURE_V2, CHECKSUM})
OUTER = Limits(members_max=200, name_max=255)
SMALL = Limits(bytes_max=description.BYTES_MAX, members_max=10, name_max=255)
_LINE = re.compile(r"([0-9a-f]{64})  ([A-Za-z0-9][A-Za-z0-9._+-]{0,254})\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class PatchFile:
    """A patch whose signature counts, unpacked in ``directory``: the members, and below ``software``, ``extra`` and
    ``semantics`` what was in those archives. ``digests``: SHA-256 in hex by member."""

    metadata: Metadata
    signer: Signer
    directory: Path
    digests: Mapping[str, str]
    software: tuple[str, ...] = ()


def read(path: Path, name: str, into: Path, trusted: Trust, now: datetime.datetime,
         limits: Limits = OUTER) -> PatchFile:
    """Unpack the patch ``path``, which its sender calls ``name``, into the empty directory ``into``, and check it.

    ArtifactRefused, InvalidInput: it breaks a rule; OSError: the disk. ``into`` is then removed.
    """
    try:
        with path.open("rb") as stream:
            members = unpack.unpack(stream, into, name, limits, flat=True)
        digests = {member: trust.digest_of([into / member]).hex() for member in members}
        _required(name, members)
        signer = _signer(name, into, digests, trusted, now)
        found = _metadata(name, into, limits, has_manifest=MANIFEST_SIGNATURE in members)
        stem = name.removesuffix(".patch")
        if name == stem or stem != found.id:
            raise ArtifactRefused(detail=f"{name} must be named {found.id}.patch after the id in its metadata.")
        _hooks(name, found, members)
        software: list[str] = []
        for archive in (SOFTWARE, EXTRA, SEMANTICS):
            if archive in members:
                with (into / archive).open("rb") as stream:
                    inner = unpack.unpack(stream, into / archive.removesuffix(".tar"), f"{archive} of {name}",
                                          Limits(limits.bytes_max))
                (into / archive).unlink()
                software += inner if archive == SOFTWARE else []
        return PatchFile(found, signer, into, digests, tuple(software))
    except BaseException:
        shutil.rmtree(into, ignore_errors=True)
        raise


def md5_checksum(files: list[Path]) -> str:
    """StarlingX's checksum: all ones, exclusive or the MD5 of each file, in hex."""
    def md5(path: Path) -> int:
        with path.open("rb") as stream:
            return int(hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest(), 16)

    return f"{functools.reduce(operator.xor, map(md5, files), (1 << 128) - 1):032x}"


def manifest(digests: Mapping[str, str]) -> bytes:
    """The manifest of members, as ``sha256sum -c`` reads it."""
    return "".join(f"{digests[name]}  {name}\n" for name in sorted(digests) if name not in _SIGNATURES).encode()


def _required(name: str, members: list[str]) -> None:
    missing = [member for member in (METADATA, SOFTWARE) if member not in members]
    if MANIFEST_SIGNATURE not in members and SIGNATURE_V2 not in members:
        missing.append(f"{MANIFEST_SIGNATURE} (or {SIGNATURE_V2})")
    if missing:
        raise ArtifactRefused(detail=f"{name} lacks {', '.join(missing)}.")


def _signer(name: str, into: Path, digests: Mapping[str, str], trusted: Trust, now: datetime.datetime) -> Signer:
    """Who has signed every member; one that nobody has signed is refused."""
    if MANIFEST_SIGNATURE in digests:
        covered, signer = _by_manifest(name, into, digests, trusted, now)
    else:
        covered = frozenset(SIGNED_ORDER) & digests.keys()
        files = [into / member for member in SIGNED_ORDER if member in digests]
        if CHECKSUM in digests:
            told = _signature(into / CHECKSUM).decode("ascii", "replace").strip()
            if told.lower().zfill(32) != md5_checksum(files):
                raise ArtifactRefused(detail=f"{name} is damaged: its checksum is another one.")
        signer = trusted.verify(trust.digest_of(files), _signature(into / SIGNATURE_V2), now)
    unsigned = sorted(digests.keys() - covered - _SIGNATURES)
    if unsigned:
        raise ArtifactRefused(detail=f"{name} has members that its signature does not cover: {', '.join(unsigned)}.")
    return signer


def _by_manifest(name: str, into: Path, digests: Mapping[str, str], trusted: Trust,
                 now: datetime.datetime) -> tuple[frozenset[str], Signer]:
    if MANIFEST not in digests:
        raise ArtifactRefused(detail=f"{name} lacks {MANIFEST}.")
    told = into / MANIFEST
    if told.stat().st_size > description.BYTES_MAX:
        raise ArtifactRefused(detail=f"{MANIFEST} of {name} is too large.")
    signer = trusted.verify(trust.digest_of([told]), _signature(into / MANIFEST_SIGNATURE), now)
    covered = {}
    for line in told.read_text("ascii", "replace").splitlines():
        found = _LINE.match(line)
        if found is None:
            raise ArtifactRefused(detail=f"{MANIFEST} of {name} has a line that is no digest and name: {line!r:.80}.")
        covered[found[2]] = found[1]
    wrong = sorted(member for member, digest in covered.items() if digests.get(member) != digest)
    if wrong:
        raise ArtifactRefused(detail=f"{name} was changed after it was signed: {', '.join(wrong)} differ or are "
                                     "missing.")
    return frozenset(covered), signer


def _signature(path: Path) -> bytes:
    if path.stat().st_size > trust.SIGNATURE_BYTES_MAX:
        raise ArtifactRefused(detail=f"{path.name} is no signature: it is too large.")
    return path.read_bytes()


def _metadata(name: str, into: Path, limits: Limits, *, has_manifest: bool) -> Metadata:
    with (into / METADATA).open("rb") as stream:
        inner = unpack.unpack(stream, into / "metadata", f"{METADATA} of {name}", SMALL, flat=True)
    if inner != ["metadata.xml"]:
        raise ArtifactRefused(detail=f"{METADATA} of {name} must hold metadata.xml, and nothing else.")
    data = (into / "metadata" / "metadata.xml").read_bytes()
    try:
        parsed, promised = description.parse(data), description.promises_digests(data)
    except InvalidInput as error:
        raise ArtifactRefused(detail=f"metadata of {name}: {error}.") from error
    if promised and not has_manifest:
        raise ArtifactRefused(detail=f"{name} lacks {MANIFEST_SIGNATURE}, which its metadata promises.")
    return parsed


def _hooks(name: str, found: Metadata, members: list[str]) -> None:
    for hook, file in found.hooks.items():
        if file != HOOK_FILES[hook] or file not in members:
            raise ArtifactRefused(detail=f"metadata of {name}: {hook} must name {HOOK_FILES[hook]}, and the file must "
                                         "be in the patch.")
    # StarlingX's signature covers the bytes of an archive under the name of a hook as well.
    unnamed = sorted(set(HOOK_FILES.values()) & set(members) - set(found.hooks.values()))
    if unnamed:
        raise ArtifactRefused(detail=f"{name} has scripts that its metadata does not name: {', '.join(unnamed)}.")

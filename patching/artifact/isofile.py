# SPDX-License-Identifier: Apache-2.0
"""Major releases ``<id>.iso`` with their signature ``<id>.sig``: read with distrust, and made.

Below ``upgrades`` is the description of what can be upgraded, below ``patches`` that of the release, and below
``software``, ``extra`` and ``hooks`` what a patch has in its archives. Other files of an image are not looked at.
"""
from __future__ import annotations

import datetime
import io
import shutil
import struct
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

import pycdlib
from cryptography.hazmat.primitives.asymmetric import rsa
from pycdlib.pycdlibexception import PyCdlibException

from flock.core.errors import InvalidInput
from patching.artifact import metadata as description
from patching.artifact import trust
from patching.artifact.errors import ArtifactRefused
from patching.artifact.metadata import Metadata
from patching.artifact.patchfile import HOOK_FILES, PatchFile
from patching.artifact.trust import Trust
from patching.artifact.unpack import BLOCK, Limits

ISO, SIGNATURE = ".iso", ".sig"
UPGRADES = "upgrades/metadata.xml"
FOLDERS = ("software", "extra", "hooks")
IMAGE = Limits(members_max=50_000)
_DAMAGED = (PyCdlibException, ValueError, IndexError, KeyError, EOFError, OverflowError, struct.error)


@dataclass(frozen=True, slots=True)
class Release:
    """A major release whose signature counts. ``file``: as that of a patch. ``supported_from``: versions ``MM.mm`` of
    which a system can come to it."""

    file: PatchFile
    supported_from: tuple[str, ...]


def read(path: Path, name: str, signature: Path, into: Path, trusted: Trust, now: datetime.datetime,
         limits: Limits = IMAGE) -> Release:
    """Check the image ``path``, which its sender calls ``name``, and take what is needed of it into the empty directory
    ``into``.

    ArtifactRefused, InvalidInput: it breaks a rule; OSError: the disk. ``into`` is then removed.
    """
    try:
        if signature.stat().st_size > trust.SIGNATURE_BYTES_MAX:
            raise ArtifactRefused(detail=f"{signature.name} is no signature: it is too large.")
        signer = trusted.verify(trust.digest_of([path]), signature.read_bytes(), now)
        names = _unpacked(path, name, into, limits)
        supported = description.parse_supported(_small(into / UPGRADES, name))
        if not supported:
            raise ArtifactRefused(detail=f"{UPGRADES} of {name} names no version from which one can upgrade.")
        found = _metadata(name, into)
        if found.version.is_patch and not found.prepatched_iso:
            raise ArtifactRefused(detail=f"{name} holds {found.id}, which is a patch and no major release.")
        _hooks(name, found, into)
        software = tuple(item.removeprefix("software/") for item in names if item.startswith("software/"))
        return Release(PatchFile(found, signer, into, _members(into, names), software), supported)
    except BaseException:
        shutil.rmtree(into, ignore_errors=True)
        raise


def build(metadata: Metadata, supported_from: tuple[str, ...], software: Mapping[str, Path], target: Path,
          key: rsa.RSAPrivateKey, *, hooks: Mapping[str, Path] | None = None,
          extra: Mapping[str, Path] | None = None) -> tuple[Path, Path]:
    """Write ``<id>.iso`` and ``<id>.sig`` into the directory ``target`` and return both paths.

    ``software`` and ``extra``: name in the image and file; ``hooks``: by ``pre_start`` and so on. InvalidInput,
    ArtifactRefused: a description breaks a rule.
    """
    upgrades = _upgrades(metadata, supported_from)
    description.parse_supported(upgrades)
    told = description.write(metadata)
    description.parse(told)
    files: dict[str, bytes | Path] = {UPGRADES: upgrades, f"patches/{metadata.id}-metadata.xml": told}
    files |= {f"software/{name}": path for name, path in software.items()}
    files |= {f"extra/{name}": path for name, path in (extra or {}).items()}
    files |= {f"hooks/{HOOK_FILES[hook]}": path for hook, path in (hooks or {}).items()}
    made, signature = target / f"{metadata.id}{ISO}", target / f"{metadata.id}{SIGNATURE}"
    temporary = target / f".{made.name}"
    try:
        _write(temporary, files)
        signature.write_bytes(trust.sign(trust.digest_of([temporary]), key, pss=False))
        temporary.rename(made)
    finally:
        temporary.unlink(missing_ok=True)
    return made, signature


def _unpacked(path: Path, name: str, into: Path, limits: Limits) -> list[str]:
    """Take the files out, and return their names."""
    image: Any = pycdlib.PyCdlib()
    try:
        image.open(str(path))
        try:
            found, left = [], limits.bytes_max
            for number, (item, size, is_program) in enumerate(_files(image, name), 1):
                left -= size
                if number > limits.members_max or left < 0:
                    raise ArtifactRefused(detail=f"{name} holds more than {limits.members_max} files or "
                                                 f"{limits.bytes_max >> 20} MiB.")
                if not _is_needed(item):
                    continue
                target = into / item
                target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with target.open("xb") as out:
                    image.get_file_from_iso_fp(out, rr_path=f"/{item}", blocksize=BLOCK)
                target.chmod(0o700 if is_program else 0o600)
                found.append(item)
            return found
        finally:
            image.close()
    except _DAMAGED as error:
        raise ArtifactRefused(detail=f"{name} is no image that can be read: {str(error) or type(error).__name__}."
                              ) from error


def _files(image: Any, name: str) -> Iterator[tuple[str, int, bool]]:
    """Name, bytes, and whether it is a program, of all files."""
    if not image.has_rock_ridge():
        raise ArtifactRefused(detail=f"{name} has no long file names (Rock Ridge).")
    for folder, _, names in image.walk(rr_path="/"):
        for one in names:
            item = str(PurePosixPath(folder, one)).lstrip("/")
            if ".." in PurePosixPath(item).parts or not item.isprintable() or len(item) > IMAGE.name_max:
                raise ArtifactRefused(detail=f"{name} has a file whose name is not allowed: {item!r:.80}.")
            record = image.get_record(rr_path=f"/{item}")
            if not record.is_file() or record.rock_ridge is None or record.rock_ridge.is_symlink():
                if _is_needed(item):
                    raise ArtifactRefused(detail=f"{name} has a member that is no regular file: {item!r:.80}.")
                continue
            yield item, record.get_data_length(), bool(record.rock_ridge.get_file_mode() & 0o100)


def _is_needed(item: str) -> bool:
    first = item.partition("/")[0]
    return item == UPGRADES or first in FOLDERS or (first == "patches" and item.endswith("-metadata.xml"))


def _small(path: Path, name: str) -> bytes:
    if not path.is_file():
        raise ArtifactRefused(detail=f"{name} lacks {'/'.join(path.parts[-2:])}.")
    if path.stat().st_size > description.BYTES_MAX:
        raise ArtifactRefused(detail=f"{path.name} of {name} is too large.")
    return path.read_bytes()


def _metadata(name: str, into: Path) -> Metadata:
    paths = sorted(into.glob("patches/*-metadata.xml"))
    if len(paths) != 1:
        raise ArtifactRefused(detail=f"{name} must have one description patches/<id>-metadata.xml, not {len(paths)}.")
    try:
        found = description.parse(_small(paths[0], name))
    except InvalidInput as error:
        raise ArtifactRefused(detail=f"{paths[0].name} of {name}: {error}.") from error
    if paths[0].name != f"{found.id}-metadata.xml":
        raise ArtifactRefused(detail=f"{paths[0].name} of {name} must be named {found.id}-metadata.xml after its id.")
    return found


def _hooks(name: str, found: Metadata, into: Path) -> None:
    for hook, file in found.hooks.items():
        if file != HOOK_FILES[hook] or not (into / "hooks" / file).is_file():
            raise ArtifactRefused(detail=f"metadata of {name}: {hook} must name {HOOK_FILES[hook]}, and the file must "
                                         "be in the image.")


def _members(into: Path, names: list[str]) -> dict[str, str]:
    """Digests by name. Moves the hooks out of their folder, so that they are where a patch has them."""
    made = {}
    for name in names:
        member = name.removeprefix("hooks/")
        if member != name:
            (into / name).rename(into / member)
        made[member] = trust.digest_of([into / member]).hex()
    return made


def _upgrades(metadata: Metadata, supported_from: tuple[str, ...]) -> bytes:
    root = ET.Element("upgrades")
    ET.SubElement(root, "version").text = metadata.version.major
    holder = ET.SubElement(root, "supported_upgrades")
    for version in supported_from:
        ET.SubElement(ET.SubElement(holder, "upgrade"), "version").text = version
    data: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return data


def _write(path: Path, files: Mapping[str, bytes | Path]) -> None:
    image: Any = pycdlib.PyCdlib()
    image.new(interchange_level=3, rock_ridge="1.09")
    opened: list[IO[bytes]] = []
    try:
        places = {".": ""}
        folders = {str(parent) for name in files for parent in PurePosixPath(name).parents} - {"."}
        for number, folder in enumerate(sorted(folders)):
            outer, _, own = folder.rpartition("/")
            places[folder] = f"{places[outer or '.']}/D{number:04}"
            image.add_directory(places[folder], rr_name=own)
            inside = sorted(name for name in files if name.rpartition("/")[0] == folder)
            for index, name in enumerate(inside):
                content = files[name]
                mode = 0o100444
                stream: IO[bytes]
                if isinstance(content, bytes):
                    stream, size = io.BytesIO(content), len(content)
                else:
                    stream, size = content.open("rb"), content.stat().st_size
                    mode = 0o100555 if content.stat().st_mode & 0o100 else mode
                opened.append(stream)
                image.add_fp(stream, size, f"{places[folder]}/F{index:05}.;1", rr_name=name.rpartition("/")[2],
                             file_mode=mode)
        image.write(str(path))
    finally:
        image.close()
        for stream in opened:
            stream.close()

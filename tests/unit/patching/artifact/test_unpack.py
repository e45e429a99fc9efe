# SPDX-License-Identifier: Apache-2.0
"""Archives that lie about themselves: in names and attributes, after their end, and in how much memory they need."""
from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from patching.artifact import unpack
from patching.artifact.errors import ArtifactRefused

MIB = 1 << 20
END = b"\0" * 1024


def header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(tarfile.USTAR_FORMAT)


def pax(**values: str) -> bytes:
    """A header of attributes for the member that follows."""
    records = b""
    for name, value in values.items():
        body = f" {name.replace('__', '.')}={value}\n".encode()
        length = len(body) + len(str(len(body) + 2))
        records += str(length).encode() + body
    return header("x", len(records), tarfile.XHDTYPE) + records.ljust(-(-len(records) // 512) * 512, b"\0")


def plain(content: bytes = b"hello") -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        info = tarfile.TarInfo("file")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return made.getvalue()


def unpacked(data: bytes, into: Path) -> list[str]:
    return unpack.unpack(io.BytesIO(data), into, "x.patch")


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_archives_of_every_compression_are_unpacked(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    content = b"0123456789abcdef" * 200_000
    assert unpacked(pack(plain(content)), tmp_path) == ["file"]
    assert (tmp_path / "file").read_bytes() == content


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("damage", [
    lambda data: data + b"garbage", lambda data: data[:600] if data[:4] == b"file" else data[:-3],
    lambda data: data[:len(data) // 2]])
def test_what_is_cut_or_goes_on_is_refused(pack: Callable[[bytes], bytes], damage: Callable[[bytes], bytes],
                                           tmp_path: Path) -> None:
    with pytest.raises(ArtifactRefused, match=r"x\.patch is damaged"):
        unpacked(damage(pack(plain(b"x" * 5000))), tmp_path)


@pytest.mark.parametrize("inner", [plain() + plain(), plain() + b"\0" * (2 * MIB)])
def test_a_second_archive_after_the_first_is_refused(inner: bytes, tmp_path: Path) -> None:
    with pytest.raises(ArtifactRefused, match="something follows its end"):
        unpacked(gzip.compress(inner), tmp_path)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK,
                                  tarfile.SOLARIS_XHDTYPE])
def test_attributes_of_any_size_are_not_read(kind: bytes, tmp_path: Path) -> None:
    """One megabyte of a patch that nobody had signed took two gigabytes of the conductor, at each of its starts."""
    data = gzip.compress(header("x", 200 * MIB, kind) + b"\0" * (200 * MIB) + plain(), compresslevel=1)
    tracemalloc.start()
    try:
        with pytest.raises(ArtifactRefused, match="names and attributes are too long"):
            unpacked(data, tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 8 * MIB
    finally:
        tracemalloc.stop()


def test_a_map_of_holes_without_end_is_not_read(tmp_path: Path) -> None:
    map_of = pax(GNU__sparse__major="1", GNU__sparse__minor="0", GNU__sparse__name="a", GNU__sparse__realsize="9")
    with pytest.raises(ArtifactRefused):
        unpacked(map_of + header("a", 50 * MIB) + b"1" * (50 * MIB) + END, tmp_path)


def test_chained_attributes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactRefused):
        unpacked(pax(comment="x") * 5000 + plain(), tmp_path)
    with pytest.raises(ArtifactRefused):
        unpacked(header("x", 0, tarfile.XHDTYPE) * 5000 + plain(), tmp_path)


def test_xz_may_not_ask_for_a_gigabyte(tmp_path: Path) -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1024 * MIB}]
    with pytest.raises(ArtifactRefused, match="is damaged"):
        unpacked(lzma.compress(plain(), filters=filters), tmp_path)


def test_a_file_below_a_file_is_refused(tmp_path: Path) -> None:
    data = header("a", 0) + header("a/b", 0) + END
    with pytest.raises(ArtifactRefused, match="two members named"):
        unpacked(data, tmp_path)


def test_long_names_and_attributes_of_usual_size_are_read(tmp_path: Path) -> None:
    name = "/".join(["d" * 100] * 8)
    for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        made = io.BytesIO()
        with tarfile.open(fileobj=made, mode="w:gz", format=form) as archive:
            info = tarfile.TarInfo(name)
            info.pax_headers = {"comment": "c" * 3000, "SCHILY.xattr.user.x": "y" * 2000}
            archive.addfile(info)
        assert unpacked(made.getvalue(), tmp_path / str(form)) == [name]

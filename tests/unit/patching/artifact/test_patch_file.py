# SPDX-License-Identifier: Apache-2.0
"""Patch files: made, read, and everything that is refused about those that others have made."""
from __future__ import annotations

import gzip
import hashlib
import io
import os
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from patching.artifact import build, metadata, patchfile, trust
from patching.artifact.errors import ArtifactRefused
from patching.artifact.patchfile import PatchFile, read
from patching.artifact.trust import Trust
from patching.artifact.unpack import Limits
from tests.unit.patching.artifact.conftest import DAY, NOW, Authority, a_patch, described

Members = dict[str, bytes]


def members_of(path: Path) -> Members:
    with tarfile.open(path) as archive:
        return {item.name: archive.extractfile(item).read() for item in archive}  # type: ignore[union-attr]


def repacked(path: Path, members: Members, extra: Callable[[tarfile.TarFile], None] = lambda archive: None) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, data in members.items():
            item = tarfile.TarInfo(name)
            item.size = len(data)
            archive.addfile(item, io.BytesIO(data))
        extra(archive)
    return path


def a_tar(*items: tuple[tarfile.TarInfo, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for item, data in items:
            archive.addfile(item, io.BytesIO(data))
    return out.getvalue()


def named(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0) -> tarfile.TarInfo:
    item = tarfile.TarInfo(name)
    item.type, item.linkname, item.size = kind, link, size
    return item


def opened(path: Path, into: Path, trusted: Trust, name: str = "", limits: Limits = patchfile.OUTER) -> PatchFile:
    return read(path, name or path.name, into, trusted, NOW, limits)


def refused(path: Path, into: Path, trusted: Trust, name: str = "", limits: Limits = patchfile.OUTER) -> str:
    """The words of the refusal; nothing is left of the file, and nothing lies beside its directory."""
    before = sorted(into.parent.iterdir())
    with pytest.raises(ArtifactRefused) as told:
        opened(path, into, trusted, name, limits)
    assert told.value.http == 406
    assert not into.exists()
    assert sorted(into.parent.iterdir()) == before
    return str(told.value)


@pytest.fixture
def patch(tmp_path: Path, maker: Authority) -> Path:
    return a_patch(tmp_path, maker.key)


@pytest.fixture
def into(tmp_path: Path) -> Path:
    place = tmp_path / "work"
    place.mkdir()
    return place / "unpacked"


def test_what_was_built_is_read(patch: Path, into: Path, trusted: Trust) -> None:
    found = opened(patch, into, trusted)
    assert found.metadata == described(hooks={"post_install": "post-install.sh"})
    assert found.software == ("fm-api_1.0-2_all.deb",)
    assert found.signer.name == "CN=maker (maker.pem)"
    assert sorted(path.name for path in into.iterdir()) == [
        "manifest.sha256", "manifest.sig", "metadata", "metadata.tar", "post-install.sh", "signature", "signature.v2",
        "software"]
    assert os.access(into / "post-install.sh", os.X_OK)
    assert (into / "software" / "fm-api_1.0-2_all.deb").stat().st_mode & 0o777 == 0o600


def test_the_same_content_makes_the_same_bytes_but_for_the_signature(tmp_path: Path, maker: Authority) -> None:
    first = members_of(a_patch(tmp_path, maker.key))
    second = members_of(a_patch(tmp_path, maker.key))
    assert {name for name in first if first[name] != second[name]} == {"manifest.sig", "signature.v2"}


def test_others_can_check_the_manifest_and_the_signature(patch: Path, into: Path, maker: Authority) -> None:
    """With sha256sum and openssl, which we did not write."""
    into.mkdir()
    for name, data in members_of(patch).items():
        (into / name).write_bytes(data)
    subprocess.run(["sha256sum", "-c", "manifest.sha256"], cwd=into, check=True, capture_output=True)
    public = subprocess.run(["openssl", "x509", "-in", str(maker.file), "-pubkey", "-noout"], check=True,
                            capture_output=True).stdout
    (into / "public.pem").write_bytes(public)
    (into / "all").write_bytes(b"".join((into / name).read_bytes() for name in patchfile.SIGNED_ORDER
                                        if (into / name).exists()))
    for content, signature in (("manifest.sha256", "manifest.sig"), ("all", "signature.v2")):
        done = subprocess.run(["openssl", "dgst", "-sha256", "-sigopt", "rsa_padding_mode:pss", "-verify", "public.pem",
                               "-signature", signature, content], cwd=into, check=False, capture_output=True, text=True)
        assert done.stdout.strip() == "Verified OK", done.stderr


def starlingx(patch: Path, maker: Authority, **more: bytes) -> Members:
    """The members of a patch of StarlingX, which has no manifest. Its signature may use the older padding."""
    data = metadata.write(described(hooks={"post_install": "post-install.sh"}))
    old = {name: data for name, data in members_of(patch).items() if not name.startswith("manifest")} | more
    old["metadata.tar"] = a_tar((named("metadata.xml", size=len(data)), data))
    known = [old[name] for name in patchfile.SIGNED_ORDER if name in old]
    old["signature.v2"] = trust.sign(hashlib.sha256(b"".join(known)).digest(), maker.key, pss=False)
    del old["signature"]
    return old


def test_a_patch_of_starlingx_is_read(patch: Path, into: Path, trusted: Trust, maker: Authority) -> None:
    old = starlingx(patch, maker)
    assert opened(repacked(patch, old), into, trusted).software
    assert opened(repacked(patch, old), into.with_name("again"), trusted).software
    damaged = {**old, "signature": b"0" * 32}
    assert "its checksum is another one" in refused(repacked(patch, damaged), into.with_name("third"), trusted)
    more = {**old, "restart.sh": b"#!/bin/sh\n"}
    told = refused(repacked(patch, more), into.with_name("fourth"), trusted)
    assert "its signature does not cover: restart.sh" in told


def test_a_manifest_cannot_be_taken_away(patch: Path, into: Path, trusted: Trust) -> None:
    """Our builder writes both signatures; without the manifest the bytes of all members could be divided anew."""
    rest = {name: data for name, data in members_of(patch).items() if not name.startswith("manifest")}
    assert "lacks manifest.sig, which its metadata promises" in refused(repacked(patch, rest), into, trusted)


def test_what_starlingx_has_signed_cannot_be_divided_anew(patch: Path, into: Path, trusted: Trust, maker: Authority
                                                          ) -> None:
    """Its signature is that of the bytes of all members one after the other; each of these has the same."""
    script = b"#!/bin/sh\nexit 0\n"
    extra = a_tar((named("10-migrate", size=len(script)), script))
    old = starlingx(patch, maker, **{"extra.tar": extra, "semantics.tar": extra})
    assert opened(repacked(patch, old), into, trusted).software
    rest = {name: data for name, data in old.items() if name not in ("extra.tar", "post-install.sh")}
    moved = {
        "something follows its end": {
            **rest, "software.tar": old["software.tar"] + extra[:512], "semantics.tar": extra[512:] + extra,
            "post-install.sh": old["post-install.sh"]},
        "scripts that its metadata does not name: pre-install.sh": {
            **rest, "pre-install.sh": extra, "post-install.sh": old["post-install.sh"]},
        "and the file must be in the patch": {**rest, "extra.tar": extra + old["post-install.sh"]},
        "is damaged": {**old, "metadata.tar": old["metadata.tar"][:-512], "software.tar": b"\0" * 512 +
                       old["software.tar"]},
    }
    for number, (words, members) in enumerate(moved.items()):
        assert words in refused(repacked(patch, members), into.with_name(str(number)), trusted), words


def test_a_patch_of_a_whole_release_is_not_built(tmp_path: Path, maker: Authority) -> None:
    """No system takes it in."""
    with pytest.raises(ArtifactRefused, match="starlingx-11.0.0 is a release, which is an image"):
        a_patch(tmp_path, maker.key, described("11.0.0"))
    assert not list(tmp_path.glob("*.patch"))


def test_restart_scripts_are_covered_by_our_manifest(tmp_path: Path, into: Path, trusted: Trust,
                                                     maker: Authority) -> None:
    script = tmp_path / "restart"
    script.write_text("#!/bin/sh\n")
    made = a_patch(tmp_path, maker.key, described(), others={"restart-fm": script})
    assert "signature.v2" not in members_of(made)
    assert "restart-fm" in opened(made, into, trusted).digests


@pytest.mark.parametrize("member", ["software.tar", "metadata.tar", "post-install.sh", "manifest.sha256",
                                    "manifest.sig"])
def test_one_flipped_bit_is_refused(patch: Path, into: Path, trusted: Trust, member: str) -> None:
    changed = members_of(patch)
    data = bytearray(changed[member])
    data[len(data) // 2] ^= 1
    assert refused(repacked(patch, {**changed, member: bytes(data)}), into, trusted)


@pytest.mark.parametrize(("without", "words"), [
    (("metadata.tar",), "lacks metadata.tar"), (("software.tar",), "lacks software.tar"),
    (("manifest.sig", "signature.v2"), "lacks manifest.sig (or signature.v2)"),
    (("manifest.sha256",), "lacks manifest.sha256"), (("post-install.sh",), "post-install.sh differ or are missing")])
def test_missing_members_are_named(patch: Path, into: Path, trusted: Trust, without: tuple[str, ...],
                                   words: str) -> None:
    left = {name: data for name, data in members_of(patch).items() if name not in without}
    assert words in refused(repacked(patch, left), into, trusted)


def test_whose_signature_counts(tmp_path: Path, into: Path, trusted: Trust, maker: Authority,
                                stranger: Authority) -> None:
    foreign = a_patch(tmp_path, stranger.key)
    assert "not that of a trusted certificate" in refused(foreign, into, trusted)
    nobody = trust.load(tmp_path / "empty")
    assert "No certificate is trusted" in refused(foreign, into, nobody)
    assert "No certificate is trusted" in refused(foreign, into, trust.load(tmp_path / "empty", stranger.file))
    developed = trust.load(maker.file.parent, stranger.file, allow_development=True)
    assert opened(foreign, into, developed).signer.is_development
    ours = a_patch(tmp_path, maker.key)
    with pytest.raises(ArtifactRefused, match="not valid now: CN=maker"):
        read(ours, ours.name, into.with_name("late"), trusted, NOW + 400 * DAY)


def test_certificates_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "trusted"
    folder.mkdir()
    (folder / "broken.pem").write_text("nothing")
    with pytest.raises(ArtifactRefused, match=r"broken\.pem is no certificate in PEM form"):
        trust.load(folder)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", os.devnull, "-out", str(folder / "broken.pem"), "-subj", "/CN=curve"], check=True,
                   capture_output=True)
    with pytest.raises(ArtifactRefused, match="RSA key of at least 2048 bits"):
        trust.load(folder)
    for number in range(101):
        (folder / f"{number}.pem").touch()
    with pytest.raises(ArtifactRefused, match="more than 100"):
        trust.load(folder)


@pytest.mark.parametrize(("item", "words"), [
    (named("../out"), "outside of its directory"), (named("/etc/passwd"), "outside of its directory"),
    (named("a/b"), "cannot be placed"), (named("dir", tarfile.DIRTYPE), "no directories"),
    (named("link", tarfile.SYMTYPE, "/etc/passwd"), "no regular file"),
    (named("link", tarfile.LNKTYPE, "metadata.tar"), "no regular file"),
    (named("null", tarfile.CHRTYPE), "no regular file"), (named("pipe", tarfile.FIFOTYPE), "no regular file"),
    (named("software.tar"), "two members named"), (named("x\n"), "not printable"), (named("."), "cannot be placed"),
    (named("n" * 300), "too long")])
def test_members_that_a_file_of_strangers_may_not_have(patch: Path, into: Path, trusted: Trust, item: tarfile.TarInfo,
                                                       words: str) -> None:
    made = repacked(patch, members_of(patch), lambda archive: archive.addfile(item, io.BytesIO()))
    assert words in refused(made, into, trusted)


@pytest.mark.parametrize("item", [named("../../out"), named("/tmp/out"), named("a/../../out"),
                                  named("link", tarfile.SYMTYPE, ".."), named("d", tarfile.BLKTYPE)])
def test_inner_archives_are_unpacked_with_the_same_distrust(tmp_path: Path, into: Path, trusted: Trust,
                                                            maker: Authority, item: tarfile.TarInfo) -> None:
    """Signed by a maker whose key was stolen, or who was careless."""
    members = {name: data for name, data in members_of(a_patch(tmp_path, maker.key)).items()
               if name not in ("signature", "signature.v2")}
    members["software.tar"] = a_tar((item, b""))
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in members.items()}
    members["manifest.sha256"] = patchfile.manifest(digests)
    members["manifest.sig"] = trust.sign(hashlib.sha256(members["manifest.sha256"]).digest(), maker.key)
    assert "software.tar of starlingx-10.0.1.patch has a member" in refused(
        repacked(tmp_path / "starlingx-10.0.1.patch", members), into, trusted)


def test_bombs_are_refused_before_they_are_written(tmp_path: Path, patch: Path, into: Path, trusted: Trust) -> None:
    assert "unpacks to more than 0 MiB" in refused(patch, into, trusted, limits=Limits(bytes_max=1_000))
    assert "more than 3 members" in refused(patch, into, trusted, limits=Limits(members_max=3))
    bomb = tmp_path / "bomb.patch"
    with gzip.open(bomb, "wb") as packed:
        packed.write(named("metadata.tar", size=1 << 45).tobuf(tarfile.GNU_FORMAT))
        packed.write(b"\0" * 100_000)
    assert "unpacks to more than" in refused(bomb, into, trusted)


@pytest.mark.parametrize("data", [b"", b"no archive", gzip.compress(b"no archive" * 1000), b"\x1f\x8b\x08\x00broken",
                                  b"BZh9broken", b"\xfd7zXZ\x00broken"],
                         ids=["empty", "text", "gzip of text", "broken gzip", "broken bzip2", "broken xz"])
def test_rubbish_is_damaged(tmp_path: Path, into: Path, trusted: Trust, data: bytes) -> None:
    rubbish = tmp_path / "rubbish.patch"
    rubbish.write_bytes(data)
    assert "rubbish.patch" in refused(rubbish, into, trusted)


def test_cut_anywhere_it_is_refused(patch: Path, into: Path, trusted: Trust) -> None:
    whole = patch.read_bytes()
    for length in range(0, len(whole) - 20, max(1, len(whole) // 40)):
        patch.write_bytes(whole[:length])
        assert refused(patch, into, trusted), length


def test_the_name_must_be_that_of_the_metadata(patch: Path, into: Path, trusted: Trust) -> None:
    for name in ("other.patch", "starlingx-10.0.1", "starlingx-10.0.1.tar"):
        assert "must be named starlingx-10.0.1.patch" in refused(patch, into, trusted, name=name)


def test_a_disk_that_is_full_leaves_nothing(patch: Path, into: Path, trusted: Trust,
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("patching.artifact.unpack._write", full)
    with pytest.raises(OSError, match="No space left"):
        opened(patch, into, trusted)
    assert not into.exists()


def test_nothing_is_built_from_a_description_that_breaks_a_rule(tmp_path: Path, maker: Authority) -> None:
    with pytest.raises(ArtifactRefused, match=r"activation_scripts/script: 'restart\.sh' is no file name"):
        a_patch(tmp_path, maker.key, described(activation_scripts=("restart.sh",)))
    assert [path.name for path in tmp_path.iterdir()] == ["content"]
    assert build.folder(tmp_path) == {f"content/{name}": tmp_path / "content" / name
                                      for name in ("fm-api_1.0-2_all.deb", "hook.sh")}

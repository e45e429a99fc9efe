# SPDX-License-Identifier: Apache-2.0
"""Major releases as images: what was built is read, and what breaks a rule leaves nothing."""
from __future__ import annotations

import datetime
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pycdlib
import pytest

from patching.artifact import isofile, trust
from patching.artifact.errors import ArtifactRefused
from patching.artifact.isofile import Release
from patching.artifact.trust import Trust
from patching.artifact.unpack import Limits
from patching.content.repository import Repository
from tests.unit.patching.artifact.conftest import Authority, described
from tests.unit.patching.backends import packages

NOW = datetime.datetime.now(datetime.UTC)


def built(folder: Path, maker: Authority, version: str = "11.0.0", **more: Any) -> Path:
    """The image of a release with a package, a hook and an activation script; its signature lies beside it."""
    script = folder / "script"
    script.write_text("#!/bin/sh\nexit 0\n")
    script.chmod(0o755)
    package = packages.fake(folder, "a_name_that_is_longer_than_eight_letters", "11.0")
    metadata = described(version, packages=(package.name,), hooks={"post_install": "post-install.sh"},
                         activation_scripts=("20-migrate",), **more)
    return isofile.build(metadata, ("10.0", "9.0"), {package.name: package}, folder, maker.key,
                         hooks={"post_install": script}, extra={"20-migrate": script})[0]


def opened(path: Path, into: Path, trusted: Trust, limits: Limits = isofile.IMAGE) -> Release:
    return isofile.read(path, path.name, path.with_suffix(".sig"), into, trusted, NOW, limits)


def refused(path: Path, into: Path, trusted: Trust, limits: Limits = isofile.IMAGE) -> str:
    with pytest.raises(ArtifactRefused) as caught:
        opened(path, into, trusted, limits)
    assert not into.exists()
    return str(caught.value)


def other(folder: Path, maker: Authority, files: dict[str, bytes], change: Callable[[Any], None] = lambda image: None,
          rock_ridge: str | None = "1.09") -> Path:
    """A signed image of any files."""
    image: Any = pycdlib.PyCdlib()
    image.new(interchange_level=3, rock_ridge=rock_ridge)
    for number, top in enumerate(sorted({name.partition("/")[0] for name in files})):
        image.add_directory(f"/D{number}", **({"rr_name": top} if rock_ridge else {}))
        for index, name in enumerate(one for one in files if one.partition("/")[0] == top):
            image.add_fp(io.BytesIO(files[name]), len(files[name]), f"/D{number}/F{index}.;1",
                         **({"rr_name": name.partition("/")[2]} if rock_ridge else {}))
    change(image)
    path = folder / "starlingx-11.0.0.iso"
    image.write(str(path))
    image.close()
    path.with_suffix(".sig").write_bytes(trust.sign(trust.digest_of([path]), maker.key, pss=False))
    return path


UPGRADES = b"<u><supported_upgrades><upgrade><version>10.0</version></upgrade></supported_upgrades></u>"
METADATA = b"<patch><id>starlingx-11.0.0</id></patch>"
GOOD = {"upgrades/metadata.xml": UPGRADES, "patches/starlingx-11.0.0-metadata.xml": METADATA,
        "software/tool.fake": b'{"name": "tool", "version": "1"}'}


@pytest.fixture
def into(tmp_path: Path) -> Path:
    made = tmp_path / "into"
    made.mkdir()
    return made


def test_a_release_that_was_built_is_read_and_becomes_content(tmp_path: Path, into: Path, maker: Authority,
                                                              trusted: Trust) -> None:
    release = opened(built(tmp_path, maker), into, trusted)
    assert release.supported_from == ("10.0", "9.0")
    assert (release.file.metadata.id, release.file.signer.name.endswith("(maker.pem)")) == ("starlingx-11.0.0", True)
    repository = Repository(tmp_path / "store")
    content = repository.take(release.file)
    assert (content.version, content.backend) == ("11.0.0", "fake")
    feed = repository.feed / content.release_id
    assert sorted(str(path.relative_to(feed)) for path in feed.rglob("*") if path.is_file()) == [
        "content.json", "hooks/post-install.sh", "packages/a_name_that_is_longer_than_eight_letters_11.0.fake"]
    script = repository.release(content.release_id) / "extra/20-migrate"
    assert script.stat().st_mode & 0o100, "programs stay programs"


def test_an_image_of_others_is_read_and_the_rest_of_it_is_left(tmp_path: Path, into: Path, maker: Authority,
                                                               trusted: Trust) -> None:
    release = opened(other(tmp_path, maker, {**GOOD, "boot/vmlinuz": b"kernel"}), into, trusted)
    assert release.file.software == ("tool.fake",)
    assert not (into / "boot").exists()


def test_one_flipped_bit_or_another_signer_is_refused(tmp_path: Path, into: Path, maker: Authority, stranger: Authority,
                                                      trusted: Trust) -> None:
    path = built(tmp_path, maker)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert "The signature is not that of a trusted certificate" in refused(path, into, trusted)
    into.mkdir()
    assert "The signature is not that of a trusted certificate" in refused(built(tmp_path, stranger), into, trusted)


@pytest.mark.parametrize(("files", "words"), [
    ({name: data for name, data in GOOD.items() if not name.startswith("upgrades")}, "lacks upgrades/metadata.xml"),
    ({**GOOD, "upgrades/metadata.xml": b"<u/>"}, "names no version from which one can upgrade"),
    ({name: data for name, data in GOOD.items() if not name.startswith("patches")}, "must have one description"),
    ({**GOOD, "patches/starlingx-12.0.0-metadata.xml": METADATA}, "must have one description"),
    ({**GOOD, "patches/starlingx-11.0.0-metadata.xml": METADATA.replace(b"11.0.0", b"12.0.0")}, "must be named"),
    ({**GOOD, "patches/starlingx-11.0.0-metadata.xml": METADATA.replace(b"11.0.0", b"no")}, "must be a component"),
    ({**GOOD, "patches/starlingx-11.0.0-metadata.xml": METADATA.replace(
        b"</id>", b"</id><post_install>post-install.sh</post_install>")}, "the file must be in the image"),
])
def test_what_an_image_must_have_is_named(tmp_path: Path, into: Path, maker: Authority, trusted: Trust,
                                          files: dict[str, bytes], words: str) -> None:
    assert words in refused(other(tmp_path, maker, files), into, trusted)


def test_a_patch_is_no_major_release_unless_its_image_holds_one(tmp_path: Path, into: Path, maker: Authority,
                                                                trusted: Trust) -> None:
    assert "is a patch and no major release" in refused(built(tmp_path, maker, "11.0.1"), into, trusted)
    into.mkdir()
    assert opened(built(tmp_path, maker, "11.0.1", prepatched_iso=True), into, trusted).file.metadata.prepatched_iso


def test_links_and_short_names_are_refused(tmp_path: Path, into: Path, maker: Authority, trusted: Trust) -> None:
    def link(image: Any) -> None:
        image.add_symlink("/D1/L.;1", rr_symlink_name="link", rr_path="/etc/shadow")

    assert "no regular file: 'software/link'" in refused(other(tmp_path, maker, GOOD, link), into, trusted)
    into.mkdir()
    assert "no long file names" in refused(other(tmp_path, maker, GOOD, rock_ridge=None), into, trusted)


@pytest.mark.parametrize("limits", [Limits(bytes_max=10), Limits(members_max=2)])
def test_images_that_are_too_large_are_refused(tmp_path: Path, into: Path, maker: Authority, trusted: Trust,
                                               limits: Limits) -> None:
    assert "holds more than" in refused(built(tmp_path, maker), into, trusted, limits)


@pytest.mark.parametrize("data", [b"", b"no image", bytes(100_000)])
def test_rubbish_that_was_signed_is_no_image(tmp_path: Path, into: Path, maker: Authority, trusted: Trust,
                                             data: bytes) -> None:
    path = tmp_path / "x.iso"
    path.write_bytes(data)
    path.with_suffix(".sig").write_bytes(trust.sign(trust.digest_of([path]), maker.key, pss=False))
    assert "is no image that can be read" in refused(path, into, trusted)


def test_a_signature_that_is_too_large_is_none(tmp_path: Path, into: Path, maker: Authority, trusted: Trust) -> None:
    path = built(tmp_path, maker)
    path.with_suffix(".sig").write_bytes(bytes(5000))
    assert "is no signature: it is too large" in refused(path, into, trusted)


def test_nothing_is_built_from_what_breaks_a_rule(tmp_path: Path, maker: Authority) -> None:
    with pytest.raises(ArtifactRefused, match="is no version such as 10.0"):
        isofile.build(described("11.0.0"), ("10.0.1",), {}, tmp_path, maker.key)
    assert not list(tmp_path.glob("*.iso")) + list(tmp_path.glob(".*.iso"))


def test_packages_to_return_to_are_in_a_directory_of_their_own(tmp_path: Path, into: Path, maker: Authority,
                                                               trusted: Trust) -> None:
    new, old = packages.fake(tmp_path, "tool", "2"), packages.fake(tmp_path, "tool", "1")
    path, signature = isofile.build(described("11.0.0"), ("10.0",), {new.name: new, f"previous/{old.name}": old},
                                    tmp_path, maker.key)
    assert signature == path.with_suffix(".sig")
    found = opened(path, into, trusted)
    assert sorted(found.file.software) == ["previous/tool_1.fake", "tool_2.fake"]
    assert (into / "software/previous/tool_1.fake").read_bytes() == old.read_bytes()

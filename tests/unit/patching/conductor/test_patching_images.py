# SPDX-License-Identifier: Apache-2.0
"""Uploads of major releases: an image and its signature, which belong together."""
from __future__ import annotations

from pathlib import Path

import pytest

from patching.artifact import isofile, trust
from patching.conductor.uploads import paired
from patching.contract.records import OrderKind, Reply, StagedFile
from patching.contract.states import ReleaseState
from tests.unit.patching.artifact.conftest import Authority, described
from tests.unit.patching.backends import packages
from tests.unit.patching.conductor.office import Office


def image(office: Office, maker: Authority, version: str = "11.0.0", supported: tuple[str, ...] = ("10.0",),
          package: str = "1") -> list[StagedFile]:
    """A release in the staging directory."""
    office.trusted = trust.load(maker.file.parent)
    file = packages.fake(office.folder, "tool", package)
    made = isofile.build(described(version, packages=(file.name,), activation_scripts=()), supported,
                         {file.name: file}, office.staging, maker.key)
    return [StagedFile(path.name, path.name, path.stat().st_size, "0" * 64) for path in made]


def upload(office: Office, *files: StagedFile) -> Reply:
    return office.order(OrderKind.UPLOAD, files=list(files))


def test_case_24_a_major_release_is_uploaded_and_its_patches_may_follow(office: Office, maker: Authority) -> None:
    reply = upload(office, *image(office, maker))
    assert (reply.error, reply.info) == ("", "starlingx-11.0.0.iso is now uploaded\n")
    assert [one.release_id for one in reply.uploaded] == ["starlingx-11.0.0"]
    stored = office.store.load()
    assert stored.view.releases["starlingx-11.0.0"].state is ReleaseState.AVAILABLE
    assert stored.details["starlingx-11.0.0"].supported_from == ["10.0"]
    assert stored.contents["starlingx-11.0.0"] == office.repository.content("starlingx-11.0.0")
    assert list(office.staging.iterdir()) == []
    again = upload(office, *image(office, maker))
    assert "is uploaded already; its description was refreshed" in again.info
    assert "holds other content" in upload(office, *image(office, maker, package="2")).error


def test_case_24_no_path_and_too_many_are_refused(office: Office, maker: Authority) -> None:
    reply = upload(office, *image(office, maker, supported=("9.0",)))
    assert "no upgrade from the running 10.0 to starlingx-11.0.0; it can be reached from 9.0" in reply.error
    assert upload(office, *image(office, maker)).error == ""
    reply = upload(office, *image(office, maker, "12.0.0"))
    assert "There are 2 major releases already (10.0, 11.0)" in reply.error
    assert sorted(path.name for path in office.repository.feed.iterdir()) == ["starlingx-11.0.0"]
    assert list(office.staging.iterdir()) == []


@pytest.mark.parametrize(("kept", "words"), [
    (0, "starlingx-11.0.0.iso lacks its signature; upload starlingx-11.0.0.sig with it"),
    (1, "starlingx-11.0.0.sig is a signature; upload starlingx-11.0.0.iso with it")])
def test_one_without_the_other_is_refused(office: Office, maker: Authority, kept: int, words: str) -> None:
    files = image(office, maker)
    assert words in upload(office, files[kept]).error
    assert not (office.staging / files[kept].path).exists()


def test_a_file_of_another_kind_is_refused(office: Office) -> None:
    (office.staging / "x").write_text("x")
    assert "x.txt is neither a patch (.patch) nor a major release (.iso with .sig)" in upload(
        office, StagedFile("x.txt", "x", 1, "")).error


def test_images_find_their_signatures_in_any_order(tmp_path: Path) -> None:
    files = [StagedFile(name, name, 1, "") for name in ("b.sig", "a.patch", "b.iso", "c.sig", "d.iso")]
    assert [(one.name, None if other is None else other.name) for one, other in paired(files)] == [
        ("a.patch", None), ("b.iso", "b.sig"), ("c.sig", None), ("d.iso", None)]

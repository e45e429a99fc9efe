# SPDX-License-Identifier: Apache-2.0
"""The content of releases on a controller: stored as a whole or not at all, and told by its digest."""
from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from flock.core.errors import InvalidInput
from patching.backends.formats import FORMATS
from patching.content import manifest as contents
from patching.content.errors import ContentWrong
from patching.content.holding import Holding
from patching.content.repository import Repository
from patching.contract.errors import UnknownRelease
from tests.unit.patching.backends import packages
from tests.unit.patching.content.releases import Feed, unpacked


@pytest.fixture
def feed(tmp_path: Path) -> Feed:
    return Feed(tmp_path)


def names(place: Path) -> list[str]:
    return sorted(str(path.relative_to(place)) for path in place.rglob("*") if path.is_file())


def test_a_patch_is_divided_into_what_hosts_need_and_the_rest(feed: Feed) -> None:
    content = feed.release("10.0.1", {"tool": "1.1"}, previous={"tool": "1.0"}, members={
        "post-install.sh": "a", "pre-start.sh": "b", "restart-tool": "c", "signature": "d"})
    root = feed.repository.root
    assert names(root / "feed/starlingx-10.0.1") == [
        "content.json", "hooks/post-install.sh", "packages/tool_1.0.fake", "packages/tool_1.1.fake",
        "scripts/restart-tool"]
    assert names(feed.repository.release("starlingx-10.0.1")) == ["pre-start.sh", "signature"]
    assert (content.version, content.backend, content.path) == ("10.0.1", "fake", "starlingx-10.0.1")
    found = contents.parse((root / "feed/starlingx-10.0.1/content.json").read_bytes(), content.digest, "x")
    assert [(one.name, one.version) for one in found.packages] == [("tool", "1.1")]
    assert [(one.name, one.version) for one in found.previous] == [("tool", "1.0")]
    assert found.paths_in("scripts") == ["scripts/restart-tool"]


def test_anybody_may_read_the_feed_and_hooks_can_be_run(feed: Feed) -> None:
    feed.release("10.0.1", {"tool": "1.1"}, members={"post-install.sh": "a"})
    place = feed.repository.feed / "starlingx-10.0.1"
    assert {path.stat().st_mode & 0o777 for path in place.rglob("*.fake")} == {0o644}
    assert (place / "hooks/post-install.sh").stat().st_mode & 0o777 == 0o755
    assert place.stat().st_mode & 0o777 == 0o755


def test_the_same_patch_again_has_the_same_digest_and_leaves_nothing_behind(feed: Feed) -> None:
    first = feed.release("10.0.1", {"tool": "1.1"})
    assert feed.release("10.0.1", {"tool": "1.1"}) == first
    assert feed.release("10.0.1", {"tool": "1.2"}).digest != first.digest
    assert sorted(path.name for path in feed.repository.feed.iterdir()) == ["starlingx-10.0.1"]


@pytest.mark.parametrize(("software", "previous", "words"), [
    ({}, {}, "must hold package files of one kind"),
    ({"tool": "1.1"}, {"tool": "1.1"}, "two files named tool_1.1.fake"),
])
def test_what_cannot_be_content_leaves_nothing(feed: Feed, software: dict[str, str], previous: dict[str, str],
                                               words: str) -> None:
    with pytest.raises(ContentWrong, match=words):
        feed.release("10.0.1", software, previous=previous)
    assert names(feed.repository.root) == []
    with pytest.raises(UnknownRelease):
        feed.repository.content("starlingx-10.0.1")


def test_two_versions_of_one_package_are_refused(feed: Feed, tmp_path: Path) -> None:
    patch = unpacked(tmp_path, "10.0.1", {"tool": "1.1"})
    packages.fake(patch.directory / "software", "other", "1").write_text('{"name": "tool", "version": "2"}')
    with pytest.raises(ContentWrong, match="several versions of tool"):
        feed.repository.take(type(patch)(patch.metadata, patch.signer, patch.directory, patch.digests,
                                         (*patch.software, "other_1.fake")))


def test_a_damaged_package_is_refused_with_its_release(feed: Feed, tmp_path: Path) -> None:
    patch = unpacked(tmp_path, "10.0.1", {"tool": "1.1"})
    (patch.directory / "software/tool_1.1.fake").write_text("no package")
    with pytest.raises(ContentWrong, match="starlingx-10.0.1: tool_1.1.fake is no package"):
        feed.repository.take(patch)


def test_a_removed_release_is_gone_and_its_removal_can_be_repeated(feed: Feed) -> None:
    feed.release("10.0.1", {"tool": "1.1"})
    for _ in range(2):
        feed.repository.remove("starlingx-10.0.1")
    assert names(feed.repository.root) == []
    with pytest.raises(InvalidInput):
        feed.repository.remove("../../etc")


def test_what_an_interruption_has_left_is_removed(feed: Feed) -> None:
    feed.release("10.0.1", {"tool": "1.1"})
    (feed.repository.feed / ".starlingx-10.0.2/packages").mkdir(parents=True)
    feed.repository.tidy()
    assert sorted(path.name for path in feed.repository.feed.iterdir()) == ["starlingx-10.0.1"]


def test_rpm_packages_become_a_repository_of_dnf(feed: Feed, tmp_path: Path) -> None:
    packages.need(*FORMATS["rpm"].capabilities.programs, "rpmbuild")
    patch = unpacked(tmp_path, "10.0.1", {})
    made = packages.rpm(patch.directory / "software", "tool", "1.1")
    content = feed.repository.take(type(patch)(patch.metadata, patch.signer, patch.directory, patch.digests,
                                               (made.name,)))
    assert content.backend == "rpm"
    assert "packages/repodata/repomd.xml" in names(feed.repository.feed / "starlingx-10.0.1")


@pytest.mark.parametrize(("change", "words"), [
    (lambda text: text.replace('"packages/tool_1.1.fake","size"', '"../tool_1.1.fake","size"'), "not allowed"),
    (lambda text: text.replace('"files":[{', '"files":[{"path":"packages/x","size":1,"sha256":"x"},{'), "no size and"),
    (lambda text: text.replace('"files":[', '"files":[],"other":['), "lacks the files packages/tool_1.1.fake"),
    (lambda text: "{", "well-formed JSON"),
])
def test_a_manifest_that_breaks_a_rule_is_refused(feed: Feed, change: object, words: str) -> None:
    feed.release("10.0.1", {"tool": "1.1"})
    text = (feed.repository.feed / "starlingx-10.0.1/content.json").read_text()
    data = change(text).encode()  # type: ignore[operator]
    with pytest.raises(ContentWrong, match=words):
        contents.parse(data, hashlib.sha256(data).hexdigest(), "x")
    with pytest.raises(ContentWrong, match="has the digest"):
        contents.parse(data, "0" * 64, "x")


def test_only_whole_releases_count_as_held(feed: Feed) -> None:
    first, second = feed.release("10.0.1", {"tool": "1.1"}), feed.release("10.0.2", {"tool": "1.2"})
    holding = Holding(feed.repository.feed)
    assert holding.digests() == {"starlingx-10.0.1": first.digest, "starlingx-10.0.2": second.digest}
    path = feed.repository.feed / "starlingx-10.0.2/packages/tool_1.2.fake"
    good = path.read_text()
    path.write_text(good.replace("1.2", "1.3"))
    assert holding.digests() == {"starlingx-10.0.1": first.digest}
    path.write_text(good)
    assert len(holding.digests()) == 2
    path.unlink()
    assert holding.digests() == {"starlingx-10.0.1": first.digest}


def test_a_directory_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert Holding(tmp_path / "nothing").digests() == {}
    Repository(tmp_path / "nothing").tidy()

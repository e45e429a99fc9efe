# SPDX-License-Identifier: Apache-2.0
"""What committed releases do not need is removed, and all who look at them know that it is gone on purpose."""
from __future__ import annotations

import time
from pathlib import Path

import pytest

from patching.content import spare
from patching.content.errors import ContentWrong
from patching.content.fetch import Feed as Fetched
from patching.content.fetch import Store
from patching.content.holding import Holding
from patching.content.manifest import Manifest, PackageEntry
from patching.contract.records import OrderKind
from patching.contract.states import ReleaseState
from tests.unit.patching.conductor.office import Office
from tests.unit.patching.content.releases import Feed


def a_manifest(number: int, *packages: PackageEntry, previous: tuple[PackageEntry, ...] = (),
               backend: str = "deb") -> Manifest:
    return Manifest(f"starlingx-10.0.{number}", f"10.0.{number}", backend, [], list(packages), list(previous))


def package(name: str, version: str, base: str = "") -> PackageEntry:
    return PackageEntry(name, version, f"packages/{name}-{version}", base)


def gone(*manifests: Manifest) -> list[set[str]]:
    return [set(found) for _, found in sorted(spare.superfluous(manifests).items())]


def test_replaced_versions_and_those_before_go() -> None:
    assert gone(a_manifest(1, package("a", "1"), package("b", "1"), previous=(package("a", "0"),)),
                a_manifest(2, package("a", "2"), previous=(package("a", "1x"),))) == [
        {"packages/a-1", "packages/a-0"}, {"packages/a-1x"}]


def test_what_a_delta_begins_from_stays() -> None:
    one = a_manifest(1, package("ostree", "c1", "c0"), previous=(package("ostree", "c0"),), backend="ostree")
    two = a_manifest(2, package("ostree", "c2", "c1"), backend="ostree")
    whole = a_manifest(3, package("ostree", "c3"), backend="ostree")
    assert gone(one, two) == [set(), set()]
    assert gone(one, two, whole) == [{"packages/ostree-c1", "packages/ostree-c0"}, {"packages/ostree-c2"}, set()]


def test_package_technologies_do_not_replace_each_other() -> None:
    assert gone(a_manifest(1, package("a", "1"), backend="deb"), a_manifest(2, package("a", "2"), backend="rpm")) == [
        set(), set()]


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b"[" * 100_000])
def test_a_list_that_is_none(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(ContentWrong):
        spare.paths(data)
    (tmp_path / spare.NAME).write_bytes(data)
    assert spare.absent(tmp_path) == frozenset()


@pytest.fixture
def feed(tmp_path: Path) -> Feed:
    made = Feed(tmp_path)
    made.release("10.0.1", {"tool": "1.1", "other": "1.1"}, previous={"tool": "1.0"}, members={
        "post-install.sh": "a", "pre-start.sh": "b"})
    made.release("10.0.2", {"tool": "1.2"})
    return made


IDS = ["starlingx-10.0.1", "starlingx-10.0.2"]


def files(feed: Feed, name: str) -> list[str]:
    place = feed.repository.root / name
    return sorted(str(path.relative_to(place)) for path in place.rglob("*") if path.is_file())


def test_a_commit_frees_space_and_the_copies_stay_in_step(feed: Feed) -> None:
    before = Holding(feed.repository.feed).digests()
    size = sum((feed.repository.feed / IDS[0] / "packages" / f"tool_{version}.fake").stat().st_size
               for version in ("1.0", "1.1"))
    assert feed.repository.could_spare(IDS) == size
    assert feed.repository.could_spare(IDS[:1]) < size
    assert feed.repository.spare(IDS) == size + 1, "the script of the controller too"
    assert files(feed, f"feed/{IDS[0]}") == ["absent.json", "content.json", "hooks/post-install.sh",
                                             "packages/other_1.1.fake"]
    assert files(feed, f"releases/{IDS[0]}") == [] and files(feed, f"feed/{IDS[1]}") == [
        "content.json", "packages/tool_1.2.fake"]
    assert Holding(feed.repository.feed).digests() == before
    assert feed.repository.could_spare(IDS) == feed.repository.spare(IDS) == 0, "it can be repeated"
    (feed.repository.feed / IDS[0] / "packages/other_1.1.fake").unlink()
    assert set(Holding(feed.repository.feed).digests()) == {IDS[1]}, "only what was said to be gone may be"


def test_a_host_that_comes_later_gets_what_there_is(feed: Feed, tmp_path: Path) -> None:
    feed.repository.spare(IDS)
    store = Store(tmp_path / "host")
    fetched = []
    for release_id in IDS:
        for _ in range(2):
            store.bring(Fetched(feed.url), feed.repository.content(release_id), time.monotonic() + 30,
                        lambda done, total: fetched.append(done <= total))
    assert all(fetched)
    assert sorted(item.path.name for _, item in store.items()) == ["other_1.1.fake", "tool_1.2.fake"]


def test_the_conductor_removes_it_after_a_commit(database: object, tmp_path: Path) -> None:
    office = Office(database, tmp_path)  # type: ignore[arg-type]
    feed = Feed(tmp_path)
    feed.release("10.0.1", {"tool": "1.1"}, previous={"tool": "1.0"})
    office.release("10.0.1", ReleaseState.DEPLOYED)
    assert office.order(OrderKind.COMMIT, "starlingx-10.0.1").error == ""
    office.run()
    assert files(feed, "feed/starlingx-10.0.1") == ["absent.json", "content.json", "packages/tool_1.1.fake"]

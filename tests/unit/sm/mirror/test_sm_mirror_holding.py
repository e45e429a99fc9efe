# SPDX-License-Identifier: Apache-2.0
"""What is on the disk: looking at it, putting a generation in place with a crash at any moment, keeping aside."""
from __future__ import annotations

import datetime
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from sm.mirror import lost as lost_module
from sm.mirror.acceptance import Held
from sm.mirror.holding import Holding, write_all
from sm.mirror.lost import Lost
from sm.mirror.manifest import NONE, Entry, Generation, Kind, Limits, Manifest
from sm.mirror.placing import NotStored, Placing
from sm.mirror.plan import plan
from sm.mirror.publisher import Published, Publisher
from sm.mirror.records import NUMBERS, Records
from sm.mirror.tree import KEPT_BYTES, Found, Tree, check_totals

LIMITS = Limits(entries=200)
NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


class Crash(BaseException):
    """The process is killed."""


def build(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text.startswith("->"):
            path.symlink_to(text[2:])
        else:
            path.write_text(text)
    return root


def listed(root: Path) -> dict[str, Entry]:
    return Tree(root, LIMITS).scan().entries


def stage(one: Holding, source: Path, have: Manifest, want: Manifest) -> None:
    for entry in plan(have, want).files:
        with one.staging(entry) as out:
            write_all(out, (source / entry.name).read_bytes())


OLD = {"same": "same", "changed": "old", "gone": "gone", "d/in": "in", "becomes-dir": "file", "tree/x/y": "y",
       "link": "->same"}
NEW = {"same": "same", "changed": "new", "new/deep/file": "n", "d/in": "other", "becomes-dir/f": "now",
       "tree": "a file", "link": "->changed", "other": "->d/in"}


def test_a_crash_at_any_moment_leaves_old_or_new_and_is_completed(tmp_path: Path,
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    source = build(tmp_path / "source", NEW)
    want, calls = listed(source), ("rename", "unlink", "mkdir", "fsync", "rmdir", "fchmod")
    step, done = 0, False
    while not done:
        step += 1
        root = build(tmp_path / f"target{step}", OLD)
        one = Holding(root, LIMITS)
        one.open()
        have = one.tree.scan().entries
        one.put("c0", Generation(1, 1), have, have)
        count = 0

        def dying(real: Callable[..., object], at: int = step) -> Callable[..., object]:
            def call(*args: object, **kwargs: object) -> object:
                nonlocal count
                count += 1
                if count == at:
                    raise Crash
                return real(*args, **kwargs)
            return call

        with monkeypatch.context() as patch:
            for name in calls:
                patch.setattr(os, name, dying(getattr(os, name)))
            try:
                stage(one, source, have, want)
                one.put("c0", Generation(1, 2), have, want)
                done = True
            except Crash:
                pass
        for name in ("changed", "d/in"):
            assert (root / name).read_text() in (OLD[name], NEW[name]), f"step {step}"
        assert (root / "same").read_text() == "same"
        again = Holding(root, LIMITS)
        again.open()
        generation = again.records.held().generation
        assert again.records.held().origin == "c0" and not list((root / ".sm-mirror/staged").iterdir())
        found = listed(root)
        assert found == (want if generation.number == 2 else have), f"step {step}"
    assert step > 20


def test_one_change_is_one_rename_and_content_on_this_node_is_not_fetched(tmp_path: Path) -> None:
    root = build(tmp_path / "root", {"a": "text", "b": "b"})
    one = Holding(root, LIMITS)
    one.open()
    have = one.tree.scan().entries
    want = {**have, "c": Entry("c", Kind.FILE, 0o600, have["a"].owner, have["a"].group, 4, have["a"].digest)}
    assert not one.stage_local(want["c"], "b", False), "it is not that content"
    assert not one.is_staged(want["c"]) and one.stage_local(want["c"], "a", True) and one.is_staged(want["c"])
    one.put("c0", Generation(1, 1), have, want)
    assert (root / "c").read_text() == "text" and (root / "c").stat().st_mode & 0o777 == 0o600
    assert listed(root) == want and not (root / ".sm-mirror/next").exists()


def test_an_account_that_is_missing_is_told_before_anything_changes(tmp_path: Path) -> None:
    root = build(tmp_path / "root", {"a": "text"})
    one = Holding(root, LIMITS)
    one.open()
    have = one.tree.scan().entries
    for odd, word in ((Entry("d", Kind.DIRECTORY, 0o755, "nobody-knows", "0"), "no account nobody-knows"),
                      (Entry("d", Kind.DIRECTORY, 0o755, "0", "nobody-knows"), "no group nobody-knows")):
        with pytest.raises(NotStored, match=word):
            one.put("c0", Generation(1, 1), have, {**have, "d": odd})
    assert listed(root) == have and one.records.held() == Held("", NONE)


def test_what_cannot_be_completed_is_fetched_again_and_damage_is_set_aside(tmp_path: Path) -> None:
    root = build(tmp_path / "root", {"a": "text"})
    one = Holding(root, LIMITS)
    one.open()
    have = one.tree.scan().entries
    one.put("c0", Generation(1, 1), have, have)
    text = (root / ".sm-mirror/current").read_text()
    (root / ".sm-mirror/next").write_text(text.replace('"number":1', '"number":2').replace(have["a"].digest, "0" * 64))
    again = Holding(root, LIMITS)
    again.open()
    assert again.records.held() == Held("", NONE) and not (root / ".sm-mirror/next").exists()
    (root / ".sm-mirror/current").write_text("{")
    assert again.records.held() == Held("", NONE) and (root / ".sm-mirror/damaged-current").exists()


def test_who_was_active_knows_what_both_had(tmp_path: Path) -> None:
    root = build(tmp_path / "root", {"a": "text"})
    one = Holding(root, LIMITS)
    one.initialise("c1")
    assert Records(root).is_first("c1") and not Records(root).is_first("c0")
    with pytest.raises(NotStored, match="already"):
        one.initialise("c1")
    have = one.tree.scan().entries
    assert one.records.reference("c1", None) is None
    assert one.records.reference("c1", tuple(have.values())) == have
    one.put("c0", Generation(3, 7), have, have)
    assert one.records.reference("c1", None) == have and one.records.base("c0") is None
    assert not Records(root).is_first("c1")
    assert one.records.begin_active("c1", 4) == 7
    assert one.records.base("c0") == tuple(have.values()) and one.records.base("c2") is None
    assert one.records.held() == Held("c1", Generation(4, 7 + NUMBERS))
    assert one.records.begin_active("c1", 5) == 7 + NUMBERS and one.records.base("c0") is not None, "a restart keeps it"


def test_looking_follows_nothing_and_says_what_is_left_out(tmp_path: Path) -> None:
    outside = build(tmp_path / "outside", {"secret": "secret"})
    root = build(tmp_path / "root", {"f": "x" * (KEPT_BYTES + 1), "d/g": "g", "good": "->d/g", "bad": "->../outside",
                                     "abs": f"->{outside}"})
    os.mkfifo(root / "fifo")
    (root / ("x" * 200)).mkdir()
    tree = Tree(root, Limits(file_bytes=KEPT_BYTES))
    found = tree.scan()
    assert set(found.entries) == {"d", "d/g", "good", "x" * 200} and set(found.left_out) == {"bad", "abs", "fifo"}
    assert set(found.missing) == {"f"} and tree.kept(found.entries["d/g"].digest) == b"g"
    for name in ("bad/secret", "good", "fifo", "d"):
        with pytest.raises(OSError), tree.opened(name):
            pass
    (root / "d").rename(root / "e")
    tree.look("d", found)
    tree.look("e", found)
    assert set(found.entries) == {"e", "e/g", "good", "x" * 200}
    (root / "e" / "g").unlink()
    tree.look("e/g", found)
    tree.look("bad/secret", found)
    assert "e/g" not in found.entries and "bad/secret" not in found.entries
    check_totals(found, LIMITS)
    assert not found.too_much
    check_totals(found, Limits(entries=2))
    assert found.too_much
    assert Found().count == 0


def test_a_file_that_was_just_changed_is_read_again_and_a_settled_one_is_not(tmp_path: Path) -> None:
    root = build(tmp_path / "root", {"f": "one", "g": "one"})
    for name in ("f", "g"):
        os.utime(root / name, (1, 1))
    tree = Tree(root, LIMITS)
    first = tree.scan().entries["f"].digest
    status = os.stat(root / "f")
    (root / "f").write_text("two")
    os.utime(root / "f", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert tree.scan().entries["f"].digest != first
    tree.keep("f")
    (root / "f").write_bytes(b"x" * (KEPT_BYTES + 1))
    assert tree.kept(tree.scan(afresh=True).entries["f"].digest) == b"x" * (KEPT_BYTES + 1)


def test_a_publisher_counts_and_misses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = build(tmp_path / "root", {"f": "one"})
    one = Holding(root, LIMITS)
    one.open()
    news: list[Published] = []
    publisher = Publisher(one, LIMITS, "c0", 3, news.append)
    publisher.begin()
    assert publisher.now.generation == Generation(3, 1) and publisher.refresh() is publisher.now
    build(root, {"d/e/f": "in new directories", "g": "g"})
    assert set(publisher.refresh().entries) == {"f", "d", "d/e", "d/e/f", "g"}
    os.rename(root / "d", root / "moved")
    (root / "moved/e/f").write_text("after the move")
    (root / "moved/e/more").write_text("more")
    now = publisher.refresh()
    assert {"moved/e/f", "moved/e/more"} <= set(now.entries) and "d" not in now.entries
    assert now.entries == listed(root)
    publisher.renew(4)
    publisher.renew(2)
    assert publisher.now.generation == Generation(4, now.generation.number + 1)
    assert publisher.audit(lambda: True) == 0
    publisher.distrust("g")
    # What a failed disk has swallowed is taken in later.
    (root / "h").write_text("h")
    with monkeypatch.context() as patch:
        def broken(*_: object) -> None:
            raise OSError(5, "broken")
        patch.setattr(Placing, "sync", broken)
        with pytest.raises(OSError, match="broken"):
            publisher.refresh()
    (root / "i").write_text("i")
    synced: list[bool] = []
    with monkeypatch.context() as patch:
        patch.setattr(Placing, "sync_all", lambda self: synced.append(True))
        assert {"h", "i"} <= set(publisher.refresh().entries)
    assert synced == [True]
    # More than there may be: the list stays as it is.
    before = publisher.now.entries
    for number in range(LIMITS.entries):
        (root / f"n{number}").touch()
    held = publisher.refresh()
    assert held.held and held.incomplete and held.entries == before
    for number in range(LIMITS.entries):
        (root / f"n{number}").unlink()
    assert not publisher.refresh().incomplete and publisher.problem == ""
    numbers = [each.generation for each in news]
    assert numbers == sorted(numbers)
    publisher.close()


def test_what_was_cut_off_is_not_taken_for_removed_when_there_is_room_again(tmp_path: Path) -> None:
    root = build(tmp_path / "root", {"z": "last by name"})
    one = Holding(root, LIMITS)
    one.open()
    publisher = Publisher(one, LIMITS, "c0", 3, lambda _: None)
    publisher.begin()
    # The list is cut off while a new directory is read, and what the kernel tells later is not enough to mend it.
    build(root, {f"many/{number}": "" for number in range(LIMITS.entries + 5)})
    os.rename(root / "z", root / "y")
    os.rename(root / "y", root / "z")
    assert publisher.audit(lambda: True) == 0 and publisher.now.held
    for number in range(LIMITS.entries + 5):
        (root / f"many/{number}").unlink()
        if number % 20 == 0:
            assert "z" in publisher.refresh().entries
    assert set(publisher.refresh().entries) == {"z", "many"} and not publisher.now.held
    publisher.close()


@pytest.mark.parametrize("reason", ["too much", "unreadable"])
def test_a_first_list_that_lacks_something_is_not_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                          reason: str) -> None:
    root = build(tmp_path / "root", {f"n{number}": "" for number in range(10)} | {"d/f": "f"})
    limits = Limits(entries=5 if reason == "too much" else 50)
    one = Holding(root, limits)
    one.open()
    publisher = Publisher(one, limits, "c0", 3, lambda _: None)
    with monkeypatch.context() as patch:
        if reason == "unreadable":
            def failing(*_: object) -> tuple[int, str]:
                raise OSError(5, "Input/output error")
            patch.setattr(Tree, "_digest", failing)
        publisher.begin()
        assert not publisher.now.digest and publisher.now.incomplete and publisher.now.held
        publisher.renew(4)
        (root / "more").touch()
        now = publisher.refresh()
        assert not now.digest and not now.entries and now.generation.term == 4
    for number in range(10):
        (root / f"n{number}").unlink()
    publisher.audit(lambda: True)
    now = publisher.now
    assert now.digest and set(now.entries) == {"d", "d/f", "more"} and not now.held and not now.incomplete
    publisher.close()


def test_without_watches_everything_is_looked_at_each_time_and_it_is_told(tmp_path: Path,
                                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    root = build(tmp_path / "root", {"d/f": "one"})
    one = Holding(root, LIMITS)
    one.open()
    publisher = Publisher(one, LIMITS, "c0", 3, lambda _: None)

    def full(*_: object) -> int:
        raise OSError(28, "no space")

    monkeypatch.setattr("sm.mirror.inotify.Inotify.add", full)
    publisher.begin()
    (root / "d/g").write_text("unseen")
    assert "d/g" in publisher.refresh().entries and "cannot be watched" in publisher.problem
    publisher.close()


def test_what_gives_way_is_kept_within_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = build(tmp_path / "root", {"a": "a", "d/b": "bb", "c": "c" * 50})
    tree, lost = Tree(root, LIMITS), Lost(tmp_path / "lost")
    assert lost.places() == () and lost.keep(tree, (), NOW) == ""
    monkeypatch.setattr(lost_module, "KEPT_BYTES", 20)
    text = lost.keep(tree, ("a", "d/b", "c", "not-there"), NOW)
    (place,) = lost.places()
    assert (Path(place) / "d/b").read_text() == "bb" and not (Path(place) / "c").exists()
    assert "4 files" in text and "2 of them are kept" in text and "the others are not kept" in text
    assert (Path(place) / "a").stat().st_mode & 0o777 == 0o600
    for number in range(7):
        lost.keep(tree, ("a",), NOW + datetime.timedelta(seconds=number + 1))
    assert len(lost.places()) == lost_module.PLACES_MAX and place not in lost.places()

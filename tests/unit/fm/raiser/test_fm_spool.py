# SPDX-License-Identifier: Apache-2.0
"""The spool keeps what it took, in order, whatever happens to its files."""
from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flock.core.errors import Unavailable
from fm.contract.errors import SpoolBusy, SpoolDiskFull, SpoolFull
from fm.raiser import queuefile, slots
from fm.raiser import spool as spools
from fm.raiser.queuefile import HEADER, START, Position
from fm.raiser.spool import Spool


def queue_file(spool: Spool) -> Path:
    return next(spool.directory.glob("queue-*"))


def written(directory: Path, *records: str) -> Path:
    """A queue of these records that nobody holds; returns its queue file."""
    spool = Spool(directory)
    for record in records:
        spool.append([record])
    spool.close()
    return queue_file(spool)


def content(directory: Path) -> tuple[str, ...]:
    spool = Spool(directory)
    try:
        return spool.peek(1000).texts
    finally:
        spool.close()


def left_in(parent: Path, own: Spool) -> list[Spool]:
    found: list[Spool] = []
    slots.abandoned(parent, {own.directory}, 1, found)
    return found


def test_records_come_back_in_order_and_once(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    spool.append(["a", "b"])
    spool.append(["c"])
    first = spool.peek(2)
    assert first.texts == ("a", "b")
    spool.delivered(first)
    assert spool.peek(10).texts == ("c",)
    spool.delivered(spool.peek(10))
    assert spool.pending_bytes == 0 and spool.peek(10).records == ()


def test_undelivered_records_survive(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    spool.append([f"r{number}" for number in range(10)])
    spool.delivered(spool.peek(4))
    spool.close()
    again = Spool(tmp_path / "s")
    assert again.peek(100).texts == tuple(f"r{number}" for number in range(4, 10)) and again.appended == 6


def test_every_truncation_leaves_the_records_before_it(tmp_path: Path) -> None:
    """Power loss may leave any beginning of the file; what came back whole is there, and it can be added to."""
    records = ("one", "two " * 9, "three é", "four")
    path = written(tmp_path / "s", *records)
    whole = path.read_bytes()
    ends = [place + 1 for place, byte in enumerate(whole) if byte == 10][1:]
    for size in range(START, len(whole) + 1):
        path.write_bytes(whole[:size])
        expected = records[:sum(end <= size for end in ends)]
        spool = Spool(tmp_path / "s")
        spool.append(["next"])
        assert spool.peek(100).texts == (*expected, "next"), size
        spool.close()


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_flipped_bits_damage_only_what_they_hit(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """One broken byte costs its record, or two when it was the line break between them; nothing is invented."""
    records = data.draw(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"),
                                         max_size=30), min_size=1, max_size=8))
    directory = tmp_path_factory.mktemp("flip") / "s"
    path = written(directory, *records)
    raw = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= 1 << data.draw(st.integers(0, 7))
    hit = raw[:place].count(b"\n") - 1  # the record that holds the byte, -1 = the header
    path.write_bytes(raw)
    found = [text for text in content(directory) if text]
    kept = [text for text in records if text]
    before = [text for text in records[:max(0, hit)] if text]
    after = [text for text in records[max(0, hit + 2):] if text]
    assert found[:len(before)] == before
    assert found[len(found) - len(after):] == after
    assert not set(found) - set(kept) and len(found) >= len(kept) - 2


@pytest.mark.parametrize("tail", [b"\x00" * 4096, b"\x00" * 100 + b"\n", b"12345678 1 {}\n", b"\n", b"\r\n", b"junk",
                                  b"\x00" * 50 + b"\n" + b"\xff" * 20])
def test_garbage_at_the_end_is_no_record(tmp_path: Path, tail: bytes) -> None:
    path = written(tmp_path / "s", "whole")
    with path.open("ab") as file:
        file.write(tail)
    spool = Spool(tmp_path / "s")
    spool.append(["next"])
    assert [text for text in spool.peek(10).texts if text] == ["whole", "next"]


def test_a_carriage_return_is_no_end_of_a_record(tmp_path: Path) -> None:
    path = written(tmp_path / "s", "one", "two", "three")
    path.write_bytes(path.read_bytes().replace(b"two", b"t\ro"))
    assert content(tmp_path / "s") == ("one", "", "three")


@pytest.mark.parametrize("damage", [b"", b"x y", b"7", b"9999 1", b"1 -4", b"\xff" * 2000, b"00000000 1 30\n"])
def test_a_lost_position_means_deliver_again(tmp_path: Path, damage: bytes) -> None:
    spool = Spool(tmp_path / "s")
    spool.append(["one", "two"])
    spool.delivered(spool.peek(1))
    spool.close()
    (tmp_path / "s" / "position").write_bytes(damage)
    again = Spool(tmp_path / "s")
    again.append(["three"])
    assert again.peek(10).texts == ("one", "two", "three")
    again.delivered(again.peek(2))
    again.close()
    assert content(tmp_path / "s") == ("three",)


def test_one_torn_place_of_the_position_leaves_the_other(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    spool.append(["one", "two", "three"])
    spool.delivered(spool.peek(1))
    spool.delivered(spool.peek(1))
    spool.close()
    path = tmp_path / "s" / "position"
    whole = path.read_bytes()
    newest = Position(tmp_path / "s")
    start = next(place for place in (0, 512) if str(newest.value[1]).encode() in whole[place:place + 40])
    newest.close()
    path.write_bytes(whole[:start] + bytes(512) + whole[start + 512:])
    assert content(tmp_path / "s") == ("two", "three")


def test_a_position_inside_a_record_is_not_believed(tmp_path: Path) -> None:
    written(tmp_path / "s", "one", "two")
    position = Position(tmp_path / "s")
    position.write(1, START + 5)
    position.close()
    assert content(tmp_path / "s") == ("one", "two")


def test_a_position_behind_a_shortened_file_does_not_swallow_new_records(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    spool.append(["one", "two"])
    spool.delivered(spool.peek(2))
    path = queue_file(spool)
    spool.close()
    os.truncate(path, START)
    spool = Spool(tmp_path / "s")
    spool.append(["three"])
    spool.close()
    assert content(tmp_path / "s") == ("three",)


def test_foreign_files_are_left_alone(tmp_path: Path) -> None:
    directory = tmp_path / "s"
    written(directory, "mine")
    foreign = {"queue-9": b"not ours", "queue-x": b"nor this", "queue-": b"", "README": b"hello", "queue-07": b"\x00"}
    for name, data in foreign.items():
        (directory / name).write_bytes(data)
    (directory / "queue-12").mkdir()
    (directory / "queue-13").symlink_to("/dev/zero")
    spool = Spool(directory)
    assert spool.peek(5).texts == ("mine",)
    spool.append(["x" * 1000] * 2000)
    while spool.pending_bytes:
        spool.delivered(spool.peek(500))  # goes on in a new file, whose name must be free
    spool.append(["later"])
    spool.close()
    assert content(directory) == ("later",)
    assert {name: (directory / name).read_bytes() for name in foreign} == foreign


def test_a_foreign_file_in_the_place_of_a_queue_costs_one_slot(tmp_path: Path) -> None:
    (tmp_path / "0").write_text("what am I")
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "lock").mkdir()
    spool = slots.open_free_slot(tmp_path, 1)
    assert spool.directory == tmp_path / "2"
    assert left_in(tmp_path, spool) == []


def test_one_process_per_slot(tmp_path: Path) -> None:
    first = slots.open_free_slot(tmp_path, 1)
    second = slots.open_free_slot(tmp_path, 1)
    assert first.directory != second.directory
    with pytest.raises(SpoolBusy):
        Spool(first.directory)
    first.append(["left"])
    assert left_in(tmp_path, second) == []
    first.close()
    (left,) = left_in(tmp_path, second)
    assert left.peek(5).texts == ("left",)


def test_a_full_spool_refuses_and_keeps_what_it_has(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s", limit_mib=1)
    stored = 0
    with pytest.raises(SpoolFull, match=str(tmp_path)):
        while True:
            spool.append(["x" * 1000])
            stored += 1
    assert 900 < stored < 1049
    spool.delivered(spool.peek(100))
    spool.append(["room again"])
    assert len(spool.peek(2000).records) == stored - 99


def test_compaction_makes_room_and_redelivers_what_was_in_flight(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s", limit_mib=1, compact=lambda records: range(len(records) - 2, len(records)))
    spool.append(["y" * 1000] * 1000)
    in_flight = spool.peek(10)
    for _ in range(60):
        spool.append(["z" * 1000])
    spool.delivered(in_flight)  # of the queue before it was rewritten: must not eat into the new one
    records = spool.peek(2000).texts
    assert records[-1] == "z" * 1000 and len(records) < 70
    assert spool.appended == 1060 and spool.done == 1060 - len(records)


def test_a_full_spool_is_not_compacted_for_every_refusal(tmp_path: Path) -> None:
    tried: list[int] = []

    def keep_all(records: list[str]) -> range:
        tried.append(len(records))
        return range(len(records))

    spool = Spool(tmp_path / "s", limit_mib=1, compact=keep_all)
    spool.append(["y" * 1000] * 1010)
    for _ in range(50):
        with pytest.raises(SpoolFull):
            spool.append(["z" * 20000])
    assert tried == [1010]


@pytest.mark.parametrize("failing", ["open", "pwrite", "fsync", "rename", "unlink"])
def test_compaction_that_breaks_off_loses_nothing(tmp_path: Path, failing: str,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever step of the rewriting fails or is the last one before a crash."""
    spool = Spool(tmp_path / "s", limit_mib=1, compact=lambda records: range(900, len(records)))
    spool.append([f"{number}{'y' * 1000}" for number in range(1000)])

    def fail(*_: object, **__: object) -> int:
        raise OSError(errno.EIO, "test")

    with monkeypatch.context() as patch:
        if failing == "unlink":
            patch.setattr(Path, "unlink", fail)
        else:
            patch.setattr(os, failing, fail)
        for _ in range(60):
            try:
                spool.append(["z" * 1000])
            except Unavailable:
                break
    spool.abandon()  # as a crash does: nothing is tidied up
    found = [text for text in content(tmp_path / "s") if text[0] != "z"]
    assert [text.rstrip("y") for text in found] == [str(number) for number in range(0 if failing != "unlink" else 900,
                                                                                    1000)]


def test_a_delivered_queue_does_not_grow_for_ever(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s", limit_mib=4)
    spool.append(["first"])
    for _ in range(8):
        spool.append(["x" * 1000] * 1200)
        while spool.appended - spool.done > 1:  # something always waits
            spool.delivered(spool.peek(min(500, spool.appended - spool.done - 1)))
    assert queue_file(spool).stat().st_size < 3 * spools.MIB
    assert len(list(spool.directory.glob("queue-*"))) == 1
    assert spool.appended - spool.done == 1


def test_threads_share_writes_and_all_records_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    syncs = 0
    real = os.fdatasync

    def counted(file: int) -> None:
        nonlocal syncs
        syncs += 1
        real(file)

    monkeypatch.setattr(os, "fdatasync", counted)
    spool = Spool(tmp_path / "s")
    gate = threading.Barrier(8)

    def work(name: int) -> None:
        gate.wait()
        for number in range(100):
            spool.append([f"{name} {number}"])

    threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    texts = spool.peek(1000).texts
    for name in range(8):
        assert [text for text in texts if text.startswith(f"{name} ")] == [f"{name} {number}" for number in range(100)]
    assert len(texts) == 800 and syncs < 700


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """A disk that takes ``room`` more bytes of records and then fails with ``error``."""
    state: dict[str, Any] = {"room": None, "error": errno.ENOSPC}
    real = os.pwrite

    def pwrite(file: int, data: Any, offset: int) -> int:
        if state["room"] is None:
            return real(file, data, offset)
        if state["room"] <= 0:
            raise OSError(state["error"], os.strerror(state["error"]))
        count = real(file, data[:state["room"]], offset)
        state["room"] -= count
        return count

    monkeypatch.setattr(os, "pwrite", pwrite)
    yield state


@pytest.mark.parametrize(("number", "error"), [(errno.ENOSPC, SpoolDiskFull), (errno.EDQUOT, SpoolDiskFull),
                                               (errno.EFBIG, SpoolDiskFull), (errno.EIO, Unavailable)])
def test_a_failing_disk_is_named_and_tears_nothing(tmp_path: Path, failing: dict[str, Any], number: int,
                                                   error: type[Exception]) -> None:
    spool = Spool(tmp_path / "s")
    spool.append(["before"])
    failing.update(room=7, error=number)
    with pytest.raises(error, match=str(tmp_path)):
        spool.append(["torn " * 20])
    failing["room"] = None
    spool.append(["after"])
    assert spool.peek(10).texts == ("before", "after")
    spool.close()
    assert content(tmp_path / "s") == ("before", "after")


def test_small_records_still_fit_when_a_big_one_of_the_same_write_does_not(tmp_path: Path,
                                                                            failing: dict[str, Any]) -> None:
    spool = Spool(tmp_path / "s")
    small, big = spools._Ticket(queuefile.line("small", 1), 1), spools._Ticket(queuefile.line("b" * 500, 1), 1)
    spool._waiting = [big, small]
    failing["room"] = 400
    # As if the big one had come alone first: the disk has room for one small record after it.
    with spool._writing:
        spool._write_waiting()
    failing["room"] = None
    assert isinstance(big.error, SpoolDiskFull)
    assert [text for text in spool.peek(5).texts] == (["small"] if small.error is None else [])


def test_a_torn_end_that_cannot_be_cut_off_is_cut_off_before_the_next_write(
        tmp_path: Path, failing: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(tmp_path / "s")
    spool.append(["before"])

    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, "test")

    failing.update(room=40, error=errno.EIO)
    with monkeypatch.context() as patch:
        patch.setattr(os, "ftruncate", refuse)
        with pytest.raises(Unavailable):
            spool.append(["torn " * 20])
        failing["room"] = None
        with pytest.raises(Unavailable):
            spool.append(["not yet"])
    spool.append(["after"])
    spool.close()
    assert content(tmp_path / "s") == ("before", "after")


def test_a_position_that_cannot_be_written_means_deliver_again(tmp_path: Path, failing: dict[str, Any]) -> None:
    spool = Spool(tmp_path / "s")
    spool.append(["one", "two"])
    failing["room"] = 0
    spool.delivered(spool.peek(1))
    assert spool.peek(5).texts == ("two",)
    failing["room"] = None
    spool.close()
    assert content(tmp_path / "s") == ("one", "two")


@pytest.mark.parametrize("spare", [b"", b"foreign", None])
def test_a_missing_or_foreign_spare_file_is_made_anew(tmp_path: Path, spare: bytes | None) -> None:
    path = written(tmp_path / "s", "one").with_name("spare")
    path.unlink() if spare is None else path.write_bytes(spare)
    assert content(tmp_path / "s") == ("one",) and path.read_bytes() == HEADER


def test_names_are_forced_to_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that power loss may make nameless is no place for acknowledged records."""
    order: list[str] = []
    real_fsync, real_rename = os.fsync, os.rename

    def fsync(file: int) -> None:
        order.append("sync directory" if stat.S_ISDIR(os.fstat(file).st_mode) else "sync file")
        real_fsync(file)

    def rename(source: Path, target: Path) -> None:
        order.append("name")
        real_rename(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "rename", rename)
    Spool(tmp_path / "s").close()
    made = order.index("name")
    assert order[0] == "sync directory" and order[made - 1:made + 2] == ["sync file", "name", "sync directory"]


def test_a_directory_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match=str(tmp_path)):
        slots.open_free_slot(tmp_path / "file", 1)


def test_header_damage_costs_nothing(tmp_path: Path) -> None:
    path = written(tmp_path / "s", "one")
    path.write_bytes(b"X" + path.read_bytes()[1:])
    assert len(HEADER) == START and content(tmp_path / "s") == ("one",)


def test_waiting_is_bounded(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    assert not spool.wait_for_records(0.01, lambda: False)
    total = spool.append(["x"])
    assert spool.wait_for_records(0.01, lambda: False)
    assert not spool.wait_until(lambda: spool.done >= total, 0.01)
    spool.delivered(spool.peek(1))
    assert spool.wait_until(lambda: spool.done >= total, 0.01)


def test_a_closed_spool_takes_nothing(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    spool.close()
    with pytest.raises(Unavailable, match="closed"):
        spool.append(["x"])
    with pytest.raises(ValueError, match="one line"):
        spool.append(["a\nb"])
    assert spool.peek(1).records == ()


def test_a_look_without_the_lock_sees_what_waits(tmp_path: Path) -> None:
    assert not queuefile.undelivered(tmp_path / "s")
    spool = Spool(tmp_path / "s")
    assert not queuefile.undelivered(tmp_path / "s")
    spool.append(["one", "x" * spools.ROTATE_BYTES])
    assert queuefile.undelivered(tmp_path / "s")
    spool.delivered(spool.peek(1))
    assert queuefile.undelivered(tmp_path / "s")
    spool.delivered(spool.peek(1))  # goes on in a new file
    assert not queuefile.undelivered(tmp_path / "s") and queue_file(spool).name == "queue-2"


def test_a_free_slot_is_looked_for_without_touching_those_with_something_left(tmp_path: Path) -> None:
    written(tmp_path / "0", "left")
    scanning = Spool(tmp_path / "0")  # whose turn it is holds it for a moment, or for long
    assert slots.open_free_slot(tmp_path, 1).directory == tmp_path / "1"
    scanning.close()
    second = slots.open_free_slot(tmp_path, 1)
    assert second.directory == tmp_path / "2"

# SPDX-License-Identifier: Apache-2.0
"""The spool keeps what it took, in order, whatever happens to its files."""
from __future__ import annotations

import os
from pathlib import Path

import pytest

from fm.contract.errors import SpoolBusy, SpoolFull
from fm.raiser import spool as spools
from fm.raiser.spool import Spool


def queue_file(spool: Spool) -> Path:
    return next(spool.directory.glob("queue-*"))


def test_records_come_back_in_order_and_once(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    spool.append(["a", "b"])
    spool.append(["c"])
    first = spool.peek(2)
    assert first.records == ("a", "b")
    spool.delivered(first)
    assert spool.peek(10).records == ("c",)
    spool.delivered(spool.peek(10))
    assert spool.pending_bytes == 0 and spool.peek(10).records == ()


def test_undelivered_records_survive(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    spool.append([f"r{number}" for number in range(10)])
    spool.delivered(spool.peek(4))
    spool.close()
    again = Spool(tmp_path / "s")
    assert again.peek(100).records == tuple(f"r{number}" for number in range(4, 10)) and again.appended == 6


@pytest.mark.parametrize("cut", range(1, 14))
def test_a_torn_last_record_is_cut_off_and_the_rest_stays(tmp_path: Path, cut: int) -> None:
    spool = Spool(tmp_path / "s")
    spool.append(["whole", "torn!"])
    path = queue_file(spool)
    spool.close()
    os.truncate(path, path.stat().st_size - cut)
    again = Spool(tmp_path / "s")
    again.append(["next"])
    assert again.peek(10).records == ("whole", "next")


def test_garbage_at_the_end_is_cut_off(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    spool.append(["whole"])
    path = queue_file(spool)
    spool.close()
    with path.open("ab") as file:
        file.write(b"\x00" * 100 + b"\n")
    assert Spool(tmp_path / "s").peek(10).records == ("whole",)


def test_a_damaged_record_in_the_middle_is_skipped(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    spool.append(["one", "two", "three"])
    path = queue_file(spool)
    spool.close()
    path.write_bytes(path.read_bytes().replace(b"two", b"owt"))
    again = Spool(tmp_path / "s")
    assert again.peek(10).records == ("one", "", "three")


@pytest.mark.parametrize("content", ["", "x y", "7", "9999 1", "1 -4"])
def test_a_lost_position_means_deliver_again(tmp_path: Path, content: str) -> None:
    spool = Spool(tmp_path / "s")
    spool.append(["one", "two"])
    spool.delivered(spool.peek(1))
    spool.close()
    (tmp_path / "s" / "position").write_text(content)
    again = Spool(tmp_path / "s")
    again.append(["three"])
    assert again.peek(10).records == ("one", "two", "three")


def test_one_process_per_slot(tmp_path: Path) -> None:
    first = spools.open_free_slot(tmp_path, 1)
    second = spools.open_free_slot(tmp_path, 1)
    assert first.directory != second.directory
    with pytest.raises(SpoolBusy):
        Spool(first.directory)
    first.append(["left"])
    first.close()
    (left,) = spools.abandoned(tmp_path, second.directory, 1)
    assert left.peek(5).records == ("left",)


def test_a_full_spool_refuses_and_keeps_what_it_has(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s", limit_mib=1)
    stored = 0
    with pytest.raises(SpoolFull):
        while True:
            spool.append(["x" * 1000])
            stored += 1
    assert 900 < stored < 1049
    spool.delivered(spool.peek(100))
    spool.append(["room again"])


def test_compaction_makes_room_and_redelivers_what_was_in_flight(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s", limit_mib=1, compact=lambda records: records[-2:])
    spool.append(["y" * 1000] * 1000)
    in_flight = spool.peek(10)
    for _ in range(60):
        spool.append(["z" * 1000])
    spool.delivered(in_flight)  # of the queue before it was rewritten: must not eat into the new one
    records = spool.peek(2000).records
    assert records[-1] == "z" * 1000 and len(records) < 70
    assert spool.appended == 1060


def test_a_delivered_queue_does_not_grow_for_ever(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s", limit_mib=4)
    for _ in range(5):
        spool.append(["x" * 1000] * 1200)
        while spool.pending_bytes:
            spool.delivered(spool.peek(500))
    assert queue_file(spool).stat().st_size < 2 * spools.MIB
    assert len(list(spool.directory.glob("queue-*"))) == 1


def test_waiting_is_bounded(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    assert not spool.wait_for_records(0.01, lambda: False)
    total = spool.append(["x"])
    assert spool.wait_for_records(0.01, lambda: False)
    assert not spool.drained(total, 0.01)
    spool.delivered(spool.peek(1))
    assert spool.drained(total, 0.01)

# SPDX-License-Identifier: Apache-2.0
"""The injectable root: what reads as unknown, how links resolve, and that nothing outside is ever read."""
from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flock.exec import Root
from flock.exec.root import TEXT_MAX_BYTES, natural_key


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("outside")
    root = tmp_path / "root"
    for name in ("cpu2", "cpu10", "cpu1", "cpufreq"):
        (root / "sys/cpu" / name).mkdir(parents=True)
        (root / "sys/cpu" / name / "id").write_text(f" {name[3:]}\n")
    (root / "sys/hex").write_text("0x8086\n")
    (root / "sys/devices").mkdir()
    (root / "sys/devices/nic").mkdir()
    (root / "sys/devices/nic/mtu").write_text("1500\n")
    (root / "sys/class").mkdir()
    (root / "sys/class/eth0").symlink_to("../devices/nic")
    (root / "sys/devices/nic/driver").symlink_to("../../bus/drivers/igb")
    return root


def test_text_int_and_defaults(tree: Path) -> None:
    root = Root(tree)
    assert root.text("sys/cpu/cpu10/id") == "10"
    assert root.int("sys/cpu/cpu10/id") == 10
    assert root.int("sys/hex") == 0x8086
    assert root.text("sys/nothing", "unknown") == "unknown"
    assert root.int("sys/nothing") is None
    assert root.int("sys/cpu/cpufreq/id", -1) == -1
    assert root.text("sys/cpu", "a directory") == "a directory"


def test_listing_and_glob_are_in_natural_order(tree: Path) -> None:
    root = Root(tree)
    assert root.listdir("sys/cpu") == ["cpu1", "cpu2", "cpu10", "cpufreq"]
    assert root.glob("sys/cpu/cpu[0-9]*/id") == ["sys/cpu/cpu1/id", "sys/cpu/cpu2/id", "sys/cpu/cpu10/id"]
    assert root.glob("sys/class/eth*/mtu") == ["sys/class/eth0/mtu"]
    assert root.glob("sys/*/absent") == []
    assert root.listdir("sys/absent") == []


def test_relative_links_are_followed_and_readable_as_links(tree: Path) -> None:
    root = Root(tree)
    assert root.int("sys/class/eth0/mtu") == 1500
    assert root.link("sys/class/eth0") == "../devices/nic"
    assert root.link("sys/class/eth0/driver") == "../../bus/drivers/igb"
    assert root.link_name("sys/class/eth0/driver") == "igb"
    assert root.link("sys/hex") is None
    assert root.link_name("sys/absent") is None
    assert root.resolve("sys/class/eth0") == "sys/devices/nic"
    assert root.resolve("") == ""


@pytest.mark.parametrize("target", ["/secret", "../../../../secret", "{outside}/secret", "../secret", "/../secret"])
def test_links_cannot_leave_the_root(tree: Path, target: str) -> None:
    (tree / "sys/escape").symlink_to(target.format(outside=tree.parent))
    root = Root(tree)
    assert root.text("sys/escape", "blocked") == "blocked"
    assert not root.exists("sys/escape")


@pytest.mark.parametrize("rel", ["../secret", "/../secret", "sys/../../secret", "sys/class/eth0/../../../../secret"])
def test_paths_cannot_leave_the_root(tree: Path, rel: str) -> None:
    assert Root(tree).text(rel, "blocked") == "blocked"


def test_absolute_link_means_the_top_of_this_root(tree: Path) -> None:
    (tree / "etc").symlink_to("/sys/cpu")
    assert Root(tree).int("etc/cpu2/id") == 2


def test_circular_links_read_as_absent(tree: Path) -> None:
    (tree / "a").symlink_to("b")
    (tree / "b").symlink_to("a")
    root = Root(tree)
    assert root.text("a", "none") == "none"
    assert not root.exists("a")
    assert root.listdir("a") == []


def test_too_long_a_file_and_a_fifo_do_not_hang_or_flood(tree: Path) -> None:
    with open(tree / "huge", "wb") as huge:
        huge.truncate(TEXT_MAX_BYTES + 1)
    os.mkfifo(tree / "fifo")
    root = Root(tree)
    assert root.text("huge", "too long") == "too long"
    assert root.text("fifo", "empty") == ""


def test_raw_reads_a_window(tree: Path) -> None:
    (tree / "disk").write_bytes(bytes(range(256)))
    root = Root(tree)
    assert root.raw("disk", 4, offset=16) == bytes([16, 17, 18, 19])
    assert root.raw("disk", 1000, offset=250) == bytes(range(250, 256))
    assert root.raw("nothing", 4) is None


def test_running_machine_reads_like_any_root() -> None:
    root = Root()
    assert root.int("proc/sys/kernel/pid_max") == int(
        Path("/proc/sys/kernel/pid_max").read_text())
    assert root.link_name("/proc/self") == str(os.getpid())


@given(st.lists(st.sampled_from(["..", ".", "sys", "class", "eth0", "up", "top", "secret", "", "a b"]), max_size=12))
def test_no_sequence_of_steps_reads_outside(parts: list[str]) -> None:
    base = Path(__file__).parent
    root = Root(base)
    inside = root._inside("/".join(parts))
    assert os.path.commonpath([str(root.path), os.path.normpath(inside)]) == str(root.path)


@given(st.lists(st.integers(0, 5000), unique=True))
def test_natural_key_sorts_numbered_names_by_number(numbers: list[int]) -> None:
    names = [f"node{n}" for n in numbers]
    assert sorted(names, key=natural_key) == [f"node{n}" for n in sorted(numbers)]

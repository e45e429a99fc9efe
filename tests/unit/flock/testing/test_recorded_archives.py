# SPDX-License-Identifier: Apache-2.0
"""Unpacking recordings safely, and the parsers of expected topologies on small texts."""
from __future__ import annotations

import io
import tarfile
import tempfile
from pathlib import Path

import pytest

from flock.testing.machines import RecordedMachine, recorded_machines, unpack
from tests.oracles.topology import Core, Node, parse_hwloc_console, parse_hwloc_xml, parse_lscpu


def archive(path: Path, *members: tuple[str, bytes, str]) -> Path:
    """(name, type, content or link target) each."""
    with tarfile.open(path, "w:gz") as tar:
        for name, kind, content in members:
            info = tarfile.TarInfo(name)
            info.type = kind
            info.mode = 0
            if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
                info.linkname = content
            info.size = len(content) if kind == tarfile.REGTYPE else 0
            tar.addfile(info, io.BytesIO(content.encode()) if kind == tarfile.REGTYPE else None)
    return path


def test_files_links_and_directories_come_out_readable(tmp_path: Path) -> None:
    tree = unpack(archive(tmp_path / "a.tar.gz", ("m", tarfile.DIRTYPE, ""), ("m/sys/x/id", tarfile.REGTYPE, "7\n"),
                          ("m/sys/link", tarfile.SYMTYPE, "x"), ("m/sys/up", tarfile.SYMTYPE, "../../../../etc")),
                  tmp_path / "out")
    assert (tree / "sys/link/id").read_text() == "7\n"
    assert (tree / "sys/up").is_symlink()


def test_a_machine_is_unpacked_once_for_all_that_only_read_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    made = archive(tmp_path / "box.tar.gz", ("m", tarfile.DIRTYPE, ""), ("m/sys/id", tarfile.REGTYPE, "7\n"))
    machine = RecordedMachine("box", made, tmp_path / "expected")
    tree = machine.tree()
    assert (tree / "sys/id").read_text() == "7\n" and machine.tree() == tree
    # Another recording of that name is another tree, and nothing half unpacked is left behind.
    archive(made, ("m", tarfile.DIRTYPE, ""), ("m/sys/id", tarfile.REGTYPE, "8\n"))
    assert (machine.tree() / "sys/id").read_text() == "8\n"
    assert len(list(tree.parent.parent.iterdir())) == 2


@pytest.mark.parametrize("member", [
    ("../evil", tarfile.REGTYPE, "x"), ("/evil", tarfile.REGTYPE, "x"), ("m/../../evil", tarfile.REGTYPE, "x"),
    ("m/out/evil", tarfile.REGTYPE, "x"), ("m/out/evil", tarfile.DIRTYPE, ""), ("m/out/evil", tarfile.SYMTYPE, "x"),
    ("m/out", tarfile.REGTYPE, "x"), ("m/evil", tarfile.LNKTYPE, "m/out"), ("m/evil", tarfile.CHRTYPE, ""),
    ("m/evil", tarfile.FIFOTYPE, "")])
def test_nothing_is_written_outside_and_no_device_is_made(tmp_path: Path, member: tuple[str, bytes, str]) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    target = tmp_path / "out" / "m"
    unpack(archive(tmp_path / "a.tar.gz", ("m", tarfile.DIRTYPE, ""), ("m/out", tarfile.SYMTYPE, str(outside)), member),
           tmp_path / "out")
    assert list(outside.iterdir()) == []
    assert not (tmp_path / "evil").exists()
    assert [entry.name for entry in target.iterdir()] == ["out"]
    assert (target / "out").is_symlink()


def test_recordings_are_archives_with_an_expectation_beside_them(tmp_path: Path) -> None:
    for name in ("a.tar.gz", "a.expected.txt", "b.tar.bz2", "c.expected.xml", "README.md"):
        (tmp_path / name).touch()
    assert [(one.name, one.expected.name) for one in recorded_machines(tmp_path)] == [("a", "a.expected.txt")]


def test_console_tree_with_nodes_at_different_depths() -> None:
    parsed = parse_hwloc_console("""\
Machine (P#0 total=3GiB)
  Group L#0 (total=1GiB)
    NUMANode L#0 (P#0 local=1GiB total=1GiB)
    Package L#0 (P#1 CPUModel="A  CPU")
      L2Cache L#0 (size=1MiB)
        Core L#0 (P#4)
          PU L#0 (P#0)
          PU L#1 (P#2)
  Group L#0 (total=1GiB)
    NUMANode L#1 (P#3 local=2GiB total=2GiB)
    Package L#1 (P#0)
      Core L#1 (P#4)
        PU L#2 (P#1)
depth 0: 1 Machine (type #0)
Topology infos: PageSizes=4096,2097152
""")
    assert parsed.cores == {Core(1, frozenset({0, 2}), 4), Core(0, frozenset({1}), 4)}
    assert {number: node.cpus for number, node in parsed.nodes.items()} == {0: {0, 2}, 3: {1}}
    assert parsed.nodes[3].memory_bytes == 2 * 1024**3
    assert (parsed.models, parsed.page_sizes_bytes) == ({1: "A  CPU"}, (4096, 2097152))


def test_xml_masks_are_words_with_the_highest_first() -> None:
    parsed = parse_hwloc_xml("""<topology><object type="Machine" nodeset="0x1" cpuset="0x1,0x0">
        <object type="NUMANode" os_index="0" nodeset="0x1" cpuset="0x00000001,0x00000001" local_memory="4096"/>
        <object type="Package" os_index="2" nodeset="0x1"><object type="Core" os_index="5" cpuset="0x1,0x00000001"/>
        </object></object></topology>""")
    assert parsed.cores == {Core(2, frozenset({0, 32}), 5)}
    assert parsed.nodes == {0: Node(frozenset({0, 32}), 4096)}
    assert parsed.pci is None


def test_lscpu_tables_give_logical_grouping_and_physical_numbers() -> None:
    parsed = parse_lscpu("""\
Model name:      X
CPU max MHz:     2000.0000
CPU min MHz:     1000.0000
NUMA node1 CPU(s): 0-2:2,1

# CPU,Core,Socket,Node,,L1d
0,0,0,1,,0
1,1,0,1,,1
2,0,0,1,,0

# CPU,Core,Socket,Node,,L1d
0,8,3,1,,0
1,9,3,1,,1
2,8,3,1,,0
""")
    assert parsed.cores == {Core(3, frozenset({0, 2}), 8), Core(3, frozenset({1}), 9)}
    assert parsed.nodes == {1: Node(frozenset({0, 1, 2}))}
    assert (parsed.max_mhz, parsed.min_mhz) == (2000.0, 1000.0)

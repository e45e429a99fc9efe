# SPDX-License-Identifier: Apache-2.0
"""A host's own disks and the devices it may open: sizes, what the kernel would show, the rules given to the kernel."""
import struct
from pathlib import Path

import pytest

from devstack.virtualcloud import cgroups, devices, disks
from devstack.virtualcloud.devices import HARMLESS, Device
from devstack.virtualcloud.disks import OwnDisk
from devstack.virtualcloud.errors import LabError, NotAvailable
from devstack.virtualcloud.record import HostRecord, Store
from flock.exec.root import Root
from sysinv.agent.collectors import disk as collector

LOOP = Device("b", 7, 3)


@pytest.mark.parametrize(("text", "sizes"), [("20,10", (20, 10)), ("1", (1,)), ("none", ()), ("16384", (16384,))])
def test_sizes_are_read(text, sizes):
    assert disks.parse_sizes(text) == sizes


@pytest.mark.parametrize("text", ["", "0", "20,", "ten", "-1", "1.5", "99999", ",".join("1" * 9)])
def test_sizes_that_make_no_disk_are_refused(text):
    with pytest.raises(NotAvailable, match="--disks"):
        disks.parse_sizes(text)


def test_the_inventory_agent_reads_the_view_as_it_reads_a_server(tmp_path):
    made = [OwnDisk(0, 20, "worker-0-0", tmp_path / "a.img"), OwnDisk(1, 4, "worker-0-1", tmp_path / "b.img")]
    disks.write_view(tmp_path / "view", made)
    first, second = collector.collect(Root(str(tmp_path / "view")))
    assert (first.device_node, first.size_mib, first.serial_id) == ("/dev/sda", 20 * 1024, "worker-0-0")
    assert (second.device_node, second.size_mib, second.serial_id) == ("/dev/sdb", 4 * 1024, "worker-0-1")
    assert first.device_path != second.device_path
    assert "sda" in (tmp_path / "view/proc/partitions").read_text()
    assert "sdb" in (tmp_path / "view/proc/diskstats").read_text()


def test_no_disks_are_an_empty_view(tmp_path):
    disks.write_view(tmp_path / "view", [])
    assert collector.collect(Root(str(tmp_path / "view"))) == []
    assert len((tmp_path / "view/proc/partitions").read_text().split()) == 4


def test_without_loop_devices_the_file_stands_in(tmp_path, monkeypatch):
    monkeypatch.setattr(disks, "LOOP_CONTROL", tmp_path / "absent")
    own = disks.Disks(tmp_path, "worker-0", (3,))
    (found,) = own.attach()
    assert (found.source, found.node) == (tmp_path / "disks/a.img", None)
    assert found.source.stat().st_size == 3 << 30
    assert found.source.stat().st_blocks * 512 < 1 << 20, "the file is sparse"
    found.source.write_bytes(b"kept")
    own.attach()
    assert found.source.read_bytes() == b"kept"
    monkeypatch.setattr(disks, "loops", lambda _folder: {})
    own.remove()
    assert not (tmp_path / "disks").exists()


def run_bpf(code, kind, major, minor):
    """What the kernel would do with the few instructions that are used."""
    context = {0: 6 << 16 | kind, 4: major, 8: minor}
    registers, at = [0] * 11, 0
    while True:
        operation, both, offset, constant = struct.unpack_from("<BBhi", code, at * 8)
        target = both & 15
        at += 1
        if operation == 0x61:
            assert both >> 4 == 1
            registers[target] = context[offset]
        elif operation == 0x54:
            registers[target] &= constant
        elif operation == 0x55:
            at += offset if registers[target] != constant else 0
        elif operation == 0xB7:
            registers[target] = constant
        else:
            assert operation == 0x95
            return registers[0]


@pytest.mark.parametrize(("kind", "major", "minor", "allowed"), [
    (2, 1, 3, 1), (2, 1, 9, 1), (2, 136, 0, 1), (2, 136, 77, 1), (2, 5, 2, 1), (1, 7, 3, 1),
    (1, 7, 4, 0), (2, 7, 3, 0), (1, 254, 0, 0), (1, 8, 0, 0), (2, 1, 1, 0), (2, 1, 11, 0), (2, 10, 237, 0),
    (1, 1, 3, 0),
])
def test_the_program_allows_what_is_listed_and_nothing_else(kind, major, minor, allowed):
    assert run_bpf(devices.bpf_program([*HARMLESS, LOOP]), kind, major, minor) == allowed


def test_the_lines_of_version_1():
    assert devices.controller_lines([LOOP, Device("c", 136, None)]) == ["b 7:3 rwm", "c 136:* rwm"]


def test_a_host_lives_below_the_group_that_binds_it(tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(devices, "confine_v1", lambda group, allowed: written.append((group, tuple(allowed))))
    groups = cgroups.Cgroups("flk", (cgroups.Hierarchy(tmp_path / "devices", ("devices",), False),
                                     cgroups.Hierarchy(tmp_path / "memory", ("memory",), False)))
    files = groups.create_confined("worker-0", [LOOP])
    assert written == [(tmp_path / "devices/flk/worker-0", (LOOP,))]
    assert files == [str(tmp_path / "devices/flk/worker-0/inside/cgroup.procs"),
                     str(tmp_path / "memory/flk/worker-0/cgroup.procs")]
    assert groups.member_files("worker-0") == files


def test_a_kernel_that_cannot_deny_gets_no_hosts(tmp_path, monkeypatch):
    without = cgroups.Cgroups("flk", (cgroups.Hierarchy(tmp_path, ("memory",), False),))
    with pytest.raises(LabError, match="neither the device controller"):
        without.create_confined("worker-0", HARMLESS)

    def refuse(_group, _allowed):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(devices, "confine_v2", refuse)
    refused = cgroups.Cgroups("flk", (cgroups.Hierarchy(tmp_path, (), True),))
    with pytest.raises(LabError, match="not started"):
        refused.create_confined("worker-0", HARMLESS)


def test_records_of_an_older_lab_have_the_default_disks(tmp_path):
    store = Store(tmp_path)
    store.save_host(HostRecord("worker-0", 2, "worker", disks=(7,)))
    assert store.load_hosts()[0].disks == (7,)
    path = Path(tmp_path / "hosts/worker-0/host.json")
    path.write_text(path.read_text().replace('"disks": [\n  7\n ],\n', ""))
    assert store.load_hosts()[0].disks == disks.DEFAULT_GIB

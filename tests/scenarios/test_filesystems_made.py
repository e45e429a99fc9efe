# SPDX-License-Identifier: Apache-2.0
"""File systems that the real Puppet makes, mounts, grows and removes on a partition of a loop device.

The host is a namespace of its own: what it mounts and writes, this machine does not see. LVM's part, which needs device
mapper, is in the unit tests.
"""
from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flock.exec import process
from flock.exec.process import Completed
from flock.exec.root import Root
from sysinv.agent import puppet
from sysinv.agent.collectors import filesystem as collector
from sysinv.agent.filesystems import ext_bytes

CLASS = "platform::filesystem::instances::runtime"
PLACE = "/var/lib/nova/instances"
VOLUME = f"t{os.getpid()}-lv"
LOCAL = {"platform::params::hardware_root": "/", "platform::params::python": sys.executable}
CAP_SYS_RESOURCE = 24
run = functools.partial(process.run, timeout_s=60)


class Host:
    """A machine that has one disk, and /etc and /var/lib of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.image, self.parts = folder, folder / "disk", 0
        for name in ("etc", "lib", "work/etc", "work/lib"):
            (folder / name).mkdir(parents=True)
        with self.image.open("wb") as stream:
            stream.truncate(4 << 30)
        self.disk = run(["losetup", "--find", "--show", str(self.image)]).out.strip()
        mounts = (f"for d in etc var/lib; do n=${{d#var/}}; mount -t overlay overlay -o lowerdir=/$d,"
                  f"upperdir={folder}/$n,workdir={folder}/work/$n /$d; done; echo ready; exec sleep infinity")
        self._keeper = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-e", "-c", mounts],
            stdout=subprocess.PIPE, text=True)
        assert self._keeper.stdout is not None
        assert self._keeper.stdout.readline() == "ready\n"
        (self.pid,) = run(["ps", "--ppid", str(self._keeper.pid), "-o", "pid="]).out.split()

    def run(self, argv: list[str], **more: Any) -> Completed:
        return run(["nsenter", "--target", self.pid, "--mount", "--pid", "--", *argv], **more)

    def end(self) -> None:
        self.run(["umount", PLACE], check=False)
        self._keeper.kill()
        self._keeper.wait(10)
        # The kernel would keep the partitions, for the next file on this loop device.
        for number in range(1, self.parts + 1):
            run(["delpart", self.disk, str(number)])
        run(["losetup", "--detach", self.disk])

    def divide(self, *sizes_mib: int, name: str = VOLUME) -> None:
        """Give the disk partitions of that name."""
        parts = "\n".join(f'size={size}MiB, name="{name}"' for size in sizes_mib)
        run(["sfdisk", "--no-reread", "--force", "--quiet", self.disk], input=f"label: gpt\n{parts}\n")
        run(["partx", "--add", self.disk])
        self.parts = len(sizes_mib)

    def apply(self, size_gib: int = 1, ensure: str = "present") -> puppet.Outcome:
        params = "platform::filesystem::instances::params"
        data = {f"{params}::lv_name": VOLUME, f"{params}::lv_size": size_gib, f"{params}::ensure": ensure}
        return puppet.apply(self.folder / "configuration", [CLASS], {"local": LOCAL, "host": data}, self.run)

    def size_mib(self) -> int:
        """Size of the mounted file system; 0 when it is not mounted."""
        done = self.run(["findmnt", "--noheadings", "--bytes", "--output", "SIZE", PLACE], check=False)
        return int(done.out.strip() or 0) >> 20

    def report(self) -> list[tuple[int, bool]]:
        return [(one.size_mib, one.mounted) for one in collector.collect(Root()) if one.volume == VOLUME]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    if os.geteuid() != 0 or not Path("/dev/loop-control").exists():
        pytest.skip("needs root and loop devices")
    made = Host(tmp_path)
    yield made
    made.end()


def clean(outcome: puppet.Outcome) -> puppet.Outcome:
    assert (outcome.error, outcome.failures) == ("", {})
    return outcome


def test_a_file_system_is_made_and_mounted_once_and_goes(host: Host) -> None:
    host.divide(1100)
    assert clean(host.apply()).changed == 1
    assert 900 < host.size_mib() < 1100
    assert host.report() == [(1100, False)], "this machine does not see what the host mounts"
    unit = host.folder / "etc/systemd/system/var-lib-nova-instances.mount"
    assert f"Where={PLACE}\n" in unit.read_text()
    assert (host.folder / "etc/systemd/system/local-fs.target.wants/var-lib-nova-instances.mount").is_symlink()
    assert clean(host.apply()).changed == 0
    assert clean(host.apply(1, "absent")).changed == 1
    assert host.size_mib() == 0
    assert run(["wipefs", "--noheadings", f"{host.disk}p1"]).out == ""
    assert clean(host.apply(1, "absent")).changed == 0


def may_grow_mounted() -> bool:
    status = Path("/proc/self/status").read_text()
    effective = next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff:"))
    return bool(int(effective, 16) >> CAP_SYS_RESOURCE & 1)


@pytest.mark.parametrize("ensure", ["present", "grown"])
def test_a_file_system_grows_before_it_is_mounted(host: Host, ensure: str) -> None:
    host.divide(2100)
    run(["mkfs.ext4", "-q", f"{host.disk}p1", "1000M"])
    assert clean(host.apply(2, ensure)).changed == 1
    assert ext_bytes(f"{host.disk}p1") > 2000 << 20
    assert (host.size_mib() > 1900) is (ensure == "present")
    assert clean(host.apply(2, ensure)).changed == 0


@pytest.mark.skipif(not may_grow_mounted(), reason="the kernel lets nobody here grow a mounted file system")
@pytest.mark.parametrize("ensure", ["present", "grown"])
def test_a_file_system_grows_while_it_is_mounted_and_keeps_its_files(host: Host, ensure: str) -> None:
    host.divide(2100)
    assert Path(f"{host.disk}p1").is_block_device()
    run(["mkfs.ext4", "-q", f"{host.disk}p1", "1000M"])
    host.run(["mkdir", "-p", PLACE])
    host.run(["mount", f"{host.disk}p1", PLACE])
    host.run(["sh", "-c", f"echo kept > {PLACE}/file"])
    before = host.size_mib()
    assert clean(host.apply(2, ensure)).changed == 1
    assert host.size_mib() > before + 900
    assert host.run(["cat", f"{PLACE}/file"]).out == "kept\n"
    assert clean(host.apply(2, ensure)).changed == 0


def test_nothing_is_made_where_only_growth_is_permitted(host: Host) -> None:
    host.divide(1100)
    assert clean(host.apply(1, "grown")).changed == 0
    assert host.size_mib() == 0


@pytest.mark.parametrize(("sizes_mib", "reason"), [
    ((), "There is neither a volume group cgts-vg nor a partition with the name"),
    ((1000,), "has 1000 MiB, less than 1 GiB"), ((1100, 1100), "2 partitions have the name")])
def test_the_reason_of_a_refusal_is_the_error_of_the_class(
        host: Host, sizes_mib: tuple[int, ...], reason: str) -> None:
    if sizes_mib:
        host.divide(*sizes_mib)
    assert reason in host.apply().failures[CLASS]


def test_content_of_the_directory_and_of_the_partition_is_not_lost(host: Host) -> None:
    host.divide(1100)
    host.run(["sh", "-c", f"mkdir -p {PLACE} && touch {PLACE}/image"])
    assert f"{PLACE} is not empty" in host.apply().failures[CLASS]
    assert host.run(["ls", PLACE]).out == "image\n"
    host.run(["rm", f"{PLACE}/image"])
    run(["wipefs", "--all", f"{host.disk}p1"])
    run(["mkswap", f"{host.disk}p1"])
    assert "holds something that is no file system" in host.apply().failures[CLASS]
    assert run(["blkid", "--match-tag", "TYPE", "--output", "value", f"{host.disk}p1"]).out == "swap\n"


def test_a_host_that_shows_other_hardware_is_not_changed(host: Host) -> None:
    host.divide(1100)
    outcome = puppet.apply(host.folder / "configuration", [CLASS], {
        "local": {**LOCAL, "platform::params::hardware_root": "/recorded"}, "host": {
            "platform::filesystem::instances::params::lv_name": VOLUME,
            "platform::filesystem::instances::params::lv_size": 1,
            "platform::filesystem::instances::params::ensure": "present"}}, host.run)
    assert clean(outcome).resources == 0 or outcome.changed == 0
    assert host.size_mib() == 0

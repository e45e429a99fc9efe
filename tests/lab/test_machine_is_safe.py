# SPDX-License-Identifier: Apache-2.0
"""Hosts of the lab have disks of their own, and root inside one can open no device of the machine it runs on."""
import json
import os
import shutil
import signal
import subprocess
import textwrap
from pathlib import Path

import pytest

from devstack.virtualcloud.cgroups import Cgroups
from devstack.virtualcloud.devices import HARMLESS
from tests.lab.command import Lab

PREFIX = f"s{os.getpid() % 100000}"
OWN = {"sda", "sdb"}


@pytest.fixture(scope="module")
def lab():
    if os.geteuid() != 0:
        pytest.skip("needs root")
    made = Lab(PREFIX)
    try:
        made.run("up", "standard", "--workers", "0", "--publish", "none", "--wait", timeout=900)
        yield made
    finally:
        made.run("down", check=False)
        shutil.rmtree(made.state, ignore_errors=True)


def machine_disks():
    """Names and numbers of every block device of this machine."""
    return {path.name: (path / "dev").read_text().strip() for path in Path("/sys/class/block").iterdir()}


def attached(lab):
    listed = subprocess.run(["losetup", "--list", "--json"], capture_output=True, text=True, check=True).stdout
    devices = json.loads(listed)["loopdevices"] if listed.strip() else []
    return {Path(one["back-file"]).name: one["name"] for one in devices if str(lab.state) in one["back-file"]}


def test_a_host_sees_its_own_disks_only(lab):
    shown = lab.sh("controller-0", "ls /sys/block; ls /sys/class/block").stdout.split()
    assert set(shown) == OWN
    for file in ("partitions", "diskstats"):
        text = lab.sh("controller-0", f"cat /proc/{file}").stdout
        assert {line.split()[3 if file == "partitions" else 2] for line in text.splitlines()
                if line.strip() and "name" not in line} == OWN
    nodes = lab.sh("controller-0", "for node in $(find /dev); do [ ! -b $node ] || basename $node; done").stdout.split()
    assert set(nodes) == OWN
    names = [name for name in machine_disks() if name not in OWN]
    words = " -o ".join(f"-name {name}" for name in names)
    assert lab.sh("controller-0", f"find /sys {words}").stdout == ""
    listed = lab.sh("controller-0", "lsblk --noheadings --bytes --output NAME,SIZE").stdout.split()
    assert listed == ["sda", str(20 << 30), "sdb", str(10 << 30)]


def test_the_inventory_of_a_host_has_its_disks_and_no_others(lab):
    script = textwrap.dedent("""\
        from flock.exec.root import Root
        from sysinv.agent.collectors import disk
        for one in disk.collect(Root("/")):
            print(one.device_node, one.size_mib, one.device_path, one.serial_id)
    """)
    lines = lab.run("exec", "controller-0", "--", "/opt/flock/venv/bin/python", "-W", "ignore", "-c", script).stdout
    assert lines.splitlines() == [
        "/dev/sda 20480 /dev/disk/by-path/pci-0001:00:1f.2-ata-1 controller-0-0",
        "/dev/sdb 10240 /dev/disk/by-path/pci-0001:00:1f.2-ata-2 controller-0-1"]


def test_an_own_disk_keeps_what_is_written(lab):
    lab.sh("controller-0", "mkfs.ext4 -q /dev/sdb && mount /dev/sdb /mnt && echo kept > /mnt/file && umount /mnt")
    lab.run("power", "reset", "controller-0", "--wait")
    assert lab.sh("controller-0", "mount /dev/sdb /mnt && cat /mnt/file && umount /mnt").stdout == "kept\n"


ATTACK = textwrap.dedent("""\
    import os, stat, subprocess, sys
    numbers = [tuple(map(int, word.split(":"))) for word in sys.argv[1:]]
    opened = []
    # First whatever control groups can be reached from inside are told to allow everything.
    os.makedirs("/root/groups", exist_ok=True)
    if not subprocess.run(["mount", "-t", "cgroup", "-o", "devices", "none", "/root/groups"]).returncode:
        for group, _, _ in os.walk("/root/groups"):
            for file, text in (("devices.allow", "a"), ("cgroup.procs", str(os.getpid()))):
                try:
                    with open(f"{group}/{file}", "w") as stream:
                        stream.write(text)
                except OSError:
                    pass
        subprocess.run(["umount", "/root/groups"], check=True)
    if not subprocess.run(["mount", "-t", "cgroup2", "none", "/root/groups"]).returncode:
        for file in ("/root/groups/cgroup.procs", "/root/groups/../cgroup.procs"):
            try:
                with open(file, "w") as stream:
                    stream.write(str(os.getpid()))
            except OSError:
                pass
        subprocess.run(["umount", "/root/groups"], check=True)
    def attempt(path):
        for flags in (os.O_RDONLY, os.O_WRONLY | os.O_NONBLOCK):
            try:
                os.close(os.open(path, flags))
                opened.append(path)
            except PermissionError:
                pass
    for major, minor in numbers:
        path = f"/root/node-{major}-{minor}"
        try:
            os.mknod(path, stat.S_IFBLK | 0o600, os.makedev(major, minor))
            attempt(path)
            os.unlink(path)
        except PermissionError:
            pass
    os.makedirs("/root/devtmpfs", exist_ok=True)
    subprocess.run(["mount", "-t", "devtmpfs", "none", "/root/devtmpfs"], check=True)
    for folder, _, names in os.walk("/root/devtmpfs"):
        for name in names:
            path = os.path.join(folder, name)
            node = os.lstat(path)
            if stat.S_ISBLK(node.st_mode) and (os.major(node.st_rdev), os.minor(node.st_rdev)) in numbers:
                attempt(path)
            elif name in ("mem", "kmsg", "loop-control", "kvm"):
                attempt(path)
    subprocess.run(["umount", "/root/devtmpfs"], check=True)
    print("tried", len(numbers), "opened", opened)
""")


@pytest.mark.parametrize("way", ["a command sent into the host", "a service of the host"])
def test_root_inside_opens_no_device_of_the_machine(lab, way):
    own = {Path(name).name for name in attached(lab).values()}
    numbers = sorted({number for name, number in machine_disks().items() if name not in own})
    assert numbers, "this machine has no disk: the test would prove nothing"
    if way.startswith("a command"):
        said = lab.run("exec", "controller-0", "--", "python3", "-c", ATTACK, *numbers).stdout
    else:  # as a daemon of the host would: below its own systemd, in the host's own control groups
        lab.run("exec", "controller-0", "--", "tee", "/root/attack.py", input=ATTACK)
        said = lab.run("exec", "controller-0", "--", "systemd-run", "--quiet", "--wait", "--pipe", "python3",
                       "/root/attack.py", *numbers).stdout
    assert said.splitlines()[-1] == f"tried {len(numbers)} opened []"


def test_both_ways_of_the_kernel_deny(lab):
    """Version 1 and version 2 of control groups, each alone: null may be opened, the machine's disk may not."""
    trees = Cgroups.of_machine(f"{PREFIX}x").hierarchies
    tried = 0
    for tree in trees:
        if "devices" not in tree.controllers and not tree.unified:
            continue
        tried += 1
        groups = Cgroups(f"{PREFIX}x", (tree,))
        files = groups.create_confined("probe", HARMLESS)
        script = textwrap.dedent(f"""\
            import os
            for file in {files!r}:
                open(file, "w").write(str(os.getpid()))
            os.close(os.open("/dev/null", os.O_RDWR))
            os.mknod("{lab.state}/null", 0o020600, os.makedev(1, 3))
            for path in ("/dev/kmsg", "/dev/loop-control", "/dev/mem"):
                try:
                    os.open(path, os.O_RDONLY)
                    print("opened", path)
                except (PermissionError, FileNotFoundError):
                    pass
            try:
                os.mknod("{lab.state}/disk", 0o060600, os.makedev(8, 0))
                print("made a disk's node")
            except PermissionError:
                print("denied")
        """)
        try:
            done = subprocess.run(["python3", "-c", script], capture_output=True, text=True, check=False)
            assert (done.returncode, done.stdout) == (0, "denied\n"), (tree, done.stdout, done.stderr)
        finally:
            (lab.state / "null").unlink(missing_ok=True)
            (lab.state / "disk").unlink(missing_ok=True)
            groups.kill("probe")
            groups.remove("probe")
            groups.remove("")
    assert tried


def test_disks_of_chosen_sizes_go_with_their_host(lab):
    lab.run("add", "worker-5", "--disks", "30,5,7")
    assert lab.host("worker-5")["disks_gib"] == [30, 5, 7]
    refused = lab.run("add", "worker-6", "--disks", "0", check=False)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "sizes in GiB" in refused.stderr
    lab.run("remove", "worker-5")
    assert not (lab.state / "hosts/worker-5").exists()


def test_a_lab_whose_daemon_was_killed_leaves_no_loop_device(lab):
    assert set(attached(lab)) == {"a.img", "b.img"}
    os.kill(int((lab.state / "labd.pid").read_text().split()[0]), signal.SIGKILL)
    lab.run("down")
    assert attached(lab) == {}
    assert lab.run("down").returncode == 0

# SPDX-License-Identifier: Apache-2.0
"""The parts between decisions and kernel that need no root: parsing, argument lists, files, records, sockets."""
import asyncio
import errno
import io
import json
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from devstack.virtualcloud import (
    cgroups,
    container,
    firmware,
    hardware,
    image,
    ipmi,
    probe,
    process,
    publisher,
    recipe,
    sweep,
)
from devstack.virtualcloud.boot import Override, Stage
from devstack.virtualcloud.control import Control
from devstack.virtualcloud.disk import Disk
from devstack.virtualcloud.disks import OwnDisk
from devstack.virtualcloud.errors import LabError, NotAvailable
from devstack.virtualcloud.hoststate import HostState
from devstack.virtualcloud.record import HostRecord, LabRecord, Running, Store
from devstack.virtualcloud.site import Site
from devstack.virtualcloud.status import status_text

V1 = """\
cgroup /sys/fs/cgroup/cpuacct cgroup rw,relatime,cpuacct 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0
cgroup /sys/fs/cgroup/freezer cgroup rw,relatime,freezer 0 0
cgroup /sys/fs/cgroup/blkio cgroup rw,relatime,blkio 0 0
cgroup /sys/fs/cgroup/systemd cgroup rw,relatime,name=systemd 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0
proc /proc proc rw 0 0
"""


def test_control_group_trees_that_matter_are_found():
    found = {str(item.mount).rpartition("/")[2]: item for item in cgroups.parse_mounts(V1)}
    assert set(found) == {"cpuacct", "memory", "freezer", "systemd", "unified"}
    assert found["unified"].unified
    only_v2 = cgroups.parse_mounts("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n")
    assert [item.mount for item in only_v2] == [Path("/sys/fs/cgroup")]


def test_groups_are_made_and_removed_with_what_grew_below(tmp_path):
    trees = tuple(cgroups.Hierarchy(tmp_path / name, (name,), False) for name in ("freezer", "memory"))
    groups = cgroups.Cgroups("flk", trees)
    files = groups.create("worker-0")
    assert [Path(name).parent.is_dir() for name in files] == [True, True]
    (tmp_path / "freezer/flk/worker-0/payload/deep").mkdir(parents=True)
    assert groups.names() == {"worker-0"}
    groups.remove("worker-0")
    groups.remove("")
    assert list(tmp_path.glob("*/*")) == []


def test_members_are_read_from_all_levels(tmp_path):
    groups = cgroups.Cgroups("flk", (cgroups.Hierarchy(tmp_path, (), True),))
    for part, pids in (("", "1\n"), ("payload", "22\n33\n"), ("payload/init.scope", "44\n")):
        folder = tmp_path / "flk/h" / part
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cgroup.procs").write_text(pids)
    assert groups.pids("h") == {1, 22, 33, 44}


def test_a_group_that_goes_while_it_is_looked_at_is_left_out(tmp_path, monkeypatch):
    groups = cgroups.Cgroups("flk", (cgroups.Hierarchy(tmp_path, (), True),))
    for name, pid in (("stays", 7), ("goes", 8)):
        (tmp_path / "flk/worker-0" / name).mkdir(parents=True)
        (tmp_path / "flk/worker-0" / name / "cgroup.procs").write_text(f"{pid}\n")
    looked, scandir = [], os.scandir

    def gone(path):
        looked.append(str(path))
        if str(path).endswith("goes"):
            raise FileNotFoundError(str(path))
        return scandir(path)
    monkeypatch.setattr("os.scandir", gone)
    assert 7 in groups.pids("worker-0")
    assert any(path.endswith("goes") for path in looked)


def test_container_arguments():
    site = Site()
    shape = container.Shape("worker-0", Path("/d/root"), (("/opt/flock", "/opt/flock"), ("/h", "/opt/flock-hardware")),
                            Path("/view"), (OwnDisk(0, 20, "x", Path("/dev/loop7")),))
    argv = container.boot_argv(site, shape)
    assert argv[0] == "systemd-nspawn" and argv[-3:] == ["/opt/flock-hostinit", "/opt/flock-machine", "/sbin/init"]
    for wanted in ("--register=no", "--keep-unit", "--machine=flk-worker-0", "--hostname=worker-0",
                   "--network-namespace-path=/run/netns/flk-worker-0", "--capability=CAP_NET_ADMIN",
                   "--bind-ro=/opt/flock:/opt/flock", "--bind-ro=/h:/opt/flock-hardware",
                   "--bind-ro=/view:/opt/flock-machine",
                   "--bind=/dev/loop7:/dev/sda", "--drop-capability=CAP_MKNOD,CAP_SYS_MODULE,CAP_SYS_RAWIO"):
        assert wanted in argv
    installer = container.install_argv(site, shape, ["/x", "--cmdline", "a b; c"])
    assert installer[-6:] == [
        "--", "/opt/flock-hostinit", "/opt/flock-machine", "/x", "--cmdline", "a b; c"]
    assert "--as-pid2" in installer and "-b" not in installer


@pytest.mark.parametrize(("text", "address", "server"), [
    ("ip=169.254.202.11\nmask=24\nsiaddr=169.254.202.1\nserverid=9.9.9.9", "169.254.202.11/24", "169.254.202.1"),
    ("ip=169.254.202.11\nsubnet=255.255.255.0\nserverid=169.254.202.2", "169.254.202.11/24", "169.254.202.2"),
])
def test_leases(text, address, server):
    assert firmware.parse_lease(text) == firmware.Lease(address, server)


@pytest.mark.parametrize("text", ["", "ip=1.2.3.4", "ip=x\nsiaddr=1.2.3.4", "ip=1.2.3.4\nsiaddr=$(reboot)"])
def test_leases_that_cannot_be_used(text):
    with pytest.raises(LabError):
        firmware.parse_lease(text)


TARGETS = """\
http://security.example/debian-security bookworm-security bookworm-security main
http://mirror.example/debian bookworm bookworm contrib
http://mirror.example/debian bookworm-updates bookworm-updates main
http://mirror.example/debian stable bookworm main
"""


def test_the_machines_own_mirror_is_used():
    assert image.choose_mirror(TARGETS, "bookworm") == "http://mirror.example/debian"


@pytest.mark.parametrize(("targets", "text"), [
    ("", "apt-get update"), ("http://m/ubuntu noble noble main\n", "it has noble"),
    ("mirror+file:/etc/m bookworm bookworm main\n", "FLOCK_LAB_MIRROR"),
])
def test_a_machine_without_a_usable_mirror_is_told(targets, text):
    with pytest.raises(LabError, match=text):
        image.choose_mirror(targets, "bookworm")


def test_the_image_has_a_new_name_when_its_lists_change(monkeypatch):
    before = recipe.image_hash()
    assert before == recipe.image_hash()
    monkeypatch.setattr(recipe, "EXTRA_PACKAGES", (*recipe.EXTRA_PACKAGES, "hello"))
    assert recipe.image_hash() != before


def test_an_interrupted_build_is_cleaned_and_another_failure_leaves_nothing(tmp_path, monkeypatch):
    images = image.Images(tmp_path)
    (tmp_path / ".build-dead" / "root").mkdir(parents=True)

    def fail(_self, root, _progress):
        root.mkdir()
        raise LabError("no network")

    monkeypatch.setattr(image.Images, "_fill", fail)
    monkeypatch.setattr(image, "FREE_MIB_MIN", 0)
    with pytest.raises(LabError, match="no network"):
        images.build(lambda text: None)
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]
    assert not images.ready()


def test_a_full_disk_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(image, "FREE_MIB_MIN", 10**9)
    with pytest.raises(LabError, match="MiB free"):
        image.Images(tmp_path).build(lambda text: None)


def disk_and_image(tmp_path):
    lower = tmp_path / "image"
    disk = Disk(tmp_path / "host", lower)
    asyncio.run(disk.wipe())
    (lower / "etc").mkdir(parents=True)
    (lower / "etc").chmod(0o750)
    return disk, lower


def test_files_laid_on_a_disk_keep_the_images_folders(tmp_path):
    disk, _ = disk_and_image(tmp_path)
    disk.lay("/etc/flock/a/b", b"x", 0o600)
    laid = disk.path / "upper/etc/flock/a/b"
    assert laid.read_bytes() == b"x"
    assert laid.stat().st_mode & 0o777 == 0o600
    assert (disk.path / "upper/etc").stat().st_mode & 0o777 == 0o750
    asyncio.run(disk.wipe())
    assert not laid.exists()


@pytest.mark.parametrize("target", ["relative", "/", "/a/../../etc/passwd", "/link/x"])
def test_files_never_leave_the_disk(tmp_path, target):
    disk, lower = disk_and_image(tmp_path)
    (lower / "link").symlink_to("/etc")
    with pytest.raises(LabError):
        disk.lay(target, b"x")


def archive(path, members):
    with tarfile.open(path, "w:gz") as stream:
        for name, content, target in members:
            info = tarfile.TarInfo(name)
            if target:
                info.type, info.linkname = tarfile.SYMTYPE, target
            info.size = len(content)
            stream.addfile(info, io.BytesIO(content))


def test_recorded_machines_are_unpacked(tmp_path):
    archive(tmp_path / "box.tar.gz", [("box/proc/cpuinfo", b"cpu", ""), ("box/sys/a", b"", "../proc/cpuinfo")])
    assert list(hardware.archives([tmp_path, tmp_path / "absent"])) == ["box"]
    root = hardware.unpack(hardware.archive([tmp_path], "box"), tmp_path / "out")
    assert (root / "proc/cpuinfo").read_bytes() == b"cpu"
    assert (root / "sys/a").read_bytes() == b"cpu"
    with pytest.raises(NotAvailable, match="there are: box"):
        hardware.archive([tmp_path], "other")
    assert hardware.archive([], str(tmp_path / "box.tar.gz")) == tmp_path / "box.tar.gz"
    with pytest.raises(NotAvailable, match="no archive"):
        hardware.archive([], str(tmp_path / "absent.tar.gz"))


@pytest.mark.parametrize("members", [
    [("../evil", b"x", "")],
    [("proc/out", b"", "/var/tmp"), ("proc/out/evil", b"x", "")],
])
def test_archives_that_point_outside_are_refused(tmp_path, members):
    archive(tmp_path / "bad.tar.gz", members)
    with pytest.raises(LabError, match="points outside"):
        hardware.unpack(tmp_path / "bad.tar.gz", tmp_path / "out")
    assert not (tmp_path / "evil").exists()


def test_records_come_back_as_they_were(tmp_path):
    store = Store(tmp_path)
    host = HostRecord("worker-0", 2, "worker", hardware="x", bmc=("redfish", "ipmi"), power=True, stage=Stage.UP,
                      override=Override("pxe", False), sensors={"fan_1": 1.5}, cut=["mgmt"], loss={"oam": 3},
                      running=Running(7, 8, "system"))
    store.save_host(host)
    store.save_lab(LabRecord("standard", True, published={15000: 5000}))
    assert store.load_hosts() == [host]
    assert store.load_lab() == LabRecord("standard", True, published={15000: 5000})
    assert os.stat(tmp_path / "lab.json").st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["{", '{"name": 1}', '{"name": "a", "index": 1, "stage": "dancing"}'])
def test_damaged_records_say_what_to_do(tmp_path, text):
    path = tmp_path / "hosts/a/host.json"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(LabError, match="unstack.sh"):
        Store(tmp_path).load_hosts()


def test_waiting_for_a_stage(tmp_path):
    async def go():
        store = Store(tmp_path)
        record = HostRecord("a", 1, "worker")
        store.save_host(record)
        state = HostState(store, record)
        waiting = asyncio.create_task(state.wait_for({Stage.UP}, 5))
        await asyncio.sleep(0)
        state.say(Stage.BOOTING, "")
        state.set(stage=Stage.UP)
        assert await waiting is Stage.UP
        assert "booting" in state.console.read_text()
        with pytest.raises(LabError, match="a is up, not off, after 0.01 s"):
            await state.wait_for({Stage.OFF}, 0.01)

    asyncio.run(go())


def test_processes_are_known_by_id_and_start_time():
    with subprocess.Popen(["sleep", "60"]) as child:
        ticks = process.start_ticks(child.pid)
        assert process.is_alive(child.pid, ticks)
        assert not process.is_alive(child.pid, ticks + 1)
        assert child.pid in process.children(os.getpid())
        assert process.end_process(child.pid, ticks)
        assert process.start_ticks(child.pid) is None


def test_programs_are_bounded_and_their_errors_short():
    async def go():
        with pytest.raises(LabError, match="took longer than 0.05 s"):
            await process.run(["sleep", "60"], timeout_s=0.05)
        with pytest.raises(LabError, match="cannot run /no/such"):
            await process.run(["/no/such"])
        with pytest.raises(LabError, match=r"sh -c .* failed \(3\): oops"):
            await process.run(["sh", "-c", "echo oops >&2; exit 3"])
        return await process.run(["cat"], text="through")

    assert asyncio.run(go()).out == "through"


def test_a_taken_port_is_one_sentence():
    with publisher.listen_here(0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LabError, match=f"port {port} of 127.0.0.1 is taken by another program"):
            publisher.listen_here(port)


@pytest.mark.parametrize(("system", "user", "text"), [("Darwin", 0, "Linux"), ("Linux", 1000, "root")])
def test_privileges(system, user, text):
    with pytest.raises(LabError, match=text):
        probe.check_privilege(system, user)


def test_sites():
    with pytest.raises(NotAvailable, match="state folder"):
        Site(Path("/" + "x" * 80)).checked()
    with pytest.raises(NotAvailable, match="prefix"):
        Site(prefix="Bad-").checked()


def test_ipmi_files_name_every_sensor(tmp_path):
    paths = ipmi.Paths(tmp_path)
    emulation, records = ipmi.emulation_text(paths), ipmi.sdr_text("worker-0")
    for sensor in ipmi.CATALOGUE:
        assert f'"{paths.sensor(sensor.name)}"' in emulation
        assert f'id_string "{sensor.name}"' in records
    assert 'addr 10.10.20.102 623' in ipmi.lan_text(2, "worker-0", "pw", "hook")


@pytest.mark.parametrize("line", [b"", b"[]\n", b"{}\n", b'{"op": "explode"}\n', b"nonsense\n", b'{"op": ["a"]}\n'])
def test_control_answers_nonsense_with_an_error(line):
    control = Control(None, lambda: None)
    answer = asyncio.run(control.answer(line, lambda text: None))
    assert set(answer) == {"error"}
    json.dumps(answer)


def test_status_is_readable():
    empty = {"up": False, "kind": "", "hosts": [], "networks": [], "published": {}, "missing_features": []}
    assert "lab up" in status_text(empty)
    host = {"name": "worker-0", "stage": "waiting", "power": True, "detail": "told to wait", "memory_mib": 44,
            "addresses": {"mgmt0": ["1.2.3.4"]}, "cut": ["oam"], "loss": {"mgmt": 5}, "sensors": {"fan_1": 0.0},
            "bmc": {"address": "10.10.20.102"}}
    text = status_text({**empty, "kind": "standard", "hosts": [host], "networks": [{"name": "mgmt"}],
                        "published": {"5000": "10.10.10.1:5000"}, "missing_features": ["netem"]})
    for wanted in ("waiting", "44", "mgmt0=1.2.3.4", "cut oam, mgmt loses 5%, fan_1=0", "told to wait",
                   "127.0.0.1:5000", "not in this kernel: netem"):
        assert wanted in text


def test_a_control_group_that_is_busy_for_a_moment_is_waited_for(tmp_path, monkeypatch):
    group = tmp_path / "flk" / "worker-9"
    group.mkdir(parents=True)
    refusals, remove = [errno.EBUSY, errno.EBUSY], Path.rmdir

    def rmdir(path):
        if refusals:
            raise OSError(refusals.pop(), "busy")
        remove(path)
    monkeypatch.setattr(Path, "rmdir", rmdir)
    found = cgroups.Cgroups("flk", (cgroups.Hierarchy(tmp_path, ("memory",), False),))
    found.remove("worker-9")
    assert not group.exists()
    group.mkdir()
    refusals.append(errno.EPERM)
    with pytest.raises(OSError, match="busy"):
        found.remove("worker-9")


def test_the_sweep_leaves_what_belongs_to_a_lab_with_another_folder_of_that_name(tmp_path):
    """Labs in mount namespaces of their own: an unstack.sh killed the hosts of all of them."""
    lab, host = Site(state_dir=tmp_path), str(tmp_path / "hosts/worker-0/exit")
    other = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
             f"mount -t tmpfs none {tmp_path} && echo ready; read x", "sh", host]
    kinds = {}
    for name, argv in (("own", ["sh", "-c", "echo ready; read x", "sh", host]), ("other", other)):
        kinds[name] = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        if [program.stdout.readline() for program in kinds.values()] != ["ready\n"] * 2:
            pytest.skip("this machine gives no mount namespaces")
        assert sweep.lab_processes(lab) & {program.pid for program in kinds.values()} == {kinds["own"].pid}
    finally:
        for program in kinds.values():
            program.communicate("\n")

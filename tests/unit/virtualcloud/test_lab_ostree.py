# SPDX-License-Identifier: Apache-2.0
"""The boot of a disk with OSTree: which entry, which file tree, and where a host's files are on the disk."""
import asyncio
from pathlib import Path, PurePosixPath

import pytest

from devstack.virtualcloud import bootloader, container
from devstack.virtualcloud.disk import Disk
from devstack.virtualcloud.errors import LabError
from devstack.virtualcloud.site import Site

OLD, NEW = "a" * 64 + ".0", "b" * 64 + ".0"


def entry(version, tree="/ostree/boot.0/flock/c/0"):
    return f"title x (ostree:0)\nversion {version}\noptions root=/dev/sda ostree={tree} quiet\nlinux /vmlinuz\n"


@pytest.mark.parametrize(("text", "expected"), [
    (entry(2), bootloader.Entry(2, "/ostree/boot.0/flock/c/0")),
    (f"# {entry(1)}", bootloader.Entry(1, "/ostree/boot.0/flock/c/0")),
    ("title Windows\nversion 7\n", None), ("version 1\noptions ostree=/etc\n", None), (entry("x"), None), ("", None),
])
def test_entries_are_read_as_a_boot_loader_does(text, expected):
    assert bootloader.parse(text) == expected


def test_the_highest_version_boots():
    entries = [bootloader.Entry(number, str(number)) for number in (9, 10, 2)]
    assert bootloader.newest(entries).tree == "10"
    with pytest.raises(bootloader.NotBootable, match="no entry"):
        bootloader.newest([])


def deployed(folder: Path, boot: int, *deployments: str) -> Path:
    """A disk as ``ostree admin deploy`` leaves it; the first deployment boots."""
    (folder / "ostree/repo").mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(deployments):
        link = folder / f"ostree/boot.{boot}.1/flock/{name[0]}/0"
        (folder / "ostree/deploy/flock/deploy" / name / "etc").mkdir(parents=True, exist_ok=True)
        link.parent.mkdir(parents=True)
        link.symlink_to(f"../../../deploy/flock/deploy/{name}")
        file = folder / f"boot/loader.{boot}/entries/ostree-{number}.conf"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(entry(len(deployments) - number, f"/ostree/boot.{boot}/flock/{name[0]}/0"))
    (folder / f"ostree/boot.{boot}").symlink_to(f"boot.{boot}.1")
    (folder / "boot/loader").symlink_to(f"loader.{boot}")
    return folder


def test_the_newest_deployment_boots_and_after_a_rollback_the_old_one(tmp_path):
    lower, upper = deployed(tmp_path / "lower", 0, OLD), tmp_path / "upper"
    assert bootloader.booted_tree([lower]) == PurePosixPath("ostree/deploy/flock/deploy", OLD)
    deployed(upper, 1, NEW, OLD)
    assert bootloader.booted_tree([upper, lower]).name == NEW
    (upper / "boot/loader").unlink()
    (upper / "ostree/deploy/flock/deploy" / OLD).joinpath("kept").touch()
    deployed(upper, 0, OLD, NEW)
    assert bootloader.booted_tree([upper, lower]).name == OLD


@pytest.mark.parametrize("harm", ["boot/loader", "ostree/boot.0"])
def test_a_disk_without_its_links_is_one_sentence(tmp_path, harm):
    disk = deployed(tmp_path, 0, OLD)
    (disk / harm).unlink()
    with pytest.raises(bootloader.NotBootable, match=f"{harm} is missing"):
        bootloader.booted_tree([disk])
    with pytest.raises(SystemExit, match="boot loader: "):
        bootloader.main(str(disk), "/bin/true")


def test_links_that_lead_round_or_out_of_the_disk_end(tmp_path):
    (tmp_path / "round").symlink_to("round")
    (tmp_path / "out").symlink_to("../../../../etc/passwd")
    with pytest.raises(bootloader.NotBootable, match="too many"):
        bootloader.resolve([tmp_path], "round")
    with pytest.raises(bootloader.NotBootable, match="etc is missing"):
        bootloader.resolve([tmp_path], "out")


def test_the_container_has_the_file_tree_and_the_shared_state():
    shape = container.Shape("worker-0", Path("/d/root"), (), Path("/view"), (), ostree=True)
    argv = container.boot_argv(Site(), shape)
    start = argv.index("systemd-nspawn")
    assert argv[1:start] == ["-P", str(container.BOOT_LOADER), "/d/root"] and "-D" not in argv
    tree = PurePosixPath("ostree/deploy/flock/deploy", OLD)
    made = bootloader.container_argv(Path("/d/root"), tree, argv[start:])
    assert made[:7] == [
        "systemd-nspawn", "-D", f"/d/root/{tree}", "--bind=/d/root:/sysroot:norbind", "--bind=/d/root/boot:/boot",
        "--bind=/d/root/ostree/deploy/flock/var:/var", f"--bind-ro=/d/root/{tree}/usr:/usr"]
    assert made[-3:] == ["/opt/flock-hostinit", "/opt/flock-machine", "/sbin/init"]


def test_files_are_laid_where_the_host_will_see_them(tmp_path):
    disk = Disk(tmp_path / "host", deployed(tmp_path / "image", 0, OLD))
    asyncio.run(disk.wipe())
    disk.lay("/etc/hostname", b"worker-0\n")
    disk.lay("/var/lib/x", b"y")
    upper = disk.path / "upper/ostree/deploy/flock"
    assert (upper / "deploy" / OLD / "etc/hostname").read_bytes() == b"worker-0\n"
    assert (upper / "var/lib/x").read_bytes() == b"y"
    (disk.lower / "boot/loader").unlink()
    with pytest.raises(LabError, match="boot/loader is missing"):
        disk.lay("/etc/hosts", b"")

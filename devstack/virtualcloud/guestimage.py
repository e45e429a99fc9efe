# SPDX-License-Identifier: Apache-2.0
"""The base image for a virtual machine: Debian's own kernel, a RAM disk that mounts the root, the root as an ext4 file.

Nothing of it is started or installed on this machine. ``python3 -m devstack.virtualcloud.guestimage`` makes it once for
each list of packages; ``tests/scenarios`` boots it under QEMU.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from devstack.virtualcloud import process, recipe
from devstack.virtualcloud.errors import LabError
from devstack.virtualcloud.image import Images
from devstack.virtualcloud.site import CODE_DIR, Site

LAYOUT = 1  # raise it when make() builds differently from the same lists
STEP_S = 900.0
ROOT_MIB = 4096
PACKAGES = ("lvm2",)
# Unpacked, not installed: the post-install programs of a kernel build a RAM disk and look for a boot loader.
UNPACKED = ("linux-image-amd64", "busybox-static")
# What mounts the root file system; udev loads everything else.
BOOT_MODULES = ("virtio_pci", "virtio_blk", "crc32c_generic", "ext4")
INIT = """#!/bin/busybox sh
/bin/busybox mount -t devtmpfs devtmpfs /dev
while read -r module; do /bin/busybox insmod "$module"; done < /modules
tries=0
until [ -b /dev/vda ] || [ $tries -ge 100 ]; do /bin/busybox usleep 100000; tries=$((tries + 1)); done
/bin/busybox mount -t ext4 /dev/vda /sysroot || exec /bin/busybox sh
exec /bin/busybox switch_root /sysroot /sbin/init
"""
# A second disk with this label brings the code under test and the program that carries out commands.
FILES: dict[str, str] = {
    "/etc/fstab": "LABEL=checkout /opt/flock/checkout ext4 ro,nofail 0 0\n",
    "/etc/hostname": "machine\n",
    "/etc/systemd/system/commands.service": (
        "[Unit]\nRequiresMountsFor=/opt/flock/checkout\n[Service]\n"
        "ExecStart=/usr/bin/python3 -I /opt/flock/checkout/commands.py\nRestart=always\nRestartSec=1\n"
        "[Install]\nWantedBy=multi-user.target\n"
    ),
    # The first network interface reaches what runs on the loopback of the machine that runs QEMU.
    "/etc/systemd/network/10-flock-mgmt.network": (
        "[Match]\nMACAddress=52:54:00:00:00:01\n[Network]\nAddress=10.0.2.15/24\nLinkLocalAddressing=no\n"
    ),
}


@dataclass(frozen=True, slots=True)
class GuestImage:
    """The files that QEMU boots."""

    folder: Path

    @property
    def kernel(self) -> Path:
        """The kernel."""
        return self.folder / "vmlinuz"

    @property
    def ramdisk(self) -> Path:
        """The initial RAM disk."""
        return self.folder / "initrd"

    @property
    def root(self) -> Path:
        """The root file system; a virtual machine writes to a snapshot of it."""
        return self.folder / "root.ext4"

    def ready(self) -> bool:
        """Whether the image is made."""
        return self.root.is_file()


def guest_image(site: Site | None = None) -> GuestImage:
    """Return where the image of the present lists is, made or not."""
    site = site or Site()
    fingerprint = site.code_dir / "venv/.fingerprint"
    parts = [LAYOUT, recipe.image_hash(), PACKAGES, UNPACKED, BOOT_MODULES, INIT, sorted(FILES.items()),
             fingerprint.read_text(encoding="utf-8") if fingerprint.is_file() else ""]  # fmt: skip
    return GuestImage(site.image_dir / f"guest-{hashlib.sha256(repr(parts).encode()).hexdigest()[:12]}")


def make(site: Site, progress: Callable[[str], None]) -> GuestImage:
    """Make the image unless it exists; LabError. An interrupted run leaves nothing that counts."""
    made = guest_image(site)
    if made.ready():
        return made
    images = Images(site.image_dir)
    images.build(progress)
    work = site.image_dir / f".build-{made.folder.name}"
    shutil.rmtree(work, ignore_errors=True)
    (work / "out").mkdir(parents=True)
    try:
        progress("virtual machine: copying the base image")
        tree = work / "tree"
        _run("cp", "-a", "--reflink=auto", str(images.root), str(tree))
        images.install(tree, PACKAGES, progress)
        release = _lay_kernel(work, tree, progress)
        _lay_files(tree, site.code_dir)
        _lay_ramdisk(work, tree, release)
        progress("virtual machine: its file system")
        made_of = ("-q", "-F", "-E", "lazy_itable_init=1,nodiscard", "-d", str(tree))
        _run("mkfs.ext4", *made_of, str(work / "out/root.ext4"), f"{ROOT_MIB}M")
        shutil.rmtree(made.folder, ignore_errors=True)
        (work / "out").rename(made.folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    for old in site.image_dir.glob("guest-*"):
        if old != made.folder:
            shutil.rmtree(old)
    return made


def kernel_package(shown: str) -> str:
    """Return the package with the kernel that ``apt-cache show linux-image-amd64`` names; LabError."""
    found = re.search(r"^Depends: .*?(linux-image-\d[^\s,]*)", shown, re.MULTILINE)
    if found is None:
        raise LabError("apt names no kernel for linux-image-amd64; run apt-get update")
    return found[1]


def load_order(shown: str) -> list[str]:
    """Return the files of ``modprobe --show-depends`` in their order, each once."""
    return list(dict.fromkeys(line.split()[1] for line in shown.splitlines() if line.startswith("insmod ")))


def _lay_kernel(work: Path, tree: Path, progress: Callable[[str], None]) -> str:
    """Unpack the kernel; its modules into the tree, whose /lib is a link. Returns its release."""
    progress("virtual machine: Debian's kernel")
    packages = work / "packages"
    packages.mkdir()
    kernel = kernel_package(process.run_now(["apt-cache", "show", "--no-all-versions", UNPACKED[0]]).out)
    script = 'cd "$1" && shift && exec apt-get -q -o APT::Sandbox::User=root download "$@"'
    _run("sh", "-c", script, "sh", str(packages), kernel, *UNPACKED[1:])
    for package in packages.glob("*.deb"):
        _run("dpkg-deb", "--extract", str(package), str(work / "unpacked"))
    boot = next((work / "unpacked/boot").glob("vmlinuz-*"))
    shutil.copyfile(boot, work / "out/vmlinuz")
    release = boot.name.removeprefix("vmlinuz-")
    (tree / "usr/lib/modules").mkdir(exist_ok=True)
    _run("cp", "-a", str(work / "unpacked/lib/modules" / release), str(tree / "usr/lib/modules"))
    _run("chroot", str(tree), "depmod", release)
    return release


def _lay_files(tree: Path, code_dir: Path) -> None:
    """Add the virtual environment, at the path where it lies here, and the files of a virtual machine."""
    for folder in (tree / "opt/flock/checkout", tree / str(code_dir).lstrip("/")):
        folder.mkdir(parents=True, exist_ok=True)
    _run("cp", "-a", str(code_dir / "venv"), str(tree / str(code_dir).lstrip("/")))
    for name, content in FILES.items():
        path = tree / name.lstrip("/")
        path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    preset = tree / "etc/systemd/system-preset/00-lab.preset"
    preset.write_text(f"enable commands.service\n{preset.read_text(encoding='utf-8')}", encoding="utf-8")
    process.run_now(["systemctl", f"--root={tree}", "--quiet", "enable", "commands.service"], timeout_s=STEP_S)


def _lay_ramdisk(work: Path, tree: Path, release: str) -> None:
    ram = work / "ram"
    for name in ("bin", "dev", "sysroot"):
        (ram / name).mkdir(parents=True)
    shutil.copy2(work / "unpacked/bin/busybox", ram / "bin/busybox")
    (ram / "init").write_text(INIT, encoding="ascii")
    (ram / "init").chmod(0o755)
    shown = "".join(process.run_now(["chroot", str(tree), "modprobe", "-S", release, "--show-depends", name]).out
                    for name in BOOT_MODULES)  # fmt: skip
    files = load_order(shown)
    for file in files:
        target = ram / file.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(tree / file.lstrip("/"), target)
    (ram / "modules").write_text("".join(f"{file}\n" for file in files), encoding="ascii")
    script = 'cd "$1" && find . | ./bin/busybox cpio -o -H newc > "$2"'
    _run("sh", "-c", script, "sh", str(ram), str(work / "out/initrd"))


def _run(*argv: str) -> None:
    process.run_now(list(argv), timeout_s=STEP_S)


def main(argv: Sequence[str] | None = None) -> int:
    """Make the image and print where it is; ``FLOCK_HOME`` is where the product is installed."""
    del argv
    try:
        made = make(Site(code_dir=Path(os.environ.get("FLOCK_HOME", CODE_DIR))), lambda text: print(text, flush=True))
    except (LabError, OSError) as error:
        sys.stderr.write(f"The image for virtual machines was not made: {error}\n")
        return 1
    print(made.folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())

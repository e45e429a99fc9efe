# SPDX-License-Identifier: Apache-2.0
"""The base image as a disk with OSTree: one commit, deployed, and /var beside it. Made once per image, when needed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from devstack.virtualcloud import process

LAYOUT = 1  # raise it when make() lays out the disk differently
SYSTEM = "flock"
BRANCH = "lab/base"
STEP_S = 900.0
# OSTree makes the top folder of a deployment immutable, so that all mount points must be there.
FOLDERS = ("boot", "dev", "opt", "proc", "run", "sys", "tmp", "var", "sysroot", "usr/lib/modules/lab")
LINKS = {
    "ostree": "sysroot/ostree", "root": "var/roothome", "home": "var/home", "srv": "var/srv", "mnt": "var/mnt",
    "media": "run/media", "opt/platform": "../var/opt/platform",
}  # fmt: skip
STATE_FOLDERS = ("home", "srv", "mnt", "opt/platform")


def disk_of(root: Path) -> Path:
    """Return where the disk with OSTree of the image with this root file system is, made or not."""
    return root.with_name(f"ostree-{LAYOUT}")


def make(root: Path, step: Callable[[str], None]) -> None:
    """Make the disk from the image's root file system; an interrupted run leaves nothing that counts."""
    work = root.with_name(".ostree")
    _remove(work)
    work.mkdir()
    try:
        tree, disk = work / "tree", work / "disk"
        step("a file tree for OSTree")
        _lay_tree(root, tree)
        step("commit and deployment of OSTree")
        _deploy(tree, disk)
        _lay_state(root, disk / f"ostree/deploy/{SYSTEM}/var")
        disk.rename(disk_of(root))
    finally:
        _remove(work)


def _remove(work: Path) -> None:
    """Remove what a run has left; an interrupted one may have left an immutable deployment."""
    _thaw(work / "disk")
    if work.exists():
        shutil.rmtree(work)


def _thaw(disk: Path) -> None:
    for path in disk.glob("ostree/deploy/*/deploy/*"):
        if path.is_dir():
            _run("chattr", "-i", str(path))


def _lay_tree(root: Path, tree: Path) -> None:
    _folder(tree)
    _run("cp", "-al", str(root / "usr"), str(tree / "usr"))
    _run("cp", "-a", str(root / "etc"), str(tree / "usr/etc"))
    for name in ("bin", "lib", "lib32", "lib64", "libx32", "sbin"):
        if (root / name).is_symlink():
            (tree / name).symlink_to((root / name).readlink())
    for name in FOLDERS:
        _folder(tree / name)
    (tree / "tmp").chmod(0o1777)
    for name, target in LINKS.items():
        (tree / name).symlink_to(target)
    (tree / "usr/lib/modules/lab/vmlinuz").write_text("The lab's hosts run on the machine's kernel.\n")
    # OSTree sets all times to 0, so bytecode must not depend on them. The files are replaced: the image keeps its own.
    libraries = [str(path) for path in (tree / "usr/lib/python3.11", tree / "usr/lib/python3") if path.is_dir()]
    argv = ["/usr/bin/python3", "-I", "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash"]
    process.run_now([*argv, "-s", str(tree), "-p", "/", *libraries], timeout_s=STEP_S, check=False)


def _deploy(tree: Path, disk: Path) -> None:
    _folder(disk)
    repository = f"--repo={disk / 'ostree/repo'}"
    _run("ostree", "admin", "init-fs", str(disk))
    # A host's disk is a folder: losing it with the machine's power does no harm.
    _run("ostree", repository, "config", "set", "core.fsync", "false")
    _run("ostree", repository, "config", "set", "sysroot.bootloader", "none")
    _run("ostree", "admin", "os-init", f"--sysroot={disk}", SYSTEM)
    _run("ostree", repository, "commit", f"--branch={BRANCH}", "--subject=base image of the lab", str(tree))
    _run("ostree", "admin", "deploy", f"--sysroot={disk}", f"--os={SYSTEM}", BRANCH)
    _thaw(disk)  # so that the image can be removed


def _lay_state(root: Path, state: Path) -> None:
    _run("cp", "-a", f"{root / 'var'}/.", str(state))
    _run("cp", "-a", str(root / "root"), str(state / "roothome"))
    for name in STATE_FOLDERS:
        _folder(state / name)


def _folder(path: Path) -> None:
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o755)  # whatever the umask is


def _run(*argv: str) -> None:
    process.run_now(list(argv), timeout_s=STEP_S)

# SPDX-License-Identifier: Apache-2.0
"""Removes all of a lab: ends its processes, removes its namespaces, groups, mounts and files, and verifies the result.

Works without the daemon and after an interrupted run; may be repeated.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

from devstack.virtualcloud import process
from devstack.virtualcloud.cgroups import Cgroups
from devstack.virtualcloud.client import daemon_process
from devstack.virtualcloud.disks import detach_below, loops
from devstack.virtualcloud.errors import LabError
from devstack.virtualcloud.site import Site

NETNS_DIR = Path("/run/netns")
NSPAWN_DIR = Path("/run/systemd/nspawn")
KEPT = frozenset({"image", "stack.lock", "labd.log"})
LAB_PROGRAMS = frozenset({"sh", "unshare", "nsenter", "systemd-nspawn", "ipmi_sim", "hostrun.sh"})


def sweep(site: Site, purge: bool = False) -> list[str]:
    """Remove a lab; returns what could not be removed (empty: nothing is left)."""
    daemon = daemon_process(site)
    if daemon is not None:
        process.end_process(*daemon, grace_s=10.0)
    cgroups = Cgroups.of_machine(site.prefix)
    for name in cgroups.names():
        cgroups.kill(name)
        cgroups.remove(name)
    cgroups.remove("")
    process.signal_all(lab_processes(site), signal.SIGKILL)
    _remove_namespaces(site)
    _remove_nspawn_traces(site)
    for mount in sorted(_mounts_below(site.state_dir), reverse=True):
        process.run_now(["umount", "--lazy", mount], check=False)
    if site.state_dir.is_dir():
        detach_below(site.state_dir)
    _remove_files(site, purge)
    return leftovers(site, purge)


def leftovers(site: Site, purge: bool = False) -> list[str]:
    """Return texts of what remains of a lab; image and log do not count unless purged."""
    found = [f"process {pid}" for pid in sorted(lab_processes(site))]
    if daemon_process(site) is not None:
        found.append("the daemon")
    found += [f"namespace {path.name}" for path in _namespaces(site)]
    found += [f"control group {site.prefix}/{name}" for name in Cgroups.of_machine(site.prefix).names()]
    found += [f"mount {mount}" for mount in _mounts_below(site.state_dir)]
    if site.state_dir.is_dir():
        found += [f"loop device {device}" for device in loops(site.state_dir).values()]
        kept = frozenset() if purge else KEPT
        found += [f"file {path}" for path in site.state_dir.iterdir() if path.name not in kept]
    return found


def lab_processes(site: Site) -> set[int]:
    """Return the processes in the lab's namespaces, and its helpers that use files of the state folder."""
    inodes = set()
    for path in _namespaces(site):
        try:
            inodes.add(path.stat().st_ino)
        except OSError:
            continue
    found = set()
    for pid in _pids():
        try:
            inside = os.stat(f"/proc/{pid}/ns/net").st_ino in inodes
            if inside or (_works_for(site, Path(f"/proc/{pid}/cmdline").read_bytes()) and _sees_state(site, pid)):
                found.add(pid)
        except OSError:
            continue
    return found - {os.getpid()}


def _works_for(site: Site, command_line: bytes) -> bool:
    arguments = command_line.decode(errors="replace").split("\0")
    program = arguments[0].rpartition("/")[2]
    base = f"{site.state_dir}/hosts/"
    return program in LAB_PROGRAMS and any(argument.startswith(base) for argument in arguments[1:])


def _sees_state(site: Site, pid: int, proc: Path = Path("/proc")) -> bool:
    """Whether the name of the state folder means the same folder to the process. Another lab may have another one
    there, in a mount namespace of its own."""
    try:
        seen, own = Path(f"{proc}/{pid}/root{site.state_dir}").stat(), site.state_dir.stat()
    except FileNotFoundError:
        return False
    return (seen.st_dev, seen.st_ino) == (own.st_dev, own.st_ino)


def _pids() -> Iterator[int]:
    for path in Path("/proc").glob("[0-9]*"):
        yield int(path.name)


def _namespaces(site: Site) -> list[Path]:
    return sorted(NETNS_DIR.glob(f"{site.prefix}-*")) if NETNS_DIR.is_dir() else []


def _remove_namespaces(site: Site) -> None:
    for path in _namespaces(site):
        process.run_now(["ip", "netns", "del", path.name], check=False)
        path.unlink(missing_ok=True)  # an interrupted `ip netns add` leaves a plain file
    if NETNS_DIR.is_dir() and not any(NETNS_DIR.iterdir()):
        # iproute2 mounts the folder with the first namespace; the removal of the last one unmounts it
        process.run_now(["umount", "--lazy", str(NETNS_DIR)], check=False)
        try:
            NETNS_DIR.rmdir()
        except OSError:
            return


def _remove_nspawn_traces(site: Site) -> None:
    for kind in ("propagate", "unix-export"):
        for path in sorted((NSPAWN_DIR / kind).glob(f"{site.namespace('')}*")):
            process.run_now(["umount", "--lazy", str(path)], check=False)
            shutil.rmtree(path, ignore_errors=True)
    if not any(_is_nspawn(pid) for pid in _pids()):
        for path in (NSPAWN_DIR / "locks").glob("inode-*"):
            path.unlink(missing_ok=True)
    for path in (NSPAWN_DIR / "propagate", NSPAWN_DIR / "unix-export", NSPAWN_DIR / "locks", NSPAWN_DIR):
        try:
            path.rmdir()
        except OSError:
            continue


def _is_nspawn(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="ascii", errors="replace").strip() == "systemd-nspawn"
    except OSError:
        return False


def _mounts_below(folder: Path) -> list[str]:
    lines = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    mounts = (line.split()[1].encode().decode("unicode_escape") for line in lines)
    return [mount for mount in mounts if mount.startswith(f"{folder}/")]


def _remove_files(site: Site, purge: bool) -> None:
    if _mounts_below(site.state_dir):
        raise LabError(f"something is still mounted below {site.state_dir}; nothing was deleted there")
    if purge:
        for folder in (site.state_dir, site.code_dir):
            if folder.exists():
                shutil.rmtree(folder)
        return
    if site.state_dir.is_dir():
        for path in site.state_dir.iterdir():
            if path.name in KEPT:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()

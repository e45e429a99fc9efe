# SPDX-License-Identifier: Apache-2.0
"""The boot loader of a disk with OSTree: finds the newest boot entry and makes its file tree the container's root.

Runs in the host's mount namespace once its disk is mounted: bootloader.py DISK systemd-nspawn ARGUMENT...
It needs only the standard library, because it is executed as a file.
"""

from __future__ import annotations

import os
import posixpath
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

LINKS_MAX = 40
ENTRIES = "boot/loader/entries"


class NotBootable(Exception):
    """The disk has nothing to boot; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A boot entry of the Boot Loader Specification: its version, and `ostree=` of its kernel command line."""

    version: int
    tree: str


def parse(text: str) -> Entry | None:
    """Return the entry of a file below `loader/entries`; None when it does not boot a deployment of OSTree."""
    values = dict(line.strip().partition(" ")[::2] for line in text.splitlines() if not line.startswith("#"))
    options = dict(word.partition("=")[::2] for word in values.get("options", "").split())
    tree = options.get("ostree", "")
    try:
        return Entry(int(values.get("version", "0")), tree) if tree.startswith("/ostree/boot.") else None
    except ValueError:
        return None


def newest(entries: Iterable[Entry]) -> Entry:
    """Return the entry that boots by default: the one with the highest version. NotBootable without entries."""
    found = sorted(entries, key=lambda entry: entry.version)
    if not found:
        raise NotBootable(f"no entry of OSTree in {ENTRIES}")
    return found[-1]


def resolve(layers: Sequence[Path], path: str) -> str:
    """Return `path` relative to the disk's root, without symbolic links. The first layer that has a name counts.

    NotBootable: a name is missing, or there are too many links.
    """
    left, done, links = path.strip("/").split("/"), "", 0
    while left:
        name = left.pop(0)
        if name == "..":
            done = posixpath.dirname(done)
            continue
        here = posixpath.join(done, name) if name not in ("", ".") else done
        place = next((layer / here for layer in layers if os.path.lexists(layer / here)), None)
        if place is None:
            raise NotBootable(f"{here} is missing on the disk")
        if not place.is_symlink():
            done = here
            continue
        links += 1
        if links > LINKS_MAX:
            raise NotBootable(f"too many symbolic links in {path}")
        target = str(place.readlink())
        if target.startswith("/"):
            done = ""
        left = [*target.strip("/").split("/"), *left]
    return done


def booted_tree(layers: Sequence[Path]) -> PurePosixPath:
    """Return the file tree that boots, relative to the disk's root; `layers`: the mounted disk, or upper and lower."""
    folder = resolve(layers, ENTRIES)
    files = next(layer / folder for layer in layers if (layer / folder).is_dir())
    entries = (parse(file.read_text(encoding="utf-8")) for file in files.glob("*.conf"))
    return PurePosixPath(resolve(layers, newest(entry for entry in entries if entry).tree))


def state_of(tree: PurePosixPath) -> PurePosixPath:
    """Return the folder that is /var of all file trees of one system: `ostree/deploy/<system>/var`."""
    return tree.parent.parent / "var"


def has_ostree(layers: Iterable[Path]) -> bool:
    """Whether a disk has the system root of OSTree."""
    return any((layer / "ostree/repo").is_dir() for layer in layers)


def container_argv(disk: Path, tree: PurePosixPath, argv: Sequence[str]) -> list[str]:
    """Return systemd-nspawn's arguments with the file tree as root, mounted as OSTree does it in an initial ramdisk."""
    root = disk / tree
    mounts = [
        f"--bind={disk}:/sysroot:norbind", f"--bind={disk / 'boot'}:/boot", f"--bind={disk / state_of(tree)}:/var",
        f"--bind-ro={root / 'usr'}:/usr",
    ]  # fmt: skip
    return [argv[0], "-D", str(root), *mounts, *argv[1:]]


def main(disk: str, *argv: str) -> None:
    """Replace this process by the container; ends with status 1 and a sentence when the disk cannot be booted."""
    try:
        tree = booted_tree([Path(disk)])
    except (NotBootable, OSError, UnicodeDecodeError) as exc:
        raise SystemExit(f"boot loader: {exc}") from exc
    sys.stdout.write(f"boot loader: {tree}\n")
    sys.stdout.flush()
    os.execvp(argv[0], container_argv(Path(disk), tree, argv))


if __name__ == "__main__":
    main(*sys.argv[1:])

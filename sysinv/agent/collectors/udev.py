# SPDX-License-Identifier: Apache-2.0
"""udev's records of block devices: their links below ``/dev`` and their properties."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from flock.exec.root import Root

BLOCK = "sys/class/block"
LINK_KINDS = ("by-path", "by-id")


@dataclass(frozen=True, slots=True)
class Udev:
    """udev's record of a device: its links below ``/dev`` (``disk/by-path/…``) and its properties."""

    links: tuple[str, ...] = ()
    properties: dict[str, str] = field(default_factory=dict)

    def link(self, kind: str, prefix: str = "", but: str = "\0") -> str | None:
        """Return the first link ``/dev/disk/<kind>/…`` whose name starts with ``prefix`` and not with ``but``."""
        start = f"disk/{kind}/"
        fitting = (link for link in self.links
                   if link.startswith(start + prefix) and not link.startswith(start + but))
        return next((f"/dev/{link}" for link in sorted(fitting)), None)


def links_by_device(root: Root) -> dict[str, list[str]]:
    """Return the links in ``/dev/disk`` (``disk/by-path/…``) by name of the block device to which they point."""
    found: dict[str, list[str]] = {}
    for kind in LINK_KINDS:
        for link in root.listdir(f"dev/disk/{kind}"):
            name = root.link_name(f"dev/disk/{kind}/{link}")
            if name is not None:
                found.setdefault(name, []).append(f"disk/{kind}/{link}")
    return found


def udev_record(root: Root, name: str, links_of: Mapping[str, Sequence[str]]) -> Udev:
    """Return udev's database entry of a block device; without one, its links in ``links_of`` (``links_by_device``)."""
    lines = root.lines(f"run/udev/data/b{root.text(f'{BLOCK}/{name}/dev')}")
    links = [line[2:] for line in lines if line.startswith("S:")]
    pairs = (line[2:].partition("=") for line in lines if line.startswith("E:"))
    return Udev(tuple(links or links_of.get(name, ())), {key: value for key, _, value in pairs})


def device_at(root: Root, path: str) -> str | None:
    """Return the name of the block device at a path below ``/dev``, by links or else by udev's database.

    ``/dev/disk/by-uuid/…``, ``/dev/mapper/…``, ``/dev/cciss/c0d0`` (``cciss!c0d0``). None when there is none.
    """
    rel = path.strip().lstrip("/").removeprefix("dev/")
    try:
        resolved = root.resolve(f"dev/{rel}").removeprefix("dev/")
    except OSError:
        resolved = rel
    for candidate in (resolved, rel):
        name = candidate.replace("/", "!")
        if root.exists(f"{BLOCK}/{name}"):
            return name
    if "/" not in rel:
        return None
    links_of = links_by_device(root)
    return next((name for name in root.listdir(BLOCK) if rel in udev_record(root, name, links_of).links), None)

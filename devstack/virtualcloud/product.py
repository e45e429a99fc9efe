# SPDX-License-Identifier: Apache-2.0
"""The product as a package of a host: what dpkg must know so that a release can replace it and return to it."""

from __future__ import annotations

import csv
import email
from pathlib import Path, PurePosixPath

NAME = "stx-flock"
STATUS = "/var/lib/dpkg/status"


def registration(code_dir: Path, image: Path) -> dict[str, bytes]:
    """The files of dpkg by their paths on a host whose product is that of `code_dir`; {} when none is installed there.

    pip has installed the product on the machine and has listed its files; the host sees them at the same place.
    """
    found = sorted(code_dir.glob("venv/lib/python3*/site-packages/stx_flock-*.dist-info/RECORD"))
    status = image / STATUS.lstrip("/")
    if not found or not status.is_file():
        return {}
    record = found[-1]
    version = email.message_from_string((record.parent / "METADATA").read_text())["Version"]
    stanza = (
        f"Package: {NAME}\nStatus: install ok installed\nPriority: optional\nSection: admin\n"
        f"Maintainer: the flock maintainers <flock@localhost>\nArchitecture: all\nVersion: {version}\n"
        "Description: Infrastructure services that turn bare servers into a managed edge cloud\n"
    )
    text = status.read_text()
    listed = "".join(f"{path}\n" for path in _paths(record))
    return {
        STATUS: f"{text.rstrip()}\n\n{stanza}\n".encode(),
        f"/var/lib/dpkg/info/{NAME}.list": listed.encode(),
    }


def _paths(record: Path) -> list[str]:
    """Files and the directories above them, as dpkg lists them."""
    files = set()
    with record.open(newline="") as lines:
        for row in csv.reader(lines):
            parts: list[str] = []
            for part in (record.parent.parent / row[0]).parts:
                if part == "..":
                    parts.pop()
                else:
                    parts.append(part)
            files.add(str(PurePosixPath(*parts)))
    folders = {str(parent) for path in files for parent in PurePosixPath(path).parents} - {"/"}
    return ["/.", *sorted(files | folders)]

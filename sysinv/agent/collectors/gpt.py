# SPDX-License-Identifier: Apache-2.0
"""Reads the entries of a GPT from the disk itself: types and GUIDs, which the kernel does not tell."""
from __future__ import annotations

import struct
import uuid
from dataclasses import dataclass

from flock.exec.root import Root

SIGNATURE = b"EFI PART"
SECTOR_BYTES = 512
# UEFI requires entries of 128 bytes times a power of two; tools make 128 entries.
ENTRY_LEAST_BYTES, ENTRY_MOST_BYTES, ENTRIES_MAX = 128, 4096, 1024
_HEADER = struct.Struct("<72xQII")
_ENTRY = struct.Struct("<16s16s16x8x72s")


@dataclass(frozen=True, slots=True)
class Entry:
    """A partition in the table; GUIDs in lower case."""

    type_guid: str
    guid: str
    name: str


def entries(root: Root, device: str, block_bytes: int = SECTOR_BYTES) -> dict[int, Entry]:
    """Return the used entries by partition number; none when the disk cannot be read or has no GPT."""
    header = root.raw(device, SECTOR_BYTES, offset=block_bytes)
    if header is None or len(header) < _HEADER.size or not header.startswith(SIGNATURE):
        return {}
    first_block, count, size = _HEADER.unpack_from(header)
    if not ENTRY_LEAST_BYTES <= size <= ENTRY_MOST_BYTES or first_block > 2**32:
        return {}
    table = root.raw(device, min(count, ENTRIES_MAX) * size, offset=first_block * block_bytes) or b""
    found = {}
    for number, start in enumerate(range(0, len(table) - size + 1, size), 1):
        kind, guid, name = _ENTRY.unpack_from(table, start)
        if kind.strip(b"\0"):
            text = name.decode("utf-16-le", "replace").split("\0", 1)[0]
            found[number] = Entry(str(uuid.UUID(bytes_le=kind)), str(uuid.UUID(bytes_le=guid)), text)
    return found

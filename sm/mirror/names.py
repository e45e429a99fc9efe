# SPDX-License-Identifier: Apache-2.0
"""Names of what is mirrored: relative paths as text. Which names and which links are refused. Pure.

Bytes other than ASCII letters, digits and a few signs are written as in URLs (``%C3%A4``), so that every name that a
file can have has one text, also names that are not UTF-8.
"""
from __future__ import annotations

from urllib.parse import quote_from_bytes, unquote_to_bytes

OWN = ".sm-mirror"
"""The directory in which the mirror keeps its own files; it is not mirrored."""
NAME_MAX_BYTES = 255
PATH_MAX_BYTES = 1024
DEPTH_MAX = 32
_SAFE = "/+,@:="


def quoted(path: bytes) -> str:
    """The text of a path."""
    return quote_from_bytes(path, safe=_SAFE)


def raw(name: str) -> bytes:
    """The path of a text."""
    return unquote_to_bytes(name)


def parent(name: str) -> str:
    """The directory that a name is in; empty for the top."""
    return name.rpartition("/")[0]


def depth(name: str) -> int:
    """How many directories a name is below the top."""
    return name.count("/")


def broken_name(name: str) -> str:
    """The rule that a name breaks; empty when it may be mirrored."""
    path = raw(name)
    parts = path.split(b"/")
    if quoted(path) != name:
        return "must be written in the one way that is defined for names"
    if b"\0" in path or not all(parts) or b"." in parts or b".." in parts:
        return "must be a relative path without empty parts, '.' and '..'"
    if len(path) > PATH_MAX_BYTES or max(map(len, parts)) > NAME_MAX_BYTES:
        return f"must not be longer than {PATH_MAX_BYTES} bytes, and each part not longer than {NAME_MAX_BYTES}"
    if len(parts) > DEPTH_MAX:
        return f"must not be deeper than {DEPTH_MAX} directories"
    if parts[0] == OWN.encode():
        return f"must not be in {OWN}"
    return ""


def broken_target(name: str, target: str) -> str:
    """The rule that the target of the symbolic link ``name`` breaks; empty when it may be mirrored.

    ``..`` may only stand at the beginning. There it leads through real directories; after another part it could lead
    through a second link, and then out of the directory.
    """
    path = raw(target)
    if not path or len(path) > PATH_MAX_BYTES or b"\0" in path or quoted(path) != target:
        return f"must have a target of 1 to {PATH_MAX_BYTES} bytes"
    if path.startswith(b"/"):
        return "must not be a link to an absolute path"
    parts = [part for part in path.split(b"/") if part not in (b"", b".")]
    ups = 0
    while ups < len(parts) and parts[ups] == b"..":
        ups += 1
    if ups > depth(name) or b".." in parts[ups:]:
        return "must not be a link that can lead out of the directory"
    return ""

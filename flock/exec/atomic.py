# SPDX-License-Identifier: Apache-2.0
"""Replaces files atomically: files that other programs read or that must survive a power failure."""
from __future__ import annotations

import os
from pathlib import Path

NEXT = ".next"
"""Suffix of what is stored beside a file until it takes its place."""
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def replace_file(path: Path, data: str | bytes, mode: int = 0o644, owner: int | None = None) -> None:
    """Replace ``path`` by ``data`` (text as UTF-8) with permission bits ``mode``; creates missing directories.

    ``owner`` is a user id; None leaves the file to the user of this process.

    A reader sees either the old or the new content, also after a power failure. After OSError the old file remains.
    """
    try:
        directory = os.open(path.parent, _DIRECTORY)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        directory = os.open(path.parent, _DIRECTORY)
    try:
        replace_in(directory, path.name, data, mode, owner)
    finally:
        os.close(directory)


def replace_in(directory: int, name: str, data: str | bytes, mode: int, owner: int | None = None) -> None:
    """Like ``replace_file``, for ``name`` in an open directory; replaces a symbolic link of that name."""
    temporary = f".{name}.{os.urandom(4).hex()}"
    descriptor = os.open(temporary, _NEW_FILE, mode, dir_fd=directory)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            os.fchmod(stream.fileno(), mode)
            if owner is not None:
                os.fchown(stream.fileno(), owner, -1)
            stream.write(data.encode() if isinstance(data, str) else data)
            stream.flush()
            os.fsync(stream.fileno())
        os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
    except BaseException:
        os.unlink(temporary, dir_fd=directory)
        raise
    os.fsync(directory)


def replace_text(path: Path, text: str, mode: int = 0o644, owner: int | None = None) -> bool:
    """Like ``replace_file``; returns False without a write if ``path`` already holds ``text`` with mode and owner."""
    try:
        status = path.stat()
        if path.read_text() == text and status.st_mode & 0o777 == mode and owner in (None, status.st_uid):
            return False
    except (FileNotFoundError, UnicodeDecodeError):
        pass
    replace_file(path, text, mode, owner)
    return True


def replace_kept(path: Path, data: str | bytes, mode: int = 0o600) -> None:
    """Like ``replace_file``, with owner, group and permission bits of the file that it replaces.

    A new file gets ``mode`` and belongs to the user of this process.
    """
    try:
        old = path.stat()
    except FileNotFoundError:
        replace_file(path, data, mode)
        return
    staged = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    # Readable for nobody else until it has its owner and group.
    replace_file(staged, data, 0o600)
    try:
        os.chown(staged, old.st_uid, old.st_gid)
        os.chmod(staged, old.st_mode & 0o7777)
        os.rename(staged, path)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise

# SPDX-License-Identifier: Apache-2.0
"""Stored secrets such as BMC passwords: authenticated encryption with keys from a file that only its owner can read."""
from __future__ import annotations

import json
import os
import stat
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from flock.core.errors import FlockError
from flock.exec.atomic import replace_file

KEYS_MAX = 8
FILE_BYTES_MAX = 65536


class SecretUnreadable(FlockError):
    """A sealed secret cannot be opened: it was altered or moved to another owner, or its key is missing."""

    code, http, text = "flock.auth.secret_unreadable", 500, "The stored secret of {owner} cannot be opened: {reason}."


class KeyFileUnsafe(FlockError):
    """Other users can read the key file, or it is damaged."""

    code, http, text = "flock.auth.key_file_unsafe", 500, "Key file {path}: {reason}."


class SecretBox:
    """Seals and opens text. A sealed secret opens only for its ``owner`` (such as ``bmc:<host uuid>``), so nobody can
    swap rows in the database unnoticed."""

    def __init__(self, key_file: str | Path) -> None:
        self._path = Path(key_file)
        self._fernet = MultiFernet([Fernet(key) for key in _load(self._path)])

    @classmethod
    def create(cls, key_file: str | Path) -> SecretBox:
        """The box of ``key_file``; creates the file with one new key if it does not exist."""
        path = Path(key_file)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        except FileExistsError:
            return cls(path)
        with os.fdopen(descriptor, "wb") as file:
            file.write(Fernet.generate_key() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        return cls(path)

    def seal(self, secret: str, owner: str) -> str:
        """The sealed text of ``secret``, to be stored."""
        return self._fernet.encrypt(json.dumps([owner, secret]).encode()).decode("ascii")

    def unseal(self, sealed: str, owner: str, age_max_s: int | None = None) -> str:
        """The secret; ``SecretUnreadable`` when it is damaged or belongs to another owner.

        With ``age_max_s`` also when it was sealed longer ago, or more than a minute in the future.
        """
        token = sealed.encode("ascii", "replace")
        try:
            bound_to, secret = json.loads(self._fernet.decrypt(token))
        except (InvalidToken, ValueError):
            raise SecretUnreadable(owner=owner, reason="it is damaged or its key is missing") from None
        if bound_to != owner:
            raise SecretUnreadable(owner=owner, reason="it belongs to another owner")
        try:
            self._fernet.decrypt(token, ttl=age_max_s)
        except InvalidToken:
            reason = f"it was sealed more than {age_max_s} s ago, or the clocks differ"
            raise SecretUnreadable(owner=owner, reason=reason) from None
        return str(secret)

    def reseal(self, sealed: str) -> str:
        """The same secret under the newest key; store it instead of ``sealed`` after a rotation."""
        try:
            return self._fernet.rotate(sealed.encode("ascii", "replace")).decode("ascii")
        except InvalidToken:
            raise SecretUnreadable(owner="a row", reason="it is damaged or its key is missing") from None

    def rotate(self) -> None:
        """Add a new key at the start of the file (atomically); drops the oldest key beyond ``KEYS_MAX``."""
        keys = [Fernet.generate_key(), *_load(self._path)][:KEYS_MAX]
        before = os.stat(self._path)
        replace_file(self._path, b"\n".join(keys) + b"\n", 0o600)
        os.chown(self._path, -1, before.st_gid)
        os.chmod(self._path, stat.S_IMODE(before.st_mode))
        self._fernet = MultiFernet([Fernet(key) for key in keys])


def _load(path: Path) -> list[bytes]:
    """The keys of ``path``, newest first; KeyFileUnsafe if other users can read or own the file, or it is damaged."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise KeyFileUnsafe(path=str(path), reason=error.strerror or "cannot be opened") from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise KeyFileUnsafe(path=str(path), reason="must be a regular file")
        # A file of root's may have a group: services of several users share the key.
        if stat.S_IMODE(status.st_mode) & (0o137 if status.st_uid == 0 else 0o177):
            raise KeyFileUnsafe(path=str(path), reason="must have mode 0600, or 0640 when root owns it")
        if status.st_uid not in (os.geteuid(), 0):
            raise KeyFileUnsafe(path=str(path), reason="must be owned by the user of the service or root")
        content = os.read(descriptor, FILE_BYTES_MAX)
    finally:
        os.close(descriptor)
    keys = [line.strip() for line in content.splitlines() if line.strip()]
    if not keys:
        raise KeyFileUnsafe(path=str(path), reason="must hold at least one key")
    try:
        for key in keys:
            Fernet(key)
    except ValueError:
        raise KeyFileUnsafe(path=str(path), reason="holds a line that is no key") from None
    return keys

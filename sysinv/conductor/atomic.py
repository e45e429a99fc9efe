# SPDX-License-Identifier: Apache-2.0
"""Files that other programs read while we write them: replaced whole or not at all."""
from __future__ import annotations

import os
import secrets
from pathlib import Path


def replace_text(path: Path, text: str, mode: int = 0o644) -> bool:
    """Make ``path`` hold ``text``; False when it did already. Its directory is made as needed."""
    try:
        if path.read_text() == text and path.stat().st_mode & 0o777 == mode:
            return False
    except (OSError, UnicodeDecodeError):
        path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            os.fchmod(stream.fileno(), mode)
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return True

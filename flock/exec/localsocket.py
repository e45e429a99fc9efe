# SPDX-License-Identifier: Apache-2.0
"""Unix sockets on which programs of this host ask a daemon: open to root and one group; the kernel says who asks."""
from __future__ import annotations

import array
import grp
import os
import socket
import struct
from pathlib import Path

from flock.core.errors import InvalidInput

_CREDENTIALS = struct.Struct("3i")
_SO_PEERGROUPS = 59
_GROUPS_BYTES = 1_024
"""As much as Python asks of the kernel: 256 groups."""


def bound(path: Path, group: str, flags: int = 0) -> socket.socket:
    """A stream socket at ``path`` (mode 0660) for root and the members of ``group``, if there is one.

    Replaces what is at ``path``. ``flags`` such as SOCK_NONBLOCK. OSError: it cannot be bound; InvalidInput: the group
    does not exist.
    """
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    number = -1
    if group:
        try:
            number = grp.getgrnam(group).gr_gid
        except KeyError:
            raise InvalidInput(field="group", rule=f"{group} does not exist") from None
    path.unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | flags)
    try:
        # The mask keeps everybody out until the owner is right.
        before = os.umask(0o177)
        try:
            made.bind(str(path))
        finally:
            os.umask(before)
        os.chown(path, -1, number)
        path.chmod(0o660)
    except OSError:
        made.close()
        raise
    return made


def peer(talk: socket.socket) -> tuple[int, int]:
    """User and group id of the process that has connected (SO_PEERCRED of unix(7))."""
    _, uid, gid = _CREDENTIALS.unpack(talk.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return uid, gid


def is_member(group: str, talk: socket.socket) -> bool:
    """Whether the process that has connected is in a group, by its own groups as the kernel knows them.

    No account is looked up: the directory of accounts may be a service that the daemon manages, and would hold it up.
    """
    try:
        number = grp.getgrnam(group).gr_gid
    except KeyError:
        return False
    if peer(talk)[1] == number:
        return True
    try:
        found = array.array("I", talk.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _GROUPS_BYTES))
    except OSError:
        return False
    return number in found

# SPDX-License-Identifier: Apache-2.0
"""Makes the data of this node that of the active one: takes back what it has too much, or copies everything.

The server must be stopped, and the caller must know that this node's data may be given up. Every step can be carried
out again after it was interrupted anywhere: until a copy is whole and on the disk, the old data stays where it is.
"""
from __future__ import annotations

import logging
import os
from pathlib import Path

from flock.core.errors import FlockError
from flock.exec.atomic import replace_file
from sm.postgres import session, texts
from sm.postgres.decisions import Peer
from sm.postgres.server import Server, ServerFailed

LOG = logging.getLogger(__name__)
REWIND_S = 240
SEED_S = 1_400
ASIDE_MAX = 1
"""How many old data directories are kept aside."""


def rewind(server: Server, peer: Peer) -> bool:
    """Take back what ``peer`` does not have; False when that is not possible. A rewind that does not end leaves its
    mark: what it leaves is no data any more."""
    settings = server.settings
    data = settings.data_directory
    # The recovery of an unclean server in single-user mode refuses to be a standby. The server is started as one later.
    (data / "standby.signal").unlink(missing_ok=True)
    try:
        checkpoint(server, peer)
        _mark(settings.beside("rewinding"))
        LOG.info("takes back what %s does not have", peer.name)
        server.program("pg_rewind", "-D", settings.data, "--source-server",
                       texts.conninfo(settings, peer.name, "postgres"), "--config-file",
                       f"{settings.configuration}/postgresql.conf", timeout_s=REWIND_S)
    except FlockError as error:
        LOG.warning("this cannot be taken back: %s", error)
        return False
    _mark(settings.beside("rewound"))
    _sync(data)
    settings.beside("rewinding").unlink(missing_ok=True)
    settings.beside("stuck").unlink(missing_ok=True)
    return True


def checkpoint(server: Server, peer: Peer) -> None:
    """Have the peer note its present timeline, which pg_rewind reads from its disk. DatabaseAway."""
    with session.remote(server.settings, peer.name) as there:
        there.rows("CHECKPOINT", timeout_s=60)


def seed(server: Server, peer: Peer) -> None:
    """Copy everything from ``peer``, and put it in the place of what is there. FlockError, OSError: the old data is
    where it was, and nothing of the copy is left."""
    settings = server.settings
    new, whole = settings.beside("new"), settings.beside("new.whole")
    if not (new.exists() and whole.exists()):
        whole.unlink(missing_ok=True)
        server.remove(new)
        _fresh_slot(server, peer)
        LOG.info("copies the data of %s", peer.name)
        try:
            server.program("pg_basebackup", "-D", str(new), "-d", texts.conninfo(settings, peer.name, "replication"),
                           "-X", "stream", "-c", "fast", "--no-password", timeout_s=SEED_S)
        except FlockError:
            server.remove(new)
            raise
        _sync(new.parent)
        _mark(whole)
    finish_seed(server)


def finish_seed(server: Server) -> None:
    """Put a whole copy in the place of the data, which is kept aside."""
    settings = server.settings
    data, new = settings.data_directory, settings.beside("new")
    if not settings.beside("new.whole").exists():
        raise ServerFailed(reason=f"{new} is not whole")
    if new.exists():
        LOG.info("puts the copy in its place")
        if data.exists():
            data.rename(_aside(server))
            _sync(data.parent)
        new.rename(data)
        _sync(data.parent)
    for mark in ("stuck", "rewound", "rewinding", "new.whole"):
        settings.beside(mark).unlink(missing_ok=True)
    _sync(data.parent)
    for number in _numbers(server)[:-ASIDE_MAX]:
        server.remove(settings.beside(f"old.{number}"))


def settle(server: Server) -> None:
    """End what an interrupted run has left to be done after the copy was in its place."""
    settings = server.settings
    placed = not settings.beside("new").exists() and settings.data_directory.exists()
    if placed and settings.beside("new.whole").exists():
        finish_seed(server)


def _numbers(server: Server) -> list[int]:
    """The numbers of the old data directories, the oldest first."""
    data = server.settings.data_directory
    found = (path.name.rpartition(".")[2] for path in data.parent.glob(f"{data.name}.old.*"))
    return sorted(int(number) for number in found if number.isdecimal())


def _aside(server: Server) -> Path:
    return server.settings.beside(f"old.{max(_numbers(server), default=0) + 1}")


def _fresh_slot(server: Server, peer: Peer) -> None:
    """Have the peer keep what is written from now on; a slot whose WAL is gone is of no use any more."""
    name = texts.slot(server.settings.name)
    with session.remote(server.settings, peer.name) as there:
        there.rows("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots "
                   "WHERE slot_name = %s AND NOT active", (name,))
        there.rows("SELECT pg_create_physical_replication_slot(%s, true) WHERE NOT EXISTS "
                   "(SELECT FROM pg_replication_slots WHERE slot_name = %s)", (name, name), timeout_s=15)


def _mark(path: Path) -> None:
    replace_file(path, "", 0o600)


def _sync(directory: Path) -> None:
    """What was written to the file system of ``directory`` survives a loss of power."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

# SPDX-License-Identifier: Apache-2.0
"""Connections to PostgreSQL whose every wait ends at a deadline, whatever the server does."""
from __future__ import annotations

import contextlib
import os
import pwd
import select
import time
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import psycopg2
import psycopg2.extensions as states

from flock.core.errors import Unavailable
from sm.postgres.settings import Settings
from sm.postgres.texts import TOOL, conninfo


class DatabaseAway(Unavailable):
    """PostgreSQL cannot be reached, refuses, or does not answer in time."""

    code: ClassVar[str] = "sm.postgres.away"
    text: ClassVar[str] = "PostgreSQL of {node}: {reason}"


class Session:
    """One connection in autocommit mode. Each statement has its own time limit; after a failure it cannot be used."""

    def __init__(self, node: str, dsn: str, timeout_s: float) -> None:
        self._node = node
        with _limit(timeout_s), self._failures():
            self._connection = psycopg2.connect(dsn)
            self._connection.autocommit = True

    def close(self) -> None:
        """End the connection; waits for nothing."""
        with contextlib.suppress(psycopg2.Error):
            self._connection.close()

    def rows(self, statement: str, values: Sequence[object] = (), timeout_s: float = 5.0) -> list[tuple[Any, ...]]:
        """The rows of a statement. DatabaseAway: it failed, or did not end in time."""
        with _limit(timeout_s), self._failures(), self._connection.cursor() as cursor:
            cursor.execute(statement, tuple(values) or None)
            return list(cursor.fetchall()) if cursor.description is not None else []

    def value(self, statement: str, values: Sequence[object] = (), timeout_s: float = 5.0) -> Any:
        """The only value of a statement; None without a row."""
        found = self.rows(statement, values, timeout_s)
        return found[0][0] if found else None

    @contextlib.contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except (psycopg2.Error, TimeoutError) as error:
            raise DatabaseAway(node=self._node, reason=_first_line(error)) from error


def kept(settings: Settings, timeout_s: float = 5.0) -> Session:
    """A session of the superuser with this node's server, to be closed by the caller. DatabaseAway.

    Its own commits wait for no standby: what it writes is written again with each promotion.
    """
    with _as_user(settings.user):
        return Session(settings.name, f"host={settings.socket} port={settings.port} user={settings.user} "
                       f"dbname=postgres application_name={TOOL} options='-c synchronous_commit=local'", timeout_s)


@contextlib.contextmanager
def local(settings: Settings, timeout_s: float = 5.0) -> Iterator[Session]:
    """A session of the superuser with this node's server. DatabaseAway."""
    session = kept(settings, timeout_s)
    try:
        yield session
    finally:
        session.close()


@contextlib.contextmanager
def remote(settings: Settings, peer: str, timeout_s: float = 5.0) -> Iterator[Session]:
    """A session of the replication role with a peer's server. DatabaseAway."""
    with _as_user(settings.user):
        session = Session(peer, conninfo(settings, peer, "postgres"), timeout_s)
    try:
        yield session
    finally:
        session.close()


@contextlib.contextmanager
def _as_user(user: str) -> Iterator[None]:
    """The server asks the kernel who connects on its socket, and libpq accepts a key only of who uses it."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(pwd.getpwnam(user).pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)


_until_s = 0.0


@contextlib.contextmanager
def _limit(timeout_s: float) -> Iterator[None]:
    """For programs with one thread: psycopg2 has one function for all connections of the process."""
    global _until_s  # noqa: PLW0603
    _until_s = time.monotonic() + timeout_s
    states.set_wait_callback(_wait)
    try:
        yield
    finally:
        states.set_wait_callback(None)


def _wait(connection: Any) -> None:
    """Called by psycopg2 instead of blocking in libpq. TimeoutError: the limit of the statement has passed."""
    while True:
        state = connection.poll()
        if state == states.POLL_OK:
            return
        left_s = _until_s - time.monotonic()
        wanted = select.POLLIN if state == states.POLL_READ else select.POLLOUT
        poller = select.poll()
        poller.register(connection.fileno(), wanted)
        if left_s <= 0 or not poller.poll(left_s * 1_000):
            raise TimeoutError("no answer in time")


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)[:300]

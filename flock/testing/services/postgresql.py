# SPDX-License-Identifier: Apache-2.0
"""A private PostgreSQL cluster with one database per test, without the durability that tests do not need."""
from __future__ import annotations

import contextlib
import os
import pwd
import signal
import uuid
from pathlib import Path

import sqlalchemy as sa

from flock.exec import run
from flock.testing.services.process import Process, ServiceFailed, find_program, free_port, wait_for

SETTINGS = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
fsync = off
synchronous_commit = {synchronous}
full_page_writes = off
shared_buffers = 32MB
max_connections = 200
"""


def _folders() -> list[str]:
    return [str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not count."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class PostgresServer:
    """A PostgreSQL server; ``create_database()`` returns the URL of a new database, ``drop_database(url)`` removes it.

    If it is ``durable``, committed data survives a kill of the server (but not of the machine).
    """

    def __init__(self, folder: Path, durable: bool = False) -> None:
        self.folder = folder
        self._durable = durable
        self.port = free_port()
        self._server: Process | None = None

    @staticmethod
    def available() -> bool:
        """True when PostgreSQL is installed and can run; for root that requires an account named postgres."""
        if find_program("initdb", *_folders()) is None:
            return False
        return os.geteuid() != 0 or any(entry.pw_name == "postgres" for entry in pwd.getpwall())

    def start(self, timeout_s: float = 60.0) -> None:
        """Initialise and start the cluster, or start a stopped one again with its data."""
        initdb, postgres = (find_program(name, *_folders()) for name in ("initdb", "postgres"))
        if initdb is None or postgres is None:
            raise ServiceFailed("PostgreSQL is not installed")
        user = "postgres" if os.geteuid() == 0 else None
        data = self.folder / "data"
        argv = [initdb, "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        if user is not None:
            account = pwd.getpwnam(user)
            os.chown(self.folder, account.pw_uid, account.pw_gid)
            argv = ["setpriv", "--reuid", user, "--regid", user, "--clear-groups", "--", *argv]
        if not data.exists():
            run(argv, timeout_s=timeout_s, cwd=str(self.folder))
            with (data / "postgresql.conf").open("a") as configuration:
                configuration.write(SETTINGS.format(port=self.port, synchronous="on" if self._durable else "off"))
        self._server = Process("postgres", [postgres, "-D", str(data)], self.folder, user=user)
        self._server.wait_until(self._answers, timeout_s, "PostgreSQL to answer")

    def kill(self) -> None:
        """Kill the server and its sessions like a crash; ``start`` recovers the data."""
        if self._server is not None:
            # Sessions have separate process groups and would continue for a moment.
            sessions = _children(self._server.pid)
            self._server.kill()
            for pid in sessions:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            wait_for(lambda: not any(_alive(pid) for pid in sessions), 30, "PostgreSQL to be dead")
            self._server = None

    def cut_sessions(self, url: str) -> int:
        """Terminate every connection to the database of ``url``; returns how many there were."""
        name = sa.engine.make_url(url).database
        engine = sa.create_engine(self._url("postgres"), isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool)
        with engine.connect() as conn:
            return len(conn.execute(sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                                            "WHERE datname = :name"), {"name": name}).all())

    def create_database(self) -> str:
        """Create an empty database; returns its SQLAlchemy URL."""
        name = f"test_{uuid.uuid4().hex}"
        self._execute(f'CREATE DATABASE "{name}"')
        return self._url(name)

    def drop_database(self, url: str) -> None:
        """Remove a database, even while clients are connected to it."""
        name = sa.engine.make_url(url).database
        self._execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def stop(self) -> None:
        """Stop the cluster; terminates its sessions."""
        if self._server is not None:
            self._server.stop(number=signal.SIGINT)
            self._server = None

    def log(self) -> str:
        """What the server has logged since its first start."""
        return (self.folder / "postgres.log").read_text(errors="replace")

    def _url(self, name: str) -> str:
        return f"postgresql+psycopg2://postgres@127.0.0.1:{self.port}/{name}"

    def _execute(self, statement: str) -> None:
        engine = sa.create_engine(self._url("postgres"), isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool,
                                  connect_args={"connect_timeout": 5})
        with engine.connect() as conn:
            conn.execute(sa.text(statement))

    def _answers(self) -> bool:
        try:
            self._execute("SELECT 1")
        except sa.exc.OperationalError:
            return False
        return True

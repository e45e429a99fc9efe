# SPDX-License-Identifier: Apache-2.0
"""Two controllers with a real PostgreSQL each, run by sm-postgres."""
from __future__ import annotations

import contextlib
import datetime
import os
import pwd
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from flock import tls
from flock.core.codec import codec_for
from flock.exec.atomic import replace_file
from flock.testing.fixtures import _require
from flock.testing.services.postgresql import PostgresServer
from flock.testing.services.process import free_port, wait_for
from sm.core.domain.view import Durable, Record
from sm.daemon.guard import Required
from sm.postgres import session, settings
from sm.postgres.server import Server
from sm.store import agreement
from sm.store.file import connect
from sm.store.kept import Kept

BINARIES = Path("/usr/lib/postgresql/15/bin")
PROGRAM = Path(__file__).with_name("writer.py")
NAMES = ("controller-0", "controller-1")
NOW = datetime.datetime.now(datetime.UTC)
CONF = """\
data_directory = '{data}'
hba_file = '{conf}/pg_hba.conf'
ident_file = '{conf}/pg_ident.conf'
ssl = on
ssl_ca_file = '{folder}/ca.crt'
ssl_cert_file = '{folder}/server.crt'
ssl_key_file = '{folder}/server.key'
shared_buffers = 32MB
include_dir 'conf.d'
"""
ACCESS = "local all {user} peer\nlocal all app trust\n"


class Node:
    """One controller: its cluster, its settings, its store and its guard's file."""

    def __init__(self, folder: Path, name: str, ports: dict[str, int], authority: tls.Authority,
                 address: str = "127.0.0.1") -> None:
        self.folder, self.name = folder, name
        self.user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        self.conf = folder / "conf"
        for path in (folder, self.conf, self.conf / "conf.d", folder / "run", folder / "pg"):
            path.mkdir()
        self.trust(authority.certificate_pem)
        self.certify("server", tls.Usage.SERVER, authority)
        self.certify("host", tls.Usage.CLIENT, authority)
        self.config = folder / "postgres.conf"
        peers = {other: address for other in NAMES if other != name}
        self.config.write_text(yaml.safe_dump({
            "node": name, "peers": peers, "listen": [address] if ":" in address else [],
            "data": str(folder / "pg/main"), "configuration": str(self.conf),
            "binaries": str(BINARIES), "socket": str(folder / "run"), "port": ports[name], "ports": ports,
            "user": self.user, "unit": "", "certificate": str(folder / "host.crt"), "key": str(folder / "host.key"),
            "authorities": str(folder / "ca.crt"), "required": str(folder / "required.json"),
            "store": str(folder / "sm.db")}))
        self.settings = settings.read(self.config)
        self.server = Server(self.settings)
        self._write("conf/postgresql.conf", CONF.format(
            data=self.settings.data, conf=self.conf, folder=folder).encode())
        self._write("conf/pg_hba.conf", ACCESS.format(user=self.user).encode())
        self._own(*folder.rglob("*"))

    def _write(self, name: str, data: bytes) -> None:
        path = self.folder / name
        path.write_bytes(data)
        path.chmod(0o600 if name.endswith(".key") else 0o644)
        self._own(path)

    def _own(self, *paths: Path) -> None:
        account = pwd.getpwnam(self.user)
        for path in paths:
            os.chown(path, account.pw_uid, account.pw_gid)

    def trust(self, *authorities: bytes) -> None:
        """These authorities are trusted from now on, by what reads the file anew."""
        self._write("ca.crt", b"".join(authorities))

    def certify(self, role: str, usage: tls.Usage, authority: tls.Authority) -> None:
        """A new key, and its certificate of this authority."""
        key = tls.new_key()
        self._write(f"{role}.key", key)
        self._write(f"{role}.crt", authority.issue(tls.new_request(key, self.name), usage, self.name, [self.name], NOW))

    def initialise(self) -> None:
        """What the bootstrap does: a new cluster with one table."""
        self.server.program("initdb", "-D", self.settings.data, "-U", self.user, "-A", "trust", "-E", "UTF8",
                            "--locale=C.UTF-8", "--no-sync", timeout_s=60)

    def begin(self, action: str) -> subprocess.Popen[str]:
        """Start sm-postgres and do not wait for it."""
        return subprocess.Popen([sys.executable, "-m", "sm.cmd.postgres", "--config", str(self.config), action],
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True)

    def run(self, action: str, *, expect: int | None = 0) -> str:
        """Run sm-postgres to its end; what it has logged."""
        process = self.begin(action)
        _, log = process.communicate(timeout=120)
        if expect is not None:
            served = self.settings.beside("log")
            tail = served.read_text()[-1_500:] if process.returncode != expect and served.exists() else ""
            assert process.returncode == expect, f"{self.name} {action}: {process.returncode}\n{log}\n{tail}"
        return log

    def require(self, *nodes: str) -> None:
        """Write the guard's file."""
        replace_file(Path(self.settings.required), codec_for(Required).encode(Required(nodes), "required"))

    def record(self, *members: str) -> None:
        """Store whose data is current."""
        path = Path(self.settings.store)
        connection = connect(path)
        agreement.put(Kept(path, connection), Durable(record=Record(7, 1, frozenset(members))))
        connection.close()

    def sql(self, statement: str, timeout_s: float = 10.0) -> list[tuple[Any, ...]]:
        """The rows of a statement of the superuser."""
        with session.local(self.settings) as here:
            return here.rows(statement, timeout_s=timeout_s)

    @property
    def primary(self) -> bool:
        return not self.sql("SELECT pg_is_in_recovery()")[0][0]

    def values(self) -> set[int]:
        """What the table holds."""
        return {row[0] for row in self.sql("SELECT value FROM writes")}

    def processes(self) -> list[int]:
        pid = self.server.pid()
        if pid is None:
            return []
        return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]

    def signal(self, number: int) -> None:
        """Send a signal to every process of the server."""
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self) -> None:
        """Kill the server like a crash of the machine."""
        self.signal(signal.SIGKILL)
        wait_for(lambda: self.server.pid() is None, 10, "the server to be dead")


class Writer:
    """Writes numbers one after another; ``acknowledged`` are those whose commit came back."""

    def __init__(self, node: Node, first: int = 0, options: str = "") -> None:
        self._dsn = (f"host={node.settings.socket} port={node.settings.port} user=app dbname=postgres "
                     f"options='{options}'")
        self.acknowledged: list[int] = []
        self.next = first
        self.error = ""
        self._stop = threading.Event()
        self._process: subprocess.Popen[str] | None = None
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> Writer:
        # A process of its own: how psycopg2 waits in this one belongs to the code under test.
        self._process = subprocess.Popen([sys.executable, "-u", str(PROGRAM), self._dsn, str(self.next)],
                                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        assert self._process is not None
        self._process.kill()
        self._thread.join(10)

    def _read(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        for line in self._process.stdout:
            self.acknowledged.append(int(line))

    def goes_on(self, timeout_s: float = 15) -> None:
        """Return when another write has been acknowledged."""
        count = len(self.acknowledged)
        wait_for(lambda: len(self.acknowledged) > count, timeout_s, "a write to be acknowledged")

    def stands(self, for_s: float) -> bool:
        """Whether no write is acknowledged for this long, after those that are under way."""
        end = time.monotonic() + 2
        count = -1
        while count != len(self.acknowledged) and time.monotonic() < end:
            count = len(self.acknowledged)
            time.sleep(0.2)
        end = time.monotonic() + for_s
        while time.monotonic() < end and len(self.acknowledged) == count:
            time.sleep(0.05)
        return len(self.acknowledged) == count


class Pair:
    """Both controllers; the first was initialised by the bootstrap and is active."""

    def __init__(self, folder: Path, address: str = "127.0.0.1") -> None:
        ports = {name: free_port() for name in NAMES}
        self.authority = tls.Authority.create("test", NOW)
        self.nodes = [Node(folder / name, name, ports, self.authority, address) for name in NAMES]

    def activate(self) -> Node:
        """The first node, active and alone."""
        first = self.nodes[0]
        first.initialise()
        first.require()
        first.run("start")
        first.run("promote")
        first.sql("CREATE TABLE writes (value bigint PRIMARY KEY)")
        first.sql("CREATE ROLE app LOGIN")
        first.sql("GRANT ALL ON writes TO app")
        for node in self.nodes:
            node.record(first.name)
        return first

    def seeded(self) -> tuple[Node, Node]:
        """The first active, the second its synchronous standby."""
        first, second = self.activate(), self.nodes[1]
        second.run("start")
        wait_for(lambda: second.sql("SELECT status FROM pg_stat_wal_receiver") == [("streaming",)], 20, "streaming")
        return first, second


@pytest.fixture
def pair(services_folder: Path) -> Iterator[Pair]:
    with _made(services_folder) as made:
        yield made


@pytest.fixture
def pair6(services_folder: Path) -> Iterator[Pair]:
    """Controllers that reach each other over IPv6."""
    _require(Path("/proc/net/if_inet6").exists() and " lo\n" in Path("/proc/net/if_inet6").read_text(), "IPv6")
    with _made(services_folder, "::1") as made:
        yield made


@contextlib.contextmanager
def _made(services_folder: Path, address: str = "127.0.0.1") -> Iterator[Pair]:
    _require(PostgresServer.available() and BINARIES.exists(), "PostgreSQL 15")
    folder = services_folder / f"pair-{uuid.uuid4().hex[:6]}"
    folder.mkdir()
    made = Pair(folder, address)
    try:
        yield made
    finally:
        for node in made.nodes:
            node.signal(signal.SIGKILL)

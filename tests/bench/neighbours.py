# SPDX-License-Identifier: Apache-2.0
"""What benchmarks run against: real services in a folder of their own, the product's daemons, an HTTP client."""
from __future__ import annotations

import contextlib
import http.client
import os
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from flock.testing.daemons import BIN, api_serves, write_conf
from flock.testing.services.keystone import KeystoneServer
from flock.testing.services.postgresql import PostgresServer
from flock.testing.services.process import Process, free_port
from flock.testing.services.rabbitmq import RabbitNode, declare_exchange

ROOT = Path(__file__).resolve().parents[2]
# As a server is shipped; the tests' own server spares itself the disk.
DURABLE = ("fsync = on", "synchronous_commit = on", "full_page_writes = on")


@dataclass(frozen=True)
class Neighbours:
    """Running services. ``new_database(engine)`` gives the URL of an empty one."""

    folder: Path
    rabbit: RabbitNode
    keystone: KeystoneServer
    postgres: PostgresServer

    def new_database(self, engine: str) -> str:
        """``engine``: sqlite or postgresql, both as durable as they are shipped."""
        if engine == "sqlite":
            return f"sqlite:///{self.folder}/{uuid.uuid4().hex}.sqlite"
        return self.postgres.create_database()


@contextlib.contextmanager
def running() -> Iterator[Neighbours | None]:
    """All neighbours; None when one is not installed."""
    if not (RabbitNode.available() and KeystoneServer.available() and PostgresServer.available()):
        yield None
        return
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="flock-bench-")))
        folder.chmod(0o755)  # PostgreSQL runs as another user
        places = [folder / name for name in ("rabbit", "keystone", "postgres")]
        for place in places:
            place.mkdir()
        found = Neighbours(folder, RabbitNode(places[0]), KeystoneServer(places[1]), PostgresServer(places[2]))
        for service in (found.rabbit, found.keystone, found.postgres):
            stack.callback(service.stop)
            service.start()
        _make_durable(found.postgres)
        yield found


def _make_durable(server: PostgresServer) -> None:
    url = server.create_database()
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool)
    with engine.connect() as conn:
        for setting in DURABLE:
            conn.execute(sa.text(f"ALTER SYSTEM SET {setting}"))
        conn.execute(sa.text("SELECT pg_reload_conf()"))
    server.drop_database(url)


@dataclass
class Subsystem:
    """The daemons of one subsystem with one database, below ``folder``; ``exchange`` keeps them apart from others."""

    name: str
    around: Neighbours
    url: str
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.exchange = f"{self.name}-{uuid.uuid4().hex[:8]}"
        self.folder = self.around.folder / self.exchange
        self.folder.mkdir()
        # Daemons find it; only the broker's definitions make it.
        declare_exchange(self.around.rabbit.url, self.exchange)
        self.port = free_port()
        self.processes: list[Process] = []
        sections: dict[str, Mapping[str, Any]] = {
            "DEFAULT": {"transport_url": self.around.rabbit.url, "state_dir": self.folder / "state",
                        "run_dir": self.folder / "run"},
            "rpc": {"exchange": self.exchange}, "database": {"connection": self.url},
            "api": {"bind_host": "127.0.0.1", "bind_port": self.port, "workers": 1},
            "keystone_authtoken": self.around.keystone.authtoken_options(), **self.options}
        self.conf_file = self.folder / f"{self.name}.conf"
        write_conf(self.conf_file, sections)

    def start(self, program: str, ready: Callable[[], bool]) -> Process:
        """Start one daemon; returns when ``ready()``."""
        process = Process(program, [str(BIN / program)], self.folder, env=self.environment())
        self.processes.append(process)
        process.wait_until(ready, 60, f"{program} to serve")
        return process

    def start_api(self) -> Process:
        """Start ``<name>-api`` with one worker."""
        return self.start(f"{self.name}-api", lambda: api_serves(f"http://127.0.0.1:{self.port}"))

    def environment(self) -> dict[str, str]:
        """What a process needs to run this tree with this configuration."""
        return {**os.environ, "FLOCK_CONF_DIR": str(self.folder), "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}

    def stop(self) -> None:
        """End all daemons."""
        for process in reversed(self.processes):
            process.stop()

    def client(self) -> Client:
        """A reader's connection to the API."""
        return Client(self.port, self.around.keystone.token("reader"))


class Client:
    """One kept HTTP connection, with as little work of its own as possible."""

    def __init__(self, port: int, token: str | None = None) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {} if token is None else {"X-Auth-Token": token}

    def status(self, path: str) -> int:
        """The status of a GET."""
        return self._ask(path)[0]

    def get(self, path: str) -> bytes:
        """The body of a GET that succeeds."""
        status, body = self._ask(path)
        if status != 200:
            raise RuntimeError(f"{path}: {status} {body[:300]!r}")
        return body

    def _ask(self, path: str) -> tuple[int, bytes]:
        self._connection.request("GET", path, headers=self._headers)
        response = self._connection.getresponse()
        return response.status, response.read()


def family(master: int) -> list[int]:
    """A process and its children."""
    found = [master]
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(stat.read_text().rsplit(")", 1)[1].split()[1]) == master:
                found.append(int(stat.parent.name))
    return found


def resident_mib(pid: int, kind: str = "Rss") -> float:
    """Memory of one process: ``Rss`` resident, ``Pss`` its share of what it shares."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(f"{kind}:"):
                return int(line.split()[1]) / 1024
    return 0.0


def cpu_s(pid: int) -> float:
    """CPU seconds that a process has used: comparable when others use the machine, too."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

# SPDX-License-Identifier: Apache-2.0
"""The server of this node: what runs, its files of configuration, starting and stopping it."""
from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import pwd
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

from flock.core.errors import FlockError
from flock.exec import CommandFailed, CommandTimeout, run
from flock.exec.atomic import replace_text
from sm.daemon.guard import read_required
from sm.postgres import session, texts
from sm.postgres.decisions import Cluster, cluster_of
from sm.postgres.settings import Settings

LOG = logging.getLogger(__name__)
QUERY_S = 60
POLL_S = 0.05
KILLED_S = 5.0


class ServerFailed(FlockError):
    """The server does not do what it was told."""

    code: ClassVar[str] = "sm.postgres.server"
    http: ClassVar[int] = 500
    text: ClassVar[str] = "{reason}"


class Server:
    """The cluster of this node and its server."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._conf = Path(settings.configuration) / "conf.d/sm.conf"

    def look(self) -> Cluster:
        """What is on the disk and what runs. FlockError: it cannot be found out."""
        settings = self.settings
        if not (settings.data_directory / "global/pg_control").exists():
            return Cluster(new_whole=settings.beside("new.whole").exists())
        found = cluster_of(texts.control_values(self.program("pg_controldata", "-D", settings.data, timeout_s=QUERY_S)))
        stuck = settings.beside("stuck")
        return Cluster(True, self.pid() is not None, found.system, found.timeline, found.was_standby,
                       settings.beside("new.whole").exists(), settings.beside("rewinding").exists(), stuck.exists(),
                       settings.beside("rewound").exists())

    def program(self, name: str, *arguments: str, timeout_s: float) -> str:
        """Run one of PostgreSQL's programs as its user; what it prints. FlockError: it fails or takes too long."""
        settings = self.settings
        prefix = ["setpriv", "--reuid", settings.user, "--regid", str(self._account().pw_gid), "--init-groups", "--"]
        return run([*(prefix if os.geteuid() == 0 else []), settings.program(name), *arguments], timeout_s=timeout_s,
                   cwd="/", env={"HOME": "/nonexistent", "PGAPPNAME": texts.TOOL}).out

    def pid(self) -> int | None:
        """The process id of the server; None when it does not run."""
        try:
            pid = int((self.settings.data_directory / "postmaster.pid").read_text().split()[0])
        except (OSError, ValueError, IndexError):
            return None
        return pid if self._runs(pid) else None

    def is_primary(self, timeout_s: float = 5.0) -> bool:
        """Whether the running server can be written. DatabaseAway."""
        with session.local(self.settings, timeout_s) as open_session:
            return not open_session.value("SELECT pg_is_in_recovery()")

    def configure(self, primary: str, *, all_peers: bool) -> str:
        """Write the files of configuration, and return the list of standbys in them. The server does not know it yet.

        ``all_peers``: a standby that becomes writable waits for all, until it is told whom to wait for. Otherwise the
        guard's file says it.
        """
        settings = self.settings
        directory = Path(settings.configuration)
        for name, block in zip(("pg_hba.conf", "pg_ident.conf"), texts.access(settings), strict=True):
            path = directory / name
            before = path.read_text() if path.exists() else ""
            replace_text(path, texts.with_block(before, block), 0o640, self._account().pw_uid)
        with self.locked("conf"):
            required = None if all_peers else read_required(Path(settings.required))
            nodes = frozenset(settings.peers) if required is None else required - {settings.name}
            names = texts.standby_names(nodes, self.listed())
            replace_text(self._conf, texts.configuration(settings, primary, names), 0o644, self._account().pw_uid)
        return names

    def listed(self) -> str:
        """The list of standbys in the configuration."""
        return texts.listed(self._conf.read_text()) if self._conf.exists() else ""

    @contextlib.contextmanager
    def locked(self, what: str, timeout_s: float = 10.0) -> Iterator[None]:
        """Nobody else changes ``what`` meanwhile. ServerFailed: somebody holds it for too long."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(self.settings.beside(f"{what}.lock"), flags, 0o600)
        try:
            self._until(lambda: _lock(descriptor), timeout_s, f"another sm-postgres works on {what}")
            yield
        finally:
            os.close(descriptor)

    def start(self, timeout_s: float) -> None:
        """Start the server as a standby, and wait until it answers. ServerFailed, or FlockError of the program."""
        settings = self.settings
        mark = settings.data_directory / "standby.signal"
        replace_text(mark, "", 0o600, self._account().pw_uid)
        LOG.info("starts the server as a standby")
        end_s = time.monotonic() + timeout_s
        if settings.unit:
            run(["systemctl", "--no-ask-password", "start", settings.unit], timeout_s=timeout_s)
        else:
            self.program("pg_ctl", "start", "-w", "-t", str(max(1, int(timeout_s) - 1)), "-s", "-D", settings.data,
                         "-l", str(settings.beside("log")), "-o",
                         f"-c config_file={settings.configuration}/postgresql.conf", timeout_s=timeout_s)
        self._until(self._answers, end_s - time.monotonic(), "the server does not answer")

    def stop(self, timeout_s: float) -> None:
        """Stop the server: fast, then at once, then by SIGKILL. When this returns, no process of it is left."""
        pid = self.pid()
        if pid is None:
            self.clear()
            return
        # A server that stands still obeys no signal but SIGKILL.
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
        for mode, share in (("fast", 0.6), ("immediate", 0.2)):
            LOG.info("stops the server (%s)", mode)
            try:
                if self.settings.unit and mode == "fast":
                    run(["systemctl", "--no-ask-password", "stop", self.settings.unit], timeout_s=timeout_s * share)
                else:
                    self.program("pg_ctl", "stop", "-m", mode, "-D", self.settings.data, "-w", "-s", "-t",
                                 str(max(1, int(timeout_s * share) - 1)), timeout_s=timeout_s * share)
            except (CommandFailed, CommandTimeout) as error:
                LOG.warning("%s", error)
            if self.pid() is None:
                break
        self.clear()

    def clear(self) -> None:
        """Kill what is left of the server. Sessions of one that was killed go on for a moment, and may write.

        Its files with the process id go too: a new server takes a zombie, or any other program that has got the
        number, for a server that runs.
        """
        for pid in self._processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._until(lambda: not self._processes(), KILLED_S, "processes of the server do not end")
        data = self.settings.data_directory
        (data / "postmaster.pid").unlink(missing_ok=True)
        lock = Path(self.settings.socket) / f".s.PGSQL.{self.settings.port}.lock"
        with contextlib.suppress(OSError, IndexError):
            # Its second line names the data of the server that has made it.
            if Path(lock.read_text().splitlines()[1]).resolve() == data.resolve():
                lock.unlink()

    def remove(self, path: Path) -> None:
        """Remove a directory or a file, if it is there."""
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    def _processes(self) -> list[int]:
        """The processes of this server, also those whose parent has died."""
        return [int(path.name) for path in Path("/proc").iterdir()
                if path.name.isdecimal() and self._runs(int(path.name))]

    def _runs(self, pid: int) -> bool:
        """Whether a process of this server runs under this number; a zombie does not."""
        try:
            name, _, rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")
            directory = os.readlink(f"/proc/{pid}/cwd")
        except OSError:
            return False
        own = name.endswith("(postgres") and directory == os.path.realpath(self.settings.data)
        return own and rest.split()[0] != "Z"

    def copy_certificate(self) -> None:
        """The certificate of the host and its key, for the user of the server. A host without them has none to show."""
        for suffix, source in (("crt", self.settings.certificate), ("key", self.settings.key)):
            try:
                text = Path(source).read_text()
            except OSError as error:
                LOG.warning("%s cannot be read: %s", source, error.strerror)
                continue
            replace_text(self.settings.beside(suffix), text, 0o600, self._account().pw_uid)

    def _answers(self) -> bool:
        if self.pid() is None:
            raise ServerFailed(reason="the server has ended; its log says why")
        try:
            self.is_primary(1.0)
        except session.DatabaseAway as error:
            LOG.debug("%s", error)
            return False
        return True

    def _account(self) -> pwd.struct_passwd:
        return pwd.getpwnam(self.settings.user)

    def _until(self, condition: Callable[[], bool], timeout_s: float, what: str) -> None:
        end_s = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() >= end_s:
                raise ServerFailed(reason=f"{what} after {timeout_s:.0f} s")
            time.sleep(POLL_S)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

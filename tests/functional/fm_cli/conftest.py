# SPDX-License-Identifier: Apache-2.0
"""``fm`` run in this process against both daemons and Keystone; its endpoint is in the catalogue."""
from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Iterator
from typing import TextIO

import pytest

from flock.cli.shell import FlockShell
from flock.cli.tokens import Keyring
from flock.testing.cli import MemoryKeyring, Ran
from flock.testing.daemons import empty_database
from flock.testing.services.keystone import KeystoneServer
from flock.testing.services.rabbitmq import RabbitNode
from flock.testing.terminal import Terminal
from fm.cmd.shell import PROGRAM
from tests.functional.fm.service import FaultManagement

SERVICE_TYPE = "faultmanagement-cli"  # of its own, because other services of the session stand in the same catalogue


class Operator:
    """Somebody who types commands; ``environ`` is the shell's environment."""

    def __init__(self, service: FaultManagement, environ: dict[str, str], keyring: Keyring) -> None:
        self.service = service
        self.environ = environ
        self.keyring = keyring

    def __call__(self, *argv: str, stdin: str = "", **environ: str) -> Ran:
        """Run ``fm`` with these arguments (a single one is split at spaces)."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):  # argparse writes to the process's own
            code = self._run(argv, environ, io.StringIO(stdin), out, err)
        return Ran(code, out.getvalue(), err.getvalue())

    def on(self, terminal: Terminal, *argv: str) -> int:
        """Run ``fm`` on a terminal; what it shows is ``terminal.screen``."""
        return terminal.run(lambda stdin, stdout: self._run(argv, {}, stdin, stdout, stdout))

    def _run(self, argv: tuple[str, ...], environ: dict[str, str], stdin: TextIO, out: TextIO, err: TextIO) -> int:
        words = argv[0].split() if len(argv) == 1 else list(argv)
        shell = FlockShell(PROGRAM, {**self.environ, **environ}, keyring=self.keyring, stdin=stdin, stdout=out,
                           stderr=err)
        try:
            return shell.run(words)
        except SystemExit as leaving:
            return leaving.code if isinstance(leaving.code, int) else 1


@pytest.fixture(scope="session")
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, rabbit: RabbitNode,
            keystone: KeystoneServer) -> Iterator[FaultManagement]:
    """Both daemons, shared by these tests; which database engine does not matter to a client."""
    folder = tmp_path_factory.mktemp("fm_cli")
    with empty_database(request, "sqlite", folder) as url:
        service = FaultManagement(folder, url, rabbit.new_vhost_url(), keystone)
        try:
            service.start()
            keystone.add_service(SERVICE_TYPE, "fm-cli", service.base)
            yield service
        finally:
            service.stop()


@pytest.fixture(scope="session")
def keyring() -> MemoryKeyring:
    """The session keyring of these tests, so that not every command logs in."""
    return MemoryKeyring()


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A zone other than UTC, no confirmations."""
    monkeypatch.delenv("CLI_CONFIRMATIONS", raising=False)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def operators(running: FaultManagement, keystone: KeystoneServer, keyring: MemoryKeyring) -> object:
    """``operators(role, project)``: somebody with that role."""
    def make(role: str = "configurator", project: str = "services", keyring: Keyring = keyring) -> Operator:
        return Operator(running, {**keystone.credentials(role, project), "OS_SERVICE_TYPE": SERVICE_TYPE}, keyring)
    return make


@pytest.fixture
def fm(running: FaultManagement, operators: object) -> Operator:
    """A configurator before an empty list of alarms and an empty log."""
    running.clean()
    for silence in running.http().get(f"{running.base}/v1/silences").json()["silences"]:
        assert running.http().delete(f"{running.base}/v1/silences/{silence['uuid']}").status_code == 204
    return operators()  # type: ignore[operator,no-any-return]

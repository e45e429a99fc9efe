# SPDX-License-Identifier: Apache-2.0
"""A cluster whose programs are scripts, and sessions that answer as they are told."""
from __future__ import annotations

import contextlib
import getpass
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sm.core.domain.view import Durable, Record
from sm.postgres import session, settings
from sm.postgres.settings import Settings
from sm.store import agreement
from sm.store.file import connect
from sm.store.kept import Kept

CONTROL = """#!/bin/sh
cat << END
Database system identifier:           71
Database cluster state:               ${STATE:-in production}
Latest checkpoint's TimeLineID:       3
Min recovery ending loc's timeline:   0
END
"""
COPY = """#!/bin/sh
mkdir -p "$2/global" && echo new > "$2/global/pg_control"
"""


class Place:
    """The directories of a cluster of controller-0, whose peer is controller-1."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("conf/conf.d", "bin", "pg"):
            (folder / name).mkdir(parents=True)
        config = folder / "postgres.conf"
        config.write_text(yaml.safe_dump({
            "node": "controller-0", "peers": {"controller-1": "127.0.0.1"}, "data": str(folder / "pg/main"),
            "configuration": str(folder / "conf"), "binaries": str(folder / "bin"), "socket": str(folder / "run"),
            "user": getpass.getuser(), "unit": "", "certificate": str(folder / "host.crt"),
            "key": str(folder / "host.key"), "required": str(folder / "required.json"),
            "store": str(folder / "sm.db")}))
        self.settings: Settings = settings.read(config)
        self.script("pg_controldata", CONTROL)
        self.script("pg_basebackup", COPY)
        self.script("pg_rewind", "#!/bin/sh\nexit 0\n")

    def script(self, name: str, text: str) -> None:
        path = self.folder / "bin" / name
        path.write_text(text)
        path.chmod(0o755)

    def put(self, suffix: str = "", content: str = "old") -> None:
        """A data directory; ``suffix`` names one beside it."""
        data = self.settings.beside(suffix) if suffix else self.settings.data_directory
        (data / "global").mkdir(parents=True)
        (data / "global/pg_control").write_text(content)

    def content(self, suffix: str = "") -> str:
        data = self.settings.beside(suffix) if suffix else self.settings.data_directory
        return (data / "global/pg_control").read_text().strip()

    def beside(self) -> list[str]:
        """What lies in the directory of the cluster."""
        return sorted(path.name for path in (self.folder / "pg").iterdir() if not path.name.endswith(".lock"))

    def record(self, *members: str) -> None:
        path = Path(self.settings.store)
        connection = connect(path)
        agreement.put(Kept(path, connection), Durable(record=Record(7, 1, frozenset(members))))
        connection.close()


class Answers:
    """Sessions: the first answer whose key is in the statement. ``said``: the statements."""

    def __init__(self) -> None:
        self.rows_by_text: dict[str, Any] = {}
        self.said: list[str] = []

    def rows(self, statement: str, values: object = (), timeout_s: float = 0) -> list[Any]:
        self.said.append(statement)
        for text, answer in self.rows_by_text.items():
            if text in statement:
                if isinstance(answer, Exception):
                    raise answer
                return list(answer() if callable(answer) else answer)
        return []

    def value(self, statement: str, values: object = (), timeout_s: float = 0) -> Any:
        found = self.rows(statement, values)
        return found[0][0] if found else None

    def close(self) -> None:
        """Nothing is held."""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """The server of this node."""
    return _patched(monkeypatch, "local", "kept")


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """The server of the peer."""
    return _patched(monkeypatch, "remote")


def _patched(monkeypatch: pytest.MonkeyPatch, *names: str) -> Answers:
    answers = Answers()

    @contextlib.contextmanager
    def opened(*args: object) -> Iterator[Answers]:
        if isinstance(answers.rows_by_text.get(""), Exception):
            raise answers.rows_by_text[""]
        yield answers

    kept: Callable[..., Answers] = lambda *args: answers  # noqa: E731
    for name in names:
        monkeypatch.setattr(session, name, kept if name == "kept" else opened)
    return answers

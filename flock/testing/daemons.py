# SPDX-License-Identifier: Apache-2.0
"""Runs this project's daemons as processes of a test: writes their configuration, starts them, checks their API."""
from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from flock.testing.services.forks import loaded
from flock.testing.services.process import Process, port_open

BIN = Path(sys.prefix) / "bin"


def write_conf(path: Path, sections: Mapping[str, Mapping[str, Any]]) -> None:
    """Write ``{section: {option: value}}`` to a configuration file; creates its directory."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [line for name, options in sections.items()
             for line in (f"[{name}]", *(f"{key} = {value}" for key, value in options.items()), "")]
    path.write_text("\n".join(lines))


def start_daemon(name: str, folder: Path, conf_dir: Path) -> Process:
    """Start the console script ``name`` with the configuration in ``conf_dir``; its log is ``folder/<name>.log``.

    It is forked from a process that has loaded its modules: imports would take most of the time of many tests.
    """
    env = {**os.environ, "FLOCK_CONF_DIR": str(conf_dir), "PYTHONWARNINGS": "ignore"}
    return Process(name, [str(BIN / name)], folder, env=env, loaded=loaded(name))


def api_serves(base_url: str) -> bool:
    """True when the API at ``base_url`` reports that it is healthy."""
    port = urlsplit(base_url).port
    if port is not None and not port_open(port):
        # A test asks often until it listens, and an HTTP client costs a hundred times as much.
        return False
    try:
        return requests.get(f"{base_url}/healthz", timeout=5).status_code == 200
    except requests.ConnectionError:
        return False


@contextmanager
def empty_database(request: pytest.FixtureRequest, engine: str, folder: Path) -> Iterator[str]:
    """The SQLAlchemy URL of an empty database: ``sqlite`` below ``folder``, ``postgresql`` in the session's server."""
    if engine == "sqlite":
        yield f"sqlite:///{folder}/test.sqlite"
        return
    server = request.getfixturevalue("postgres")
    url: str = server.create_database()
    try:
        yield url
    finally:
        server.drop_database(url)

# SPDX-License-Identifier: Apache-2.0
"""Configuration files of daemons under test, and databases for them."""
from __future__ import annotations

import configparser
import threading
from pathlib import Path

import pytest

from flock.testing import daemons
from flock.testing.services.process import Process, ServiceFailed, free_port


def test_configuration_is_read_back_as_it_was_given(tmp_path: Path) -> None:
    path = tmp_path / "conf" / "fm.conf"
    daemons.write_conf(path, {"DEFAULT": {"state_dir": "/x"}, "api": {"bind_port": 7, "bind_host": "127.0.0.1"}})
    parser = configparser.ConfigParser(default_section="none")
    parser.read(path)
    assert {name: dict(parser[name]) for name in parser.sections()} == {
        "DEFAULT": {"state_dir": "/x"}, "api": {"bind_port": "7", "bind_host": "127.0.0.1"}}


def test_an_api_that_is_not_there_does_not_serve() -> None:
    assert not daemons.api_serves(f"http://127.0.0.1:{free_port()}")


def test_sqlite_lives_below_the_folder(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    with daemons.empty_database(request, "sqlite", tmp_path) as url:
        assert url.startswith(f"sqlite:///{tmp_path}/")


def test_a_process_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    """The kernel kills it with its parent, which is a thread."""
    started: list[Process] = []
    starter = threading.Thread(target=lambda: started.append(Process("lasting", ["sleep", "60"], tmp_path)))
    starter.start()
    starter.join()
    (process,) = started
    try:
        with pytest.raises(ServiceFailed, match="not within"):
            process.wait_until(lambda: False, 0.3, "its end")
        assert process.running
    finally:
        process.kill()

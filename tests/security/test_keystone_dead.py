# SPDX-License-Identifier: Apache-2.0
"""A Keystone that is stopped, or whose threads are all held, shows on the health pages; a real one."""
from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from oslo_config import cfg

from flock.auth.keystone import SILENT_S, KeystoneWatch, question
from flock.core.errors import Unavailable
from flock.testing.daemons import write_conf
from flock.testing.services.keystone import PASSWORD, KeystoneServer

pytestmark = pytest.mark.skipif(not KeystoneServer.available(), reason="Keystone is not installed")


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[KeystoneServer]:
    """A Keystone of this test alone."""
    made = KeystoneServer(tmp_path)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def configured(folder: Path, keystone: KeystoneServer, **changes: str) -> Any:
    conf, file = cfg.ConfigOpts(), folder / "t.conf"
    write_conf(file, {"keystone_authtoken": {**keystone.authtoken_options(), **changes}})
    conf([], default_config_files=[str(file)])
    return conf


def test_it_shows_that_keystone_is_held_and_that_it_is_back(mortal: KeystoneServer, tmp_path: Path) -> None:
    now = [0.0]
    watch = KeystoneWatch(configured(tmp_path, mortal), clock=lambda: now[0])
    assert mortal._process is not None
    for _ in range(2):
        watch.check()
        assert watch.trouble() is None
        mortal._process.send_signal(signal.SIGSTOP)
        now[0] += SILENT_S + 1
        watch.check()
        assert "has checked no token" in str(watch.trouble())
        mortal._process.send_signal(signal.SIGCONT)
        watch.check()
        assert watch.trouble() is None


def test_a_user_that_keystone_refuses_is_trouble_too(mortal: KeystoneServer, tmp_path: Path) -> None:
    ask = question(configured(tmp_path, mortal, password=PASSWORD + "x"))
    assert ask is not None
    with pytest.raises(Unavailable, match="Unauthorized"):
        ask()

# SPDX-License-Identifier: Apache-2.0
"""``sm-daemon --check`` finds what would keep the daemon from starting."""
from __future__ import annotations

import json
from pathlib import Path

import pytest

from sm.cmd import daemon
from sm.cmd.key import _first_ring
from sm.store.store import Store
from sm.transport.keyring import KeyFile
from tests.unit.sm.catalogue.sites import few


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "sm.conf"
    path.write_text(json.dumps({"node": "controller-0", "store": str(tmp_path / "sm.db"), "key": str(tmp_path / "key"),
                                "site": str(tmp_path / "site.yaml")}))
    Store.open(tmp_path / "sm.db", few).close()
    return path


def checked(config: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    status = daemon.run(["--config", str(config), "--check"])
    out = capsys.readouterr()
    return status, out.out + out.err


def test_good_settings_are_told_with_their_paths(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    KeyFile(config.parent / "key").create(_first_ring())
    status, text = checked(config, capsys)
    assert status == 0 and "paths to other nodes: mgmt, cluster-host, oam" in text


def test_a_missing_key_and_that_of_a_witness_are_refused(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, text = checked(config, capsys)
    assert status == 1 and str(config.parent / "key") in text
    KeyFile(config.parent / "key").create(_first_ring(), "arbiter")
    status, text = checked(config, capsys)
    assert status == 1 and "is that of the witness arbiter" in text


def test_without_a_store_the_site_is_checked(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (config.parent / "sm.db").unlink()
    (config.parent / "site.yaml").write_text("mode: triplex\nunit: controller-0\n")
    status, text = checked(config, capsys)
    assert status == 1 and "mode" in text
    assert not (config.parent / "sm.db").exists()
